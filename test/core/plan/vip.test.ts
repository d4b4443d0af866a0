import test from 'ava';
import {
  ANNOUNCE_AGAIN_MS,
  ANNOUNCE_COUNT,
  ANNOUNCE_GAP_MS,
  STALE_CONFIRM_MS,
  STALE_GRACE_MS,
  VIP_PROBE_MS,
  Vip,
} from '../../../src/core/plan/vip.js';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);
const epoch = (n: number, member = 0) => ({ n, member });

function drain(vip: Vip): string[] {
  const kinds: string[] = [];
  for (let action = vip.pollAction(); action !== undefined; action = vip.pollAction())
    kinds.push(action.kind);
  return kinds;
}

/** Runs until `endMs`; what was done and when. */
function run(vip: Vip, endMs: number, log: [number, string][] = []): [number, string][] {
  for (let now = vip.nextDeadline(); now <= endMs; now = vip.nextDeadline()) {
    vip.handleTimeout(now);
    for (const kind of drain(vip)) log.push([now, kind]);
  }
  return log;
}

const timesOf = (log: [number, string][], kind: string): number[] =>
  log.filter(([, other]) => other === kind).map(([now]) => now);

test('takeover: the address first, then announcements: five, five more, then one a minute', (t) => {
  const vip = new Vip();
  t.is(vip.nextDeadline(), Number.POSITIVE_INFINITY);
  vip.becomeActive(epoch(1), 0);
  const first = drain(vip);
  t.deepEqual(first, ['hold', 'announce']);
  const log = run(vip, 200_000, [[0, 'announce']]);
  const burst = Array.from({ length: ANNOUNCE_COUNT }, (_, k) => k * ANNOUNCE_GAP_MS);
  const announced = timesOf(log, 'announce');
  t.deepEqual(announced.slice(0, 5), burst);
  const second = announced[5];
  t.is(second, burst[4] + ANNOUNCE_AGAIN_MS);
  t.deepEqual(
    announced.slice(5, 10),
    burst.map((ms) => second + ms),
  );
  t.deepEqual(
    announced.slice(10).map((ms, k, all) => ms - (k === 0 ? announced[9] : all[k - 1])),
    [60_000, 60_000, 60_000],
  );
  t.deepEqual(timesOf(log, 'probe').slice(0, 2), [STALE_GRACE_MS, STALE_GRACE_MS + VIP_PROBE_MS]);
});

test('the address is refreshed four times in its lifetime', (t) => {
  const vip = new Vip();
  vip.becomeActive(epoch(1), 0);
  drain(vip);
  t.deepEqual(timesOf(run(vip, 2_000), 'hold'), [500, 1_000, 1_500, 2_000]);
});

test('giving up drops the address, and only that', (t) => {
  const vip = new Vip();
  vip.becomeStandby(epoch(1));
  t.deepEqual(drain(vip), []);
  vip.becomeActive(epoch(2), 0);
  vip.becomeStandby(epoch(2));
  t.deepEqual(drain(vip), ['drop'], 'what was not yet done is not done any more');
  t.is(vip.nextDeadline(), Number.POSITIVE_INFINITY);
  vip.handleTimeout(1e6);
  vip.handleClaim(MAC, 1e6);
  t.deepEqual(drain(vip), []);
});

test('an effect of an epoch that was overtaken does nothing', (t) => {
  const vip = new Vip();
  vip.becomeStandby(epoch(5, 1));
  vip.becomeActive(epoch(5, 0), 0);
  t.false(vip.active);
  vip.becomeActive(epoch(6, 0), 0);
  t.true(vip.active);
  drain(vip);
  vip.becomeStandby(epoch(5, 1));
  t.true(vip.active);
  vip.becomeStandby(epoch(6, 1));
  t.deepEqual(drain(vip), ['drop']);
});

test('another MAC with our address is answered, and reported once, where it stays', (t) => {
  const vip = new Vip();
  vip.becomeActive(epoch(1), 0);
  drain(vip);
  vip.handleClaim(MAC, 10);
  t.deepEqual(drain(vip), [], 'announced a moment ago');
  vip.handleClaim(MAC, 1_000);
  t.deepEqual(drain(vip), ['announce'], 'the kernel of a killed member may linger');
  const from = STALE_GRACE_MS;
  vip.handleClaim(MAC, from);
  vip.handleClaim(MAC, from + STALE_CONFIRM_MS - 1);
  t.deepEqual(drain(vip), [], 'our successor announces itself before it is heard of');
  vip.handleClaim(MAC, from + STALE_CONFIRM_MS);
  t.deepEqual(drain(vip), ['announce', 'stale-arp']);
  vip.handleClaim(MAC, from + 5_000);
  t.deepEqual(drain(vip), ['announce']);
  vip.handleClaim(MAC, from + 61_000);
  t.deepEqual(drain(vip), [], 'a new matter');
  vip.handleClaim(MAC, from + 62_000);
  t.deepEqual(drain(vip), ['announce', 'stale-arp']);
});

test('a first claim is looked into soon', (t) => {
  const vip = new Vip();
  vip.becomeActive(epoch(1), 0);
  drain(vip);
  run(vip, 5_000);
  vip.handleClaim(MAC, 5_000);
  t.deepEqual(timesOf(run(vip, 7_000), 'probe'), [5_000 + STALE_CONFIRM_MS]);
});

test('after the link came back everybody is told anew', (t) => {
  const vip = new Vip();
  vip.handleLinkUp(0);
  t.deepEqual(drain(vip), []);
  vip.becomeActive(epoch(1), 0);
  drain(vip);
  run(vip, 100_000);
  vip.handleLinkUp(100_001);
  t.deepEqual(drain(vip), ['hold', 'announce']);
  t.is(timesOf(run(vip, 101_000), 'announce').length, 4);
});
