/**
 * The simulator can fail: with each safety rule left out, one of its ordinary runs finds a broken promise, and the same
 * run is clean with the rule in place. The table lists the runs that found it first.
 */
import test from 'ava';
import { SAFETY_RULES, type SafetyRule } from '../../src/core/cluster/settings.js';
import { enumerated } from './faults.js';
import { PLACEMENTS, SMALL } from './layout.js';
import { type Outcome, runRandom, runSteady } from './run.js';
import * as traps from './traps.js';

type Run = (without?: SafetyRule) => Outcome;

const steady =
  (placement: number, name: string): Run =>
  (without) => {
    const faults = enumerated(SMALL[0], SMALL[1]).filter((fault) => fault.name === name);
    return runSteady(1, PLACEMENTS[placement], faults, without);
  };

const MUTATIONS: Readonly<Record<SafetyRule, readonly [where: string, run: Run, complaint: RegExp]>> = {
  ballotOrder: ['steady 0: a killed', steady(0, 'a killed'), /routes to a/],
  standDownForHigher: ['steady 0: a LAN silent', steady(0, 'a LAN silent'), /both acted/],
  standDownUnable: [
    'steady 3: a data plane failed',
    steady(3, 'a data plane failed'),
    /takes the role from a/,
  ],
  standDownIsolated: ['random seed 6, 10 steps', (without) => runRandom(6, 10, without), /hearing nobody/],
  standDownAfterFreeze: [
    'short freeze 1',
    (without) => traps.runShortFreeze(1, without),
    /takes the role from h1/,
  ],
  witnesses: ['returning, peers, 1', (without) => traps.runReturning(1, 'peers', without), /moved/],
  heartbeats: ['returning, Redis, 1', (without) => traps.runReturning(1, 'redis', without), /moved/],
  waitForReports: ['returning, peers, 1', (without) => traps.runReturning(1, 'peers', without), /moved/],
  listenFirst: ['returning, peers, 4', (without) => traps.runReturning(4, 'peers', without), /moved/],
  lanBeforeClaim: ['blind standby 1', (without) => traps.runBlindStandby(1, without), /not served/],
  redisSettled: ['returning, Redis, 3', (without) => traps.runReturning(3, 'redis', without), /moved/],
  reachSomebody: ['returning, peers, 1', (without) => traps.runReturning(1, 'peers', without), /moved/],
  muteAfterLoss: ['hearsay 1', (without) => traps.runHearsay(1, without), /both acted/],
  growingHoldDown: [
    'flapping 8',
    (without) => traps.runFlapping(8, 12_400, 1_100, without),
    /moved 46 times/,
  ],
  stagger: ['steady 0: a killed', steady(0, 'a killed'), /not active after a cold start/],
  repeatHello: ['blink 1', (without) => traps.runBlink(1, without), /both acted/],
  claimNotAfter: ['stale claim 1', (without) => traps.runStaleClaim(1, without), /moved/],
  persistEpoch: ['power failure 1', (without) => traps.runPowerFailure(1, without), /under 1.0 after 3.0/],
  routeByEpoch: ['steady 0: a killed', steady(0, 'a killed'), /routes to a/],
};

test('every safety rule is on, and has a run that misses it', (t) => {
  t.deepEqual(Object.keys(MUTATIONS).sort(), Object.keys(SAFETY_RULES).sort());
  t.true(Object.values(SAFETY_RULES).every((on) => on));
});

for (const [rule, [where, run, complaint]] of Object.entries(MUTATIONS)) {
  test(`without ${rule}: ${where}`, (t) => {
    t.is(run().violation, undefined);
    t.regex(run(rule as SafetyRule).violation ?? 'nothing was found', complaint);
  });
}
