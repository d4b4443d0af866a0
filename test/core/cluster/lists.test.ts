/**
 * Lists are told once and then only referred to. The slow twin is a hello that carries them always: what the receiver knows
 * after a quiet while must be what the sender's lists are, whatever was lost, repeated, overtaken or restarted before.
 */
import test from 'ava';
import fc from 'fast-check';
import { Gossip } from '../../../src/core/cluster/gossip.js';
import { parseHello } from '../../../src/core/cluster/hello.js';
import { ListNumbers } from '../../../src/core/cluster/lists.js';
import { type MemberRecord, ONE_UPLINK } from '../../../src/core/cluster/record.js';
import { Directory, type Roster } from '../../../src/core/cluster/roster.js';
import { CLUSTER_DEFAULTS } from '../../../src/core/cluster/settings.js';
import { Waits } from '../../../src/core/cluster/waits.js';

const SETTINGS = { ...CLUSTER_DEFAULTS, failback: 'automatic', redis: false } as const;
const STEP_MS = 50;
const QUIET_MS = 3_000;
const CLUSTERS = Array.from({ length: 150 }, (_, index) => `a-cluster-with-a-long-name-${index}`);

const RECORD: MemberRecord = {
  incarnation: 0,
  sequence: 0,
  role: 'standby',
  epoch: undefined,
  able: true,
  lan: true,
  lanProven: false,
  serve: true,
  held: false,
  score: 0,
  uplinks: ONE_UPLINK,
};

/** Both nodes, and `extra` further clusters that the one who reads the roster knows. */
function rosterOf(own: 0 | 1, clusters: number): Roster {
  const single = (name: string, peer: number) => ({
    name,
    gateway: name === 'hub',
    members: [{ name, peer }],
  });
  return {
    clusters: [
      single('hub', own === 0 ? -1 : 0),
      single('edge', own === 1 ? -1 : 0),
      ...CLUSTERS.slice(0, clusters).map((name) => single(name, -1)),
    ],
    ownCluster: own,
    ownMember: 0,
  };
}

class End {
  readonly sent: Uint8Array[] = [];
  readonly own: 0 | 1;
  directory: Directory;
  gossip: Gossip;
  #waits = new Waits();
  #starts = 1;
  #incarnation = 1_000;

  constructor(own: 0 | 1) {
    this.own = own;
    this.directory = new Directory(rosterOf(own, CLUSTERS.length));
    this.gossip = this.#open();
  }

  get other() {
    return this.directory.peer(0)!;
  }

  #open(): Gossip {
    return new Gossip(
      {
        settings: SETTINGS,
        waits: this.#waits,
        directory: () => this.directory,
        own: () => ({ ...RECORD, incarnation: this.gossip.incarnation }),
        emit: (output) => {
          if (output.type === 'send') this.sent.push(output.bytes);
        },
        onOwnEpoch: () => {},
        onIncarnation: () => {},
      },
      this.#incarnation,
    );
  }

  /** A later start has a higher number; or a lower one, where the clock went back. */
  restart(now: number, clockBack: boolean): void {
    this.#starts++;
    this.#incarnation = clockBack ? 500 - this.#starts : 1_000 * this.#starts;
    const { reach } = this.gossip;
    this.directory = new Directory(rosterOf(this.own, CLUSTERS.length));
    this.gossip = this.#open();
    this.gossip.reach = reach;
    this.gossip.handleSession(this.other, true, now);
  }

  reload(clusters: number): void {
    const before = this.directory;
    this.directory = new Directory(rosterOf(this.own, clusters), before);
    this.gossip.forget(before);
  }

  send(now: number): void {
    this.#waits.begin(now);
    this.gossip.hearRemotes();
    this.gossip.send();
  }
}

const step = fc.oneof(
  { weight: 10, arbitrary: fc.constant({ do: 'nothing' } as const) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reach' as const), names: fc.nat({ max: 150 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('epoch' as const), cluster: fc.nat({ max: 149 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      end: fc.constantFrom(0, 1),
      clockBack: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('session' as const), end: fc.constantFrom(0, 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reload' as const), clusters: fc.nat({ max: 150 }) }) },
);
const steps = fc.array(step, { maxLength: 80 });
/** For each datagram: it is lost, comes in this step or a later one, perhaps twice. */
const fates = fc.infiniteStream(fc.constantFrom('lost', 'now', 'now', 'now', 'later', 'twice' as const));

interface Flying {
  readonly to: 0 | 1;
  readonly bytes: Uint8Array;
}

/** Runs the steps under the fates, then a quiet while; returns both ends, and what was sent in the last second. */
function run(
  doings: readonly (typeof steps extends fc.Arbitrary<infer T> ? T : never)[number][],
  fate: Iterator<string>,
) {
  const ends = [new End(0), new End(1)] as const;
  let now = 0;
  let later: Flying[] = [];
  let n = 0;
  for (const end of ends) end.gossip.handleSession(end.other, true, now);
  const last: Uint8Array[] = [];
  const breathe = (quiet: boolean, keep: boolean): void => {
    now += STEP_MS;
    for (const end of ends) end.other.receivedAtMs = now;
    const arriving = later;
    later = [];
    for (const end of ends) {
      end.send(now);
      for (const bytes of end.sent.splice(0)) {
        const flying = { to: end.own === 0 ? 1 : 0, bytes } as const;
        if (keep) last.push(bytes);
        const what = quiet ? 'now' : fate.next().value;
        if (what === 'now' || what === 'twice') arriving.unshift(flying);
        if (what === 'later' || what === 'twice') later.push(flying);
      }
    }
    for (const { to, bytes } of arriving) ends[to].gossip.handleHello(0, bytes, now);
  };
  for (const doing of doings) {
    const [hub, edge] = ends;
    if (doing.do === 'reach') {
      hub.gossip.reach = { direct: CLUSTERS.slice(0, doing.names), throughHub: CLUSTERS.slice(doing.names) };
      hub.gossip.markAll(false);
    } else if (doing.do === 'epoch') {
      const cluster = hub.directory.cluster(CLUSTERS[doing.cluster]);
      if (cluster !== undefined) cluster.epoch = { n: ++n, member: 0 };
      hub.gossip.markAll(true);
    } else if (doing.do === 'restart') ends[doing.end].restart(now, doing.clockBack);
    else if (doing.do === 'session') {
      const end = ends[doing.end];
      end.gossip.handleSession(end.other, !end.other.up, now);
    } else if (doing.do === 'reload') edge.reload(doing.clusters);
    breathe(false, false);
  }
  for (const end of ends) if (!end.other.up) end.gossip.handleSession(end.other, true, now);
  const end = now + QUIET_MS;
  while (now < end) breathe(true, now >= end - 1_000);
  return { ends, last };
}

test('after any losses and restarts the receiver knows the lists as they are, and they are no longer sent', (t) => {
  fc.assert(
    fc.property(steps, fates, (doings, fate) => {
      const { ends, last } = run(doings, fate);
      const [hub, edge] = ends;
      t.deepEqual([...edge.other.direct].toSorted(), hub.gossip.reach.direct.toSorted());
      t.deepEqual([...edge.other.throughHub].toSorted(), hub.gossip.reach.throughHub.toSorted());
      for (const { name, epoch } of hub.directory.clusters) {
        const known = edge.directory.cluster(name);
        if (epoch !== undefined && known !== undefined) t.true((known.epoch?.n ?? 0) >= epoch.n, name);
      }
      t.true(edge.other.reported && hub.other.reported);
      const hellos = last.map((bytes) => parseHello(bytes)!).filter(({ kind }) => kind === 'hello');
      t.true(hellos.length >= 2);
      t.true(hellos.every((hello) => hello.kind === 'hello' && hello.keeps));
    }),
    { numRuns: 300 },
  );
});

test('a number stands for one content, for whomever it is meant', (t) => {
  const numbers = new ListNumbers<string>();
  const a = [['d', '"a"']] as const;
  t.is(numbers.number('x', a).revision, 1);
  t.is(numbers.number('x', [['d', '"a"']]).revision, 1);
  t.is(numbers.number('y', a).revision, 2);
  t.is(numbers.number('x', [['h', '"a"']]).revision, 3);
  t.is(numbers.number('x', a).revision, 4);
});
