import test from 'ava';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { SOURCES_MAX } from '../../../src/core/wireguard/constants.js';
import { LoadMeter, loadLimitFor, SourceLimiter } from '../../../src/core/wireguard/load.js';

const ipv4 = (host: number): Uint8Array =>
  encodeEndpoint(Uint8Array.of(10, host >> 16, host >> 8, host), 1_000 + (host % 7), 0);
const ipv6 = (prefix: number, host: number): Uint8Array =>
  encodeEndpoint(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, prefix, 0, 0, 0, 0, 0, 0, 0, host), 1_000, 0);

test('load starts above the rate and ends a second after it was last exceeded', (t) => {
  const meter = new LoadMeter(10);
  for (let i = 0; i < 10; i++) t.false(meter.count(1_000 + i));
  t.true(meter.count(1_500));
  t.true(meter.count(1_999));
  t.true(meter.count(2_900));
  t.false(meter.count(3_000));
});

test('a steady rate at the limit is no load', (t) => {
  const meter = new LoadMeter(10);
  for (let i = 0; i < 100; i++) t.false(meter.count(i * 100));
});

test('a source may burst five and then twenty a second, whatever its port', (t) => {
  const limiter = new SourceLimiter();
  const allowed = (fromMs: number, toMs: number): number => {
    let count = 0;
    for (let now = fromMs; now < toMs; now++) if (limiter.allow(ipv4(1), now)) count++;
    return count;
  };
  t.is(allowed(0, 10), 5);
  t.is(allowed(10, 1_010), 20);
  t.is(allowed(60_000, 60_010), 5, 'rested: a burst again');
  t.true(limiter.allow(ipv4(8), 60_010), 'another address');
});

test('IPv6 sources of one /64 are one source; mapped IPv4 sources are not', (t) => {
  const limiter = new SourceLimiter();
  for (let host = 0; host < 5; host++) t.true(limiter.allow(ipv6(1, host), 0));
  t.false(limiter.allow(ipv6(1, 77), 0));
  t.true(limiter.allow(ipv6(2, 77), 0));
  const mapped = (host: number): Uint8Array =>
    encodeEndpoint(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, host), 1, 0);
  for (let host = 0; host < 10; host++) t.true(limiter.allow(mapped(host), 0));
});

test('the table is bounded: new sources wait until an old one has rested', (t) => {
  const limiter = new SourceLimiter();
  for (let host = 0; host < SOURCES_MAX; host++) t.true(limiter.allow(ipv4(host), host < 10 ? 0 : 100));
  t.false(limiter.allow(ipv4(1 << 20), 249));
  t.true(limiter.allow(ipv4(1 << 20), 250));
  t.true(limiter.allow(ipv4(11), 250), 'known sources go on');
});

test('many peers may dial at once after a restart of ours, but not more than a core can answer', (t) => {
  t.deepEqual(
    [1, 250, 700, 5000].map((peers) => loadLimitFor(peers)),
    [250, 250, 700, 1000],
  );
});
