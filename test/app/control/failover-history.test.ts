import test from 'ava';
import { effectText, isNotice } from '../../../src/app/control/effect-text.js';
import { FAILOVERS_MAX, FailoverHistory, STEPS_MAX } from '../../../src/app/control/failover-history.js';
import type { ClusterEvent, Evidence } from '../../../src/core/cluster/outputs.js';
import type { Role } from '../../../src/core/cluster/record.js';

const WALL = Date.parse('2026-11-21T12:00:00.000Z');

function evidenceOf(partner: Partial<Evidence['partners'][number]> = {}, epoch = '7.0'): Evidence {
  return {
    role: 'standby',
    epoch,
    register: '7.0',
    able: true,
    lan: true,
    serve: true,
    score: 2,
    partners: [
      {
        name: 'a',
        heard: true,
        lanMs: 10,
        redisMs: 40,
        witnesses: ['x'],
        role: 'active',
        epoch: '7.0',
        able: true,
        lan: true,
        serve: true,
        score: 2,
        ...partner,
      },
    ],
  };
}

function change(atMs: number, from: Role, to: Role, why: string, evidence = evidenceOf()): ClusterEvent {
  return { name: 'role-changed', atMs, why, from, to, evidence };
}

function steps(history: FailoverHistory, index = 0): [number, string][] {
  return history.report()[index].steps.map(({ offsetMs, what }) => [offsetMs, what]);
}

test('a takeover: from the last sign of the partner to the hook', (t) => {
  const history = new FailoverHistory();
  const dead = { heard: false, lanMs: 312, redisMs: 340, witnesses: [] };
  history.handleNotice('too long ago', 3_000);
  history.handleEvent(
    { name: 'partner-silent', atMs: 9_998, why: 'a is silent', evidence: evidenceOf() },
    WALL,
  );
  history.handleEvent(change(10_000, 'standby', 'claiming', 'silence', evidenceOf(dead)), WALL);
  history.handleEffect('VIP added', 10_004.26);
  history.handleEvent(change(10_003, 'claiming', 'active', 'ordered', evidenceOf(dead, '8.1')), WALL);
  history.handleEffect('AWS: moved', 10_180);
  history.handleNotice('long after', 15_001);
  history.handleEffect('hours later', 4_000_000);
  t.deepEqual(steps(history), [
    [-312, 'a last heard over the LAN'],
    [-2, 'a is silent'],
    [0, 'claiming: silence'],
    [3, 'active: ordered'],
    [4.3, 'VIP added'],
    [180, 'AWS: moved'],
  ]);
  const [report] = history.report();
  t.like(report, { from: 'standby', to: 'active', epoch: '8.1', why: 'silence' });
  t.is(report.at, '2026-11-21T12:00:10.000Z');
  t.false(report.evidence.partners[0].heard);
});

test('a partner that was heard through Redis last, or never, or that is heard', (t) => {
  const first = (partner: Partial<Evidence['partners'][number]>): string[] => {
    const history = new FailoverHistory();
    history.handleEvent(change(1_000, 'standby', 'claiming', 'x', evidenceOf(partner)), WALL);
    return steps(history).map(([offset, what]) => `${offset} ${what}`);
  };
  const claim = '0 claiming: x';
  t.deepEqual(first({ heard: false, lanMs: null, redisMs: 30 }), ['-30 a last heard through Redis', claim]);
  t.deepEqual(first({ heard: false, lanMs: 50, redisMs: 30 }), ['-30 a last heard through Redis', claim]);
  t.deepEqual(first({ heard: false, lanMs: null, redisMs: null }), [claim]);
  t.deepEqual(first({}), [claim]);
});

test('a role that is given up: effects that are told before the event belong to it', (t) => {
  const history = new FailoverHistory();
  history.handleEvent(change(1_000, 'standby', 'claiming', 'first'), WALL);
  history.handleEvent(change(1_001, 'claiming', 'active', 'ordered'), WALL);
  history.handleEffect('VIP added', 1_002);
  history.handleEffect('VIP removed', 2_001);
  history.handleEvent(change(2_000, 'active', 'standby', 'a higher epoch is known'), WALL);
  t.deepEqual(
    steps(history, 1).map(([, what]) => what),
    ['claiming: first', 'active: ordered', 'VIP added'],
  );
  t.deepEqual(steps(history), [
    [0, 'standby: a higher epoch is known'],
    [1, 'VIP removed'],
  ]);
});

test('draining and coming back, and a claim that is refused, are one change each', (t) => {
  const history = new FailoverHistory();
  history.handleEvent(change(1, 'active', 'draining', 'the operator'), WALL);
  history.handleEvent(change(2, 'draining', 'active', 'in service again'), WALL);
  history.handleEvent(change(3, 'active', 'draining', 'the operator'), WALL);
  history.handleEvent(change(4, 'draining', 'standby', 'higher'), WALL);
  history.handleEvent(change(5, 'standby', 'claiming', 'silence'), WALL);
  history.handleEvent(change(6, 'claiming', 'standby', 'refused'), WALL);
  const ends = history.report().map(({ from, to, why }) => [from, to, why]);
  t.deepEqual(ends, [
    ['standby', 'standby', 'silence'],
    ['active', 'standby', 'the operator'],
    ['active', 'active', 'the operator'],
  ]);
});

test('it is bounded', (t) => {
  const history = new FailoverHistory();
  for (let i = 0; i < FAILOVERS_MAX + 5; i++) {
    history.handleEvent(change(i * 10_000, 'standby', 'claiming', `${i}`), WALL);
    for (let j = 0; j < 2 * STEPS_MAX; j++) history.handleEffect('again', i * 10_000 + j);
    for (let j = 0; j < 2 * STEPS_MAX; j++) history.handleNotice('again', i * 10_000 + 9_000);
  }
  const reports = history.report();
  t.is(reports.length, FAILOVERS_MAX);
  t.is(reports[0].why, `${FAILOVERS_MAX + 4}`);
  t.true(reports.every((report) => report.steps.length <= STEPS_MAX + 1));
  t.true(reports.every((report) => report.steps.some(({ what }) => what.startsWith('claiming'))));
});

test('effects in words; what is noticed may be a cause', (t) => {
  t.is(effectText({ event: 'vip-added' }), 'VIP added');
  t.is(effectText({ event: 'vip-failed', action: 'hold', reason: 'ENODEV' }), 'VIP: hold failed (ENODEV)');
  const hook = { event: 'hook-ended', hook: 'on-active', tookMs: 30 } as const;
  t.is(effectText({ ...hook, status: 0 }), 'hook on-active ended with 0, after 30 ms');
  t.is(
    effectText({ ...hook, status: undefined, problem: 'killed after 30 ms' }),
    'hook on-active killed after 30 ms, after 30 ms',
  );
  t.is(effectText({ event: 'hook-output', hook: 'on-active', stream: 'out', line: 'x' }), undefined);
  const aws = {
    event: 'aws-routes-moved',
    severity: 'info',
    message: 'All VPC routes lead to eni-1.',
  } as const;
  t.is(effectText(aws), 'AWS: All VPC routes lead to eni-1');
  t.true(isNotice({ event: 'lan-carrier', up: false }));
  t.false(isNotice(aws));
});
