/** Runs of iperf3 between two hosts, wherever the hosts are. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Child, openChild } from '../run/child.js';
import { tryCommand } from '../run/command.js';
import { addressOf, type Host } from '../scenario.js';
import { type Figures, figuresFrom, INTERVAL_S, readReport } from './figures.js';

/** Where the hosts run: namespaces of this machine, or virtual machines. */
export interface Place {
  /** The words that run a command as root on a host. */
  words(host: string, argv: readonly string[]): string[];
  /** Waits until nothing of an earlier failure is left. */
  settle(): Promise<void>;
  fail(what: string): Promise<void>;
  heal(what: string): Promise<void>;
}

export interface Run {
  readonly from: Host;
  readonly to: Host;
  /** Address of `to` as `from` reaches it. */
  readonly address: string;
  readonly udp: boolean;
  /** Whether `to` sends. */
  readonly reverse: boolean;
  readonly seconds: number;
  readonly streams: number;
  /** Of UDP, bits per second as iperf3 writes them: 100M. */
  readonly rate: string;
  /** What fails after a third of the time and is mended after two thirds. */
  readonly during: string | undefined;
  readonly onProgress: (elapsedS: number, note: string) => void;
  readonly signal: AbortSignal;
}

const PORT = '5299';
const CONNECT_MS = 3_000;
/** Beyond its seconds, a run may take this long to begin and to end. */
const GRACE_MS = 20_000;
const TICK_MS = 500;

/** A server for one run; it is ready when the port listens, which with JSON it does not say itself. */
function serve(place: Place, to: Host): Promise<Child> {
  const script = `(until ss -Hltn "sport = :${PORT}" | grep -q .; do sleep 0.05; done; echo ready) &
exec iperf3 --server --one-off --json --interval ${INTERVAL_S} --port ${PORT} --bind ${addressOf(to)}`;
  return openChild(place.words(to.name, ['sh', '-c', script]), 'ready');
}

function clientArgv(run: Run): string[] {
  const argv = ['iperf3', '--client', run.address, '--bind', addressOf(run.from), '--port', PORT, '--json'];
  argv.push(
    '--interval',
    String(INTERVAL_S),
    '--time',
    String(run.seconds),
    '--parallel',
    String(run.streams),
  );
  argv.push('--connect-timeout', String(CONNECT_MS));
  if (run.udp) argv.push('--udp', '--bitrate', run.rate);
  if (run.reverse) argv.push('--reverse');
  return argv;
}

/** Breaks and mends while a run goes on, unless it ends before; resolves when all is mended. */
async function disturb(
  place: Pick<Place, 'fail' | 'heal'>,
  what: string,
  run: Run,
  ended: Promise<unknown>,
): Promise<void> {
  const thirdMs = (run.seconds * 1000) / 3;
  const over = ended.then(() => true);
  const third = async () => await Promise.race([over, pause(thirdMs, false)]);
  if (await third()) return;
  await place.fail(what);
  try {
    await third();
  } finally {
    await place.heal(what);
  }
}

/** One run; a sentence where it gave no figures. Throws what `fail` and `heal` throw. */
export async function measure(place: Place, run: Run): Promise<Figures | string> {
  const server = await serve(place, run.to);
  const began = performance.now();
  let note = '';
  const timer = setInterval(() => run.onProgress((performance.now() - began) / 1000, note), TICK_MS);
  try {
    const timeoutMs = run.seconds * 1000 + GRACE_MS;
    const client = tryCommand(place.words(run.from.name, clientArgv(run)), { timeoutMs, signal: run.signal });
    if (run.during !== undefined) {
      const told = {
        fail: (what: string) => {
          note = `${what} fails`;
          return place.fail(what);
        },
        heal: (what: string) => {
          note = `${what} heals`;
          return place.heal(what);
        },
      };
      await disturb(told, run.during, run, client);
    }
    const outcome = await client;
    run.signal.throwIfAborted();
    const serverText = await server.end(outcome.code === 0 ? undefined : 'SIGTERM');
    if (outcome.timedOut) return 'the connection did not come through in time';
    const said = readReport(outcome.stdout);
    const receiver = run.reverse ? said : readReport(serverText.slice(serverText.indexOf('ready') + 5));
    return figuresFrom(said, outcome.code === 0 ? receiver : said, run.udp, run.seconds);
  } finally {
    clearInterval(timer);
    await server.end('SIGTERM');
  }
}
