/**
 * Lists are told once and then only referred to. The slow twin is a hello that carries them always: what the receiver knows
 * after a quiet while must be what the sender's lists are, whatever was lost, repeated, overtaken or restarted before.
 */
import test from 'ava';
import fc from 'fast-check';
import { Gossip } from '../../../src/core/cluster/gossip.js';
import { encodeHello, parseHello } from '../../../src/core/cluster/hello.js';
import { ListNumbers } from '../../../src/core/cluster/lists.js';
import { type MemberRecord, ONE_UPLINK } from '../../../src/core/cluster/record.js';
import { Directory, type Roster } from '../../../src/core/cluster/roster.js';
import { CLUSTER_DEFAULTS } from '../../../src/core/cluster/settings.js';
import { Waits } from '../../../src/core/cluster/waits.js';

const SETTINGS = { ...CLUSTER_DEFAULTS, failback: 'automatic', redis: false } as const;
const STEP_MS = 50;
const QUIET_MS = 15_000;
/** In it everybody says hello, however settled. */
const LAST_MS = 5_000;
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
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('reload' as const), clusters: fc.constantFrom(0, 150) }),
  },
);
const steps = fc.array(step, { maxLength: 80 });
/** For each datagram: it is lost, comes in this step or a later one, perhaps twice. */
const fates = fc.infiniteStream(fc.constantFrom('lost', 'now', 'now', 'now', 'later', 'twice' as const));

interface Flying {
  readonly to: 0 | 1;
  readonly bytes: Uint8Array;
}

/** Runs the steps under the fates, then a quiet while; returns both ends, and what was sent last. */
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
  while (now < end) breathe(true, now >= end - LAST_MS);
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

/** A hub and an edge with an up session, and how what one has to say at `now` comes to the other. */
function couple() {
  const [hub, edge] = [new End(0), new End(1)];
  const say = (from: End, now: number): Uint8Array[] => {
    for (const end of [hub, edge]) end.other.receivedAtMs = now;
    from.send(now);
    return from.sent.splice(0);
  };
  const carry = (bytes: readonly Uint8Array[], to: End, now: number): void => {
    for (const one of bytes) to.gossip.handleHello(0, one, now);
  };
  const exchange = (now: number): void => {
    for (let round = 0; round < 4; round++) {
      carry(say(hub, now), edge, now);
      carry(say(edge, now), hub, now);
    }
  };
  hub.gossip.reach = { direct: CLUSTERS, throughHub: [] };
  hub.directory.cluster(CLUSTERS[7])!.epoch = { n: 7, member: 0 };
  for (const end of [hub, edge]) end.gossip.handleSession(end.other, true, 0);
  exchange(0);
  return { hub, edge, say, carry, exchange };
}

test('who has got the lists is told to keep them; another roster, or a new start, asks for them at once', (t) => {
  const { hub, edge, say, carry, exchange } = couple();
  t.is(edge.directory.cluster(CLUSTERS[7])?.epoch?.n, 7);
  t.deepEqual(say(hub, 1_000), [], 'nothing has to be said');
  const kept = say(hub, 4_000);
  t.deepEqual(
    kept.map((bytes) => parseHello(bytes)).map((one) => one?.kind === 'hello' && one.keeps),
    [true],
  );
  t.true(kept[0].length < 120, 'and a hello is short');
  carry(kept, edge, 4_000);
  edge.reload(0);
  edge.reload(CLUSTERS.length);
  t.is(edge.directory.cluster(CLUSTERS[7])?.epoch, undefined);
  exchange(4_100);
  t.is(edge.directory.cluster(CLUSTERS[7])?.epoch?.n, 7);
  edge.restart(4_200, false);
  exchange(4_300);
  t.is(edge.other.direct.size, CLUSTERS.length);
  t.true(edge.other.reported);
});

test('a node that has not got the lists has not been reported to', (t) => {
  const { hub, edge, say, carry } = couple();
  edge.restart(3_900, false);
  const kept = say(hub, 4_000);
  t.is(kept.length, 1);
  carry(kept, edge, 4_000);
  t.false(edge.other.reported);
  carry(say(edge, 4_000), hub, 4_000);
  carry(say(hub, 4_000), edge, 4_000);
  t.true(edge.other.reported);
});

test('lists of the start before do not count, though they have the same number', (t) => {
  const { hub, edge, say, carry } = couple();
  hub.restart(900, false);
  hub.gossip.reach = { direct: CLUSTERS.slice(1), throughHub: [] };
  const parts = say(hub, 1_000);
  t.true(parts.length > 2);
  carry(parts.slice(0, 1), edge, 1_000);
  carry(say(edge, 1_000), hub, 1_000);
  t.true(say(hub, 2_000).length > 2, 'they are sent whole again');
});

test('a hello that repeats what an older one said is not taken to be known where its lists are missing', (t) => {
  const { hub, edge, say, carry, exchange } = couple();
  hub.gossip.reach = { direct: ['edge'], throughHub: [] };
  hub.gossip.markAll(true);
  const whole = say(hub, 1_000);
  carry(whole, edge, 1_000);
  edge.reload(CLUSTERS.length);
  carry(whole, edge, 1_000);
  edge.sent.splice(0);
  exchange(2_000);
  exchange(6_000);
  const [hello] = say(hub, 10_000).map((bytes) => parseHello(bytes));
  t.like(hello, { kind: 'hello', keeps: true });
});

test('lists of which a part was read with another roster are not taken to be whole', (t) => {
  const { hub, edge, say, carry, exchange } = couple();
  edge.reload(0);
  hub.directory.cluster(CLUSTERS[9])!.epoch = { n: 9, member: 0 };
  hub.gossip.markAll(true);
  const [first, ...others] = say(hub, 1_000);
  carry([first], edge, 1_000);
  edge.reload(CLUSTERS.length);
  carry(others, edge, 1_000);
  carry(say(edge, 1_000), hub, 1_000);
  exchange(6_000);
  t.is(edge.directory.cluster(CLUSTERS[9])?.epoch?.n, 9);
});

test('that many single nodes start is not news for each of the others at once', (t) => {
  const peers = 40;
  const single = (name: string, peer: number) => ({
    name,
    gateway: name === 'hub',
    members: [{ name, peer }],
  });
  const names = Array.from({ length: peers }, (_, peer) => `edge${peer}`);
  const directory = new Directory({
    clusters: [single('hub', -1), ...names.map(single)],
    ownCluster: 0,
    ownMember: 0,
  });
  const waits = new Waits();
  let hellos = 0;
  const gossip = new Gossip(
    {
      settings: SETTINGS,
      waits,
      directory: () => directory,
      own: () => RECORD,
      emit: (output) => {
        if (output.type === 'send' && parseHello(output.bytes)?.kind === 'hello') hellos++;
      },
      onOwnEpoch: () => {},
      onIncarnation: () => {},
    },
    1_000,
  );
  for (let now = 0; now < peers; now++) {
    waits.begin(now);
    const node = directory.peer(now)!;
    gossip.handleSession(node, true, now);
    const record = { ...RECORD, incarnation: 1, epoch: { n: 1, member: 0 } };
    const [bytes] = encodeHello({ incarnation: 1, sequence: 1, record, shows: [] }, []);
    gossip.handleHello(now, bytes, now);
    gossip.send();
  }
  t.true(hellos < 5 * peers, `${hellos} hellos to ${peers} peers`);
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
