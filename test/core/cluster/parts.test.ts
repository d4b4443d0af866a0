import test from 'ava';
import { LanHealth } from '../../../src/core/cluster/lan.js';
import { compareHealth, isNewer, type MemberRecord, ONE_UPLINK } from '../../../src/core/cluster/record.js';
import { RegisterLink } from '../../../src/core/cluster/register-link.js';
import { CLUSTER_BOUNDS, CLUSTER_DEFAULTS, checkClusterTimes } from '../../../src/core/cluster/settings.js';
import { Waits } from '../../../src/core/cluster/waits.js';

const SETTINGS = { ...CLUSTER_DEFAULTS, failback: 'automatic', redis: true } as const;

function at(now: number): Waits {
  const waits = new Waits();
  waits.begin(now);
  return waits;
}

test('a condition that has not lasted long enough tells when it will have', (t) => {
  const waits = at(100);
  t.false(waits.passed(undefined, 0));
  t.true(waits.passed(50, 50));
  t.is(waits.nextDeadline(), Number.POSITIVE_INFINITY);
  t.false(waits.passed(80, 50));
  t.false(waits.passed(90, 20));
  t.is(waits.nextDeadline(), 110);
  waits.begin(110);
  t.true(waits.passed(90, 20));
  t.is(waits.nextDeadline(), Number.POSITIVE_INFINITY);
});

test('the default times are within their bounds, and every bound and relation is checked', (t) => {
  t.deepEqual(checkClusterTimes(CLUSTER_DEFAULTS), []);
  for (const [name, [least, greatest]] of Object.entries(CLUSTER_BOUNDS)) {
    for (const value of [least - 1, greatest + 1, Number.NaN]) {
      const problems = checkClusterTimes({ ...CLUSTER_DEFAULTS, [name]: value });
      t.true(
        problems.some((problem) => problem.startsWith(`${name} is`)),
        `${name} ${value}`,
      );
    }
  }
  const relations: [Partial<typeof CLUSTER_DEFAULTS>, RegExp][] = [
    [{ probeMs: 101 }, /detectionMs must be at least three times probeMs/],
    [{ heartbeatMs: 151 }, /twice heartbeatMs/],
    [{ commandTimeoutMs: 300 }, /commandTimeoutMs/],
    [{ isolationMs: 599 }, /isolationMs/],
    [{ listenMs: 999 }, /listenMs/],
    [{ helloRepeatMs: 1_000 }, /helloRepeatMs/],
    [{ lanDeadMs: 199 }, /lanDeadMs/],
    [{ lanDeadAlertMs: 99 }, /lanDeadAlertMs/],
    [{ holdDownMs: 999 }, /holdDownMs/],
  ];
  for (const [change, complaint] of relations) {
    const problems = checkClusterTimes({ ...CLUSTER_DEFAULTS, ...change });
    t.is(problems.length, 1, problems.join());
    t.regex(problems[0], complaint);
  }
});

const RECORD: MemberRecord = {
  incarnation: 5,
  sequence: 5,
  role: 'standby',
  epoch: undefined,
  able: true,
  lan: true,
  lanProven: true,
  serve: true,
  held: false,
  score: 3,
  uplinks: ONE_UPLINK,
};

test('records are ordered by incarnation, then by sequence', (t) => {
  t.true(isNewer(RECORD, undefined));
  t.false(isNewer(RECORD, RECORD));
  t.true(isNewer({ ...RECORD, incarnation: 6, sequence: 0 }, RECORD));
  t.false(isNewer({ ...RECORD, incarnation: 4, sequence: 9 }, RECORD));
  t.true(isNewer({ ...RECORD, sequence: 6 }, RECORD));
});

test('a usable LAN outranks reach, and reach outranks its extent', (t) => {
  t.is(compareHealth(RECORD, RECORD), 0);
  t.true(compareHealth({ ...RECORD, lan: false, score: 9 }, RECORD) < 0);
  t.true(compareHealth({ ...RECORD, serve: false, score: 9 }, RECORD) < 0);
  t.true(compareHealth({ ...RECORD, score: 4 }, RECORD) > 0);
});

test('a LAN whose hosts never answered is judged by its carrier', (t) => {
  const lan = new LanHealth(SETTINGS);
  lan.judge(at(100_000), false, false);
  t.true(lan.usable);
  t.false(lan.proven);
  lan.judge(at(100_000), false, true);
  t.false(lan.usable, 'the partner proves that hosts answer');
  t.true(lan.answeredSince(99_000, at(100_000)));
  lan.handleCarrier(false, 100_000);
  lan.judge(at(100_000), false, false);
  t.false(lan.usable);
  t.is(lan.carrierLostAtMs, 100_000);
});

test('a LAN that falls silent is dead, sooner when the partner is silent too, until that is forgotten', (t) => {
  const lan = new LanHealth(SETTINGS);
  const usable = (now: number, alert: boolean, partnerProven = false): boolean => {
    lan.judge(at(now), alert, partnerProven);
    return lan.usable;
  };
  lan.handleAnswer(1_000);
  t.true(usable(1_299, true));
  t.true(lan.proven);
  t.false(usable(1_300, true));
  t.true(usable(1_300, false));
  t.false(usable(1_600, false));
  t.false(lan.proven);
  t.false(lan.answeredSince(1_001, at(2_000)));
  t.true(lan.answeredSince(1_000, at(2_000)));
  t.true(usable(61_000, false), 'hosts may have been switched off');
  t.false(usable(61_000, false, true), 'but not if the partner hears them');
  t.true(lan.answeredSince(1_001, at(61_000)));
});

test('heartbeats keep their pace when one is hurried, and one is under way at a time', (t) => {
  const link = new RegisterLink(SETTINGS);
  const answer = { register: undefined, records: [], redisMs: 5_000 };
  t.true(link.takeBeat(at(0)));
  t.false(link.takeBeat(at(50)), 'one is under way');
  link.handleBeat(answer, 50);
  t.true(link.answering);
  t.is(link.answeringSinceMs, 50);
  t.false(link.takeBeat(at(51)));
  link.hurry();
  t.true(link.takeBeat(at(60)));
  link.handleBeat(answer, 61);
  const waits = at(62);
  t.false(link.takeBeat(waits));
  t.true(waits.nextDeadline() <= 160, 'a hurried beat must not delay the next');
  link.handleBeat(undefined, 70);
  t.false(link.answering);
  t.true(link.takeBeat(at(1_000)));
  t.false(link.takeBeat(at(1_100)));
  t.true(link.takeBeat(at(1_600)), 'a report that never comes does not stop the heart');
});

test('a claim is bound to the time of Redis', (t) => {
  const link = new RegisterLink(SETTINGS);
  link.handleBeat({ register: { n: 3, member: 1 }, records: [], redisMs: 5_000 }, 1_000);
  t.is(link.notAfter(1_100), 5_000 + 100 + 500);
  t.deepEqual(link.register, { n: 3, member: 1 });
  link.handleBeat({ register: undefined, records: [], redisMs: 9_000 }, 1_200);
  t.is(link.register, undefined);
  t.deepEqual(link.seen, { n: 3, member: 1 }, 'what was seen is remembered when Redis forgets');
});
