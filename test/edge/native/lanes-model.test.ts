/** How a worker and a lane share jobs (native/lanes.cc), as a model of their loads and stores that is run in every order. */
import test from 'ava';

/** Rows of each job, which are taken one by one. */
const JOBS = [1, 2, 1];

interface Shared {
  /** Number of the job, and the word from which pieces are claimed: [job, rows left], or [job, next row] in the faulty one. */
  readonly job: number;
  readonly word: readonly [number, number];
  /** What the piece is to work on: here the number of the job. */
  readonly argument: number;
  readonly rows: number;
  readonly done: number;
  /** Each row done: [job, row]. */
  readonly log: readonly (readonly [number, number])[];
}

/** A thread: where it stands, for which job, and what it has read. */
interface Thread {
  readonly at: string;
  readonly job: number;
  readonly seen: readonly [number, number];
  readonly rows: number;
}

type Move = readonly [Partial<Shared>, Partial<Thread>];

/** The steps of Lanes::work; it ends at `idle`. */
function work(shared: Shared, thread: Thread, faulty: boolean): Move {
  const { seen, job } = thread;
  switch (thread.at) {
    case 'load':
      return [{}, { seen: shared.word, at: 'look' }];
    case 'look':
      return [
        {},
        { rows: shared.rows, at: seen[0] !== job || (!faulty && seen[1] === 0) ? 'idle' : 'claim' },
      ];
    case 'claim': {
      if (faulty && seen[1] >= thread.rows) return [{}, { at: 'idle' }];
      const same = shared.word[0] === seen[0] && shared.word[1] === seen[1];
      if (!same) return [{}, { seen: shared.word, at: 'look' }];
      return [{ word: [seen[0], seen[1] + (faulty ? 1 : -1)] }, { at: 'do' }];
    }
    case 'do':
      return [{ log: [...shared.log, [shared.argument, faulty ? seen[1] : seen[1] - 1]] }, { at: 'tell' }];
    default:
      return [{ done: shared.done + 1 }, { at: 'load' }];
  }
}

/** The worker's next step; undefined: it waits, or all is over. */
function workerMove(shared: Shared, thread: Thread, faulty: boolean): Move | undefined {
  const rows = JOBS[thread.job - 1];
  switch (thread.at) {
    case 'begin':
      return rows === undefined ? undefined : [{ argument: thread.job }, { at: 'rows' }];
    case 'rows':
      return [{ rows }, { at: 'done' }];
    case 'done':
      return [{ done: 0 }, { at: 'word' }];
    case 'word':
      return [{ word: [thread.job, faulty ? 0 : rows] }, { at: 'job' }];
    case 'job':
      return [{ job: thread.job }, { at: 'load' }];
    case 'idle':
      return shared.done < rows ? undefined : [{}, { at: 'begin', job: thread.job + 1 }];
    default:
      return work(shared, thread, faulty);
  }
}

/** The lane's: it sees a job that is new to it, or another one before it has looked. */
function laneMove(shared: Shared, thread: Thread, faulty: boolean): Move | undefined {
  if (thread.at !== 'idle') return work(shared, thread, faulty);
  return shared.job === thread.job ? undefined : [{}, { job: shared.job, at: 'load' }];
}

/** Every order in which the two can end: what they have done. */
function outcomes(faulty: boolean): Set<string> {
  const thread: Thread = { at: 'begin', job: 1, seen: [0, 0], rows: 0 };
  const shared: Shared = { job: 0, word: [0, 0], argument: 0, rows: 0, done: 0, log: [] };
  const waiting: (readonly [Shared, Thread, Thread])[] = [
    [shared, thread, { ...thread, at: 'idle', job: 0 }],
  ];
  const known = new Set<string>();
  const found = new Set<string>();
  for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
    const name = JSON.stringify(state);
    if (known.has(name)) continue;
    known.add(name);
    const [now, worker, lane] = state;
    const moves = [workerMove(now, worker, faulty), laneMove(now, lane, faulty)];
    if (moves[0] !== undefined) {
      waiting.push([{ ...now, ...moves[0][0] }, { ...worker, ...moves[0][1] }, lane]);
    }
    if (moves[1] !== undefined) {
      waiting.push([{ ...now, ...moves[1][0] }, worker, { ...lane, ...moves[1][1] }]);
    }
    if (moves.every((move) => move === undefined)) found.add(JSON.stringify([...now.log].sort()));
  }
  return found;
}

const ALL = JSON.stringify(
  JOBS.flatMap((rows, job) => Array.from({ length: rows }, (_, row) => [job + 1, row])),
);

test('in every order of their steps each row of each job is done once, and for its job', (t) => {
  t.deepEqual([...outcomes(false)], [ALL]);
});

test('the model finds it where the number of rows is read apart from the word that is claimed', (t) => {
  t.true([...outcomes(true)].some((outcome) => outcome !== ALL));
});
