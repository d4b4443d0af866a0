/** The updater in virtual time against EC2 in memory: takeovers, faults, fencing, and a random programme of both. */
import test from 'ava';
import fc from 'fast-check';
import {
  EVENTUAL_MS,
  IN_FLIGHT_MAX,
  RECONCILE_MS,
  type VpcAnswer,
  type VpcCall,
  VpcUpdater,
} from '../../../src/core/plan/vpc-updater.js';
import { type Ec2Fault, FakeEc2 } from '../../../src/edge/aws/fake-ec2.js';

const TABLES = ['rtb-1', 'rtb-2'];
const CIDRS = ['10.100.0.0/16', '10.200.0.0/16'];
const epoch = (n: number, member = 0) => ({ n, member });

/** One member: an updater, its clock, and calls that take `latencyMs`. */
class Member {
  readonly ec2: FakeEc2;
  readonly eni: string;
  readonly updater: VpcUpdater;
  readonly events: string[] = [];
  readonly sent: VpcCall[] = [];
  latencyMs = 40;
  #now = 0;
  #onTheWay: { atMs: number; call: VpcCall; answer: VpcAnswer }[] = [];

  constructor(ec2: FakeEc2, eni: string, tables = TABLES, cidrs = CIDRS) {
    this.ec2 = ec2;
    this.eni = eni;
    this.updater = new VpcUpdater({ region: 'us-east-1', tables, cidrs, eniName: eni }, 0);
  }

  get now(): number {
    return this.#now;
  }

  /** Time passes until `untilMs`. */
  run(untilMs: number): void {
    this.#drain();
    for (;;) {
      const answerMs = Math.min(...this.#onTheWay.map(({ atMs }) => atMs));
      const nextMs = Math.min(answerMs, this.updater.nextDeadline());
      if (nextMs > untilMs) break;
      this.#now = Math.max(this.#now, nextMs);
      const due = this.#onTheWay.filter(({ atMs }) => atMs <= this.#now);
      this.#onTheWay = this.#onTheWay.filter(({ atMs }) => atMs > this.#now);
      for (const { call, answer } of due) this.updater.handleAnswer(call, answer, this.#now);
      this.updater.handleTimeout(this.#now);
      this.#drain();
    }
    this.#now = untilMs;
  }

  #drain(): void {
    for (let call = this.updater.pollCall(); call !== undefined; call = this.updater.pollCall()) {
      this.sent.push(call);
      this.ec2.found = this.eni;
      const stands = !('epoch' in call) || this.updater.isCurrent(call.epoch);
      const answer: VpcAnswer = stands
        ? this.ec2.answer(call)
        : { ok: false, code: 'Superseded', message: '' };
      this.#onTheWay.push({ atMs: this.#now + this.latencyMs, call, answer });
    }
    for (let event = this.updater.pollEvent(); event !== undefined; event = this.updater.pollEvent()) {
      this.events.push(`${event.severity} ${event.event}${event.hint === undefined ? '' : ` ${event.hint}`}`);
    }
  }
}

function cloud(): FakeEc2 {
  const ec2 = new FakeEc2();
  for (const table of TABLES) ec2.tables.set(table, new Map());
  for (const eni of ['eni-a', 'eni-b']) ec2.interfaces.set(eni, { sourceDestCheck: false });
  return ec2;
}

function targets(ec2: FakeEc2): (string | undefined)[] {
  return TABLES.flatMap((table) => CIDRS.map((cidr) => ec2.tables.get(table)?.get(cidr)?.target));
}

const all = (eni: string): string[] => TABLES.flatMap(() => CIDRS.map(() => eni));
const changes = (calls: VpcCall[]): VpcCall[] =>
  calls.filter((call) => (call.kind === 'replace' || call.kind === 'create') && !call.dryRun);

test('a standby checks and changes nothing', (t) => {
  const ec2 = cloud();
  const a = new Member(ec2, 'eni-a');
  a.run(3_600_000);
  t.deepEqual(changes(a.sent), []);
  t.deepEqual(a.events, []);
  t.is(a.updater.eni, 'eni-a');
  t.is(a.sent.filter((call) => 'dryRun' in call && call.dryRun).length % 4, 0);
});

test('takeover: every target at once, created where absent, seen, and told', (t) => {
  const ec2 = cloud();
  const a = new Member(ec2, 'eni-a');
  a.run(5_000);
  a.sent.length = 0;
  a.updater.becomeActive(epoch(1), 5_000);
  a.run(5_000);
  t.is(changes(a.sent).length, 4, 'at the very instant');
  a.run(6_000);
  t.deepEqual(targets(ec2), all('eni-a'));
  t.deepEqual(a.events, ['info aws-routes-moved']);
  t.true(a.updater.status().every(({ state }) => state === 'moved'));
});

test('a takeover from the other member replaces, in one call a route', (t) => {
  const ec2 = cloud();
  const [a, b] = [new Member(ec2, 'eni-a'), new Member(ec2, 'eni-b')];
  a.updater.becomeActive(epoch(1), 0);
  a.run(1_000);
  b.run(1_000);
  b.sent.length = 0;
  b.updater.becomeActive(epoch(2, 1), 1_000);
  a.updater.becomeStandby(epoch(2, 1));
  b.run(2_000);
  t.deepEqual(
    changes(b.sent).map(({ kind }) => kind),
    Array(4).fill('replace'),
  );
  t.deepEqual(targets(ec2), all('eni-b'));
});

test('before its interface is known it waits for that, and not for long', (t) => {
  const ec2 = cloud();
  ec2.fault = 'down';
  const a = new Member(ec2, 'eni-a');
  a.run(100);
  a.updater.becomeActive(epoch(1), 100);
  a.run(20_000);
  t.deepEqual(changes(a.sent), []);
  ec2.fault = undefined;
  a.run(22_000);
  t.deepEqual(targets(ec2), all('eni-a'));
});

test('EC2 is eventually consistent: it is read again, not called again', (t) => {
  const ec2 = cloud();
  const a = new Member(ec2, 'eni-a');
  a.run(1_000);
  a.sent.length = 0;
  a.updater.becomeActive(epoch(1), 1_000);
  a.run(1_100);
  ec2.staleReads = 4;
  a.run(1_000 + EVENTUAL_MS);
  t.is(changes(a.sent).length, 8, 'four that found nothing to replace, four that created');
  t.deepEqual(a.events, ['info aws-routes-moved']);
});

test('what is accepted and never shown is called again', (t) => {
  const ec2 = cloud();
  const a = new Member(ec2, 'eni-a');
  a.run(1_000);
  a.updater.becomeActive(epoch(1), 1_000);
  a.run(1_100);
  for (const table of TABLES) ec2.tables.get(table)?.clear();
  a.run(1_000 + 2 * EVENTUAL_MS + 2_000);
  t.deepEqual(targets(ec2), all('eni-a'));
});

test('drift is told and mended', (t) => {
  const ec2 = cloud();
  const a = new Member(ec2, 'eni-a');
  a.run(100);
  a.updater.becomeActive(epoch(1), 100);
  a.run(2_000);
  ec2.tables.get('rtb-1')?.delete(CIDRS[0]);
  ec2.answer({
    kind: 'replace',
    table: 'rtb-2',
    cidr: CIDRS[1],
    eni: 'eni-b',
    dryRun: false,
    epoch: undefined,
  });
  a.events.length = 0;
  a.run(2_000 + RECONCILE_MS + 1_000);
  t.deepEqual(targets(ec2), all('eni-a'));
  t.is(a.events.filter((event) => event.startsWith('warning aws-drift')).length, 2);
});

test('throttled or away: bounded calls, each told once, and done when it is over', (t) => {
  for (const fault of ['throttle', 'down'] as const) {
    const ec2 = cloud();
    const a = new Member(ec2, 'eni-a');
    a.run(1_000);
    ec2.fault = fault;
    a.sent.length = 0;
    a.updater.becomeActive(epoch(1), 1_000);
    a.run(61_000);
    t.true(changes(a.sent).length < 4 * 25, `${changes(a.sent).length} calls in a minute`);
    t.is(a.events.length, 2, `one for each table: ${a.events}`);
    ec2.fault = undefined;
    a.run(68_000);
    t.deepEqual(targets(ec2), all('eni-a'));
    t.is(a.events.at(-1), 'info aws-routes-moved');
  }
});

test('a refusal names the permission and the statement that grants it; later it works', (t) => {
  const ec2 = cloud();
  const a = new Member(ec2, 'eni-a');
  a.run(1_000);
  ec2.fault = 'deny';
  a.updater.becomeActive(epoch(1), 1_000);
  a.run(20_000);
  t.is(a.events.length, 2);
  t.regex(a.events[0], /^critical aws-permission .*"ec2:ReplaceRoute".*route-table\/rtb-1/);
  ec2.fault = undefined;
  a.run(70_000);
  t.deepEqual(targets(ec2), all('eni-a'));
});

test('the dry run at start finds what is missing before it is needed', (t) => {
  const ec2 = cloud();
  ec2.answer = (call) =>
    call.kind === 'create'
      ? { ok: false, code: 'UnauthorizedOperation', message: '' }
      : FakeEc2.prototype.answer.call(ec2, call);
  const a = new Member(ec2, 'eni-a');
  a.run(1_000);
  t.is(a.events.length, 2);
  t.regex(a.events[0], /aws-permission .*ec2:CreateRoute/);
});

test('a table or an interface that does not exist, and a source/destination check, are critical', (t) => {
  const ec2 = cloud();
  ec2.tables.delete('rtb-2');
  const a = new Member(ec2, 'eni-a');
  a.updater.becomeActive(epoch(1), 0);
  a.run(100_000);
  t.is(a.events.filter((event) => event.startsWith('critical aws-table-missing')).length, 1);
  t.deepEqual(targets(ec2), ['eni-a', 'eni-a', undefined, undefined], 'the other table is served');
  ec2.tables.set('rtb-2', new Map());
  a.run(200_000);
  t.deepEqual(targets(ec2), all('eni-a'));
  const nobody = new Member(cloud(), 'eni-none');
  nobody.updater.becomeActive(epoch(1), 0);
  nobody.run(10_000);
  t.is(nobody.events.length, 1);
  t.regex(nobody.events[0], /^critical aws-eni-missing /);
  const checked = cloud();
  checked.interfaces.set('eni-a', { sourceDestCheck: true });
  const c = new Member(checked, 'eni-a');
  c.updater.becomeActive(epoch(1), 0);
  c.run(10_000);
  t.regex(c.events.join(), /critical aws-source-dest-check .*--no-source-dest-check/);
  t.deepEqual(targets(checked), all('eni-a'), 'and the cluster serves');
});

test('a blackhole of our own is told', (t) => {
  const ec2 = cloud();
  const a = new Member(ec2, 'eni-a');
  a.updater.becomeActive(epoch(1), 0);
  a.run(1_000);
  ec2.tables
    .get('rtb-1')
    ?.set(CIDRS[0], { cidr: CIDRS[0], target: 'eni-a', state: 'blackhole', propagated: false });
  a.run(2 * RECONCILE_MS + 2_000);
  t.is(a.events.filter((event) => event.startsWith('critical aws-blackhole')).length, 1);
});

test('an old epoch moves nothing, and calls of an overtaken one are not sent', (t) => {
  const ec2 = cloud();
  const a = new Member(ec2, 'eni-a');
  a.run(1_000);
  a.updater.becomeStandby(epoch(5, 1));
  a.updater.becomeActive(epoch(5, 0), 1_000);
  a.run(3_000);
  t.deepEqual(targets(ec2), [undefined, undefined, undefined, undefined]);
  a.updater.becomeActive(epoch(6, 0), 3_000);
  a.updater.becomeStandby(epoch(7, 1));
  a.run(10_000);
  t.deepEqual(targets(ec2), [undefined, undefined, undefined, undefined]);
});

test('the fence, guard by guard', (t) => {
  const open = (): { updater: VpcUpdater; poll: () => VpcCall[] } => {
    const options = { region: undefined, tables: ['rtb-1'], cidrs: ['10.100.0.0/16'], eniName: 'eni-a' };
    const updater = new VpcUpdater(options, 0);
    updater.handleTimeout(0);
    const poll = (): VpcCall[] => {
      const calls: VpcCall[] = [];
      for (let call = updater.pollCall(); call !== undefined; call = updater.pollCall()) calls.push(call);
      return calls;
    };
    const [search] = poll();
    updater.handleAnswer(search, { ok: true, eni: { id: 'eni-a', sourceDestCheck: false } }, 0);
    poll();
    return { updater, poll };
  };
  const { updater, poll } = open();
  updater.becomeActive(epoch(1), 10);
  updater.becomeStandby(epoch(2, 1));
  t.deepEqual(poll(), [], 'what was not yet sent is taken back');
  updater.becomeActive(epoch(3), 20);
  const [old] = poll();
  t.true('epoch' in old && updater.isCurrent(old.epoch));
  updater.becomeStandby(epoch(4, 1));
  t.false('epoch' in old && updater.isCurrent(old.epoch), 'what is about to be sent is refused');
  updater.becomeActive(epoch(5), 30);
  const [current] = poll();
  updater.handleAnswer(old, { ok: true }, 40);
  t.is(updater.status()[0].state, 'calling', 'the answer to an old call says nothing of the new one');
  updater.handleAnswer(current, { ok: true }, 50);
  t.is(updater.status()[0].state, 'sent');
});

test('many targets: not more calls under way than the bound', (t) => {
  const ec2 = cloud();
  const tables = Array.from({ length: 40 }, (_, k) => `rtb-${k + 10}`);
  for (const table of tables) ec2.tables.set(table, new Map());
  const a = new Member(ec2, 'eni-a', tables);
  a.run(1_000);
  a.sent.length = 0;
  a.updater.becomeActive(epoch(1), 1_000);
  a.run(1_000);
  t.is(changes(a.sent).length, IN_FLIGHT_MAX);
  a.run(10_000);
  t.true(tables.every((table) => ec2.tables.get(table)?.size === 2));
});

test('property: whatever happens in between, the last holder has every route in the end', (t) => {
  const steps = fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: 20_000 }),
      fc.oneof(
        fc.constantFrom<Ec2Fault | undefined>('down', 'throttle', 'deny', undefined),
        fc.constantFrom('a', 'b', 'wipe', 'stale'),
      ),
    ),
    { maxLength: 15 },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 2_000 }), (list, latencyMs) => {
      const ec2 = cloud();
      const members = { a: new Member(ec2, 'eni-a'), b: new Member(ec2, 'eni-b') };
      members.b.latencyMs = latencyMs;
      let [now, n] = [0, 1];
      const become = (name: 'a' | 'b'): void => {
        const next = epoch(n++, name === 'a' ? 0 : 1);
        members[name].updater.becomeActive(next, now);
        members[name === 'a' ? 'b' : 'a'].updater.becomeStandby(next);
      };
      const pass = (untilMs: number): void => {
        for (; now < untilMs; now = Math.min(now + 250, untilMs)) {
          members.a.run(now);
          members.b.run(now);
        }
        members.a.run(now);
        members.b.run(now);
      };
      for (const [waitMs, what] of list) {
        pass(now + waitMs);
        if (what === 'a' || what === 'b') become(what);
        else if (what === 'wipe') for (const routes of ec2.tables.values()) routes.clear();
        else if (what === 'stale') ec2.staleReads = 3;
        else ec2.fault = what;
      }
      ec2.fault = undefined;
      ec2.staleReads = 0;
      become('b');
      pass(now + 120_000);
      t.deepEqual(targets(ec2), all('eni-b'));
    }),
    { numRuns: 200 },
  );
});
