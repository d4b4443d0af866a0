import test from 'ava';
import fc from 'fast-check';
import { martian } from '../../../src/core/packet/addresses.js';
import { DROP } from '../../../src/core/packet/drop.js';
import { isEchoRequest, writeEchoReply } from '../../../src/core/packet/echo.js';
import {
  ICMP4_UNREACHABLE,
  ICMP6_TOO_BIG,
  ICMP6_UNREACHABLE,
  mayAnswer,
  mayAnswerTooBig,
  UNREACHABLE4,
  unreachable6For,
  writeError4,
  writeError6,
} from '../../../src/core/packet/icmp.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { RateLimit } from '../../../src/core/packet/ratelimit.js';
import {
  address,
  checksumsRight,
  type IpOptions,
  icmp,
  ip,
  slowSum,
  tcp,
  udp,
  word,
} from '../../support/packets.js';

const V4 = { source: '172.16.10.15', destination: '192.168.10.15' };
const V6 = { source: 'fd00:10::15', destination: '2001:db8::1' };

function parsedOf(packet: Uint8Array): Parsed {
  const parsed = new Parsed();
  const refusal = parsed.parse(packet, 0, packet.length);
  if (refusal !== 0) throw new Error(`refused: ${refusal}`);
  return parsed;
}

const sized = (ends: typeof V4, size: number) =>
  ip({ ...ends, protocol: 17, payload: udp(1, 2, new Uint8Array(size)) });

test('an IPv4 error quotes what fits 576 bytes and is itself a right packet', (t) => {
  for (const size of [0, 1, 500, 519, 520, 521, 1400]) {
    const packet = sized(V4, size);
    const out = new Uint8Array(700).fill(0xaa);
    const length = writeError4(
      out,
      11,
      parsedOf(packet),
      packet,
      word(address('172.16.10.1')),
      ICMP4_UNREACHABLE,
      UNREACHABLE4.fragmentationNeeded,
      1408,
    );
    const error = out.slice(11, 11 + length);
    t.is(length, Math.min(576, 28 + packet.length));
    t.true(checksumsRight(error));
    t.deepEqual(error.slice(28), packet.slice(0, length - 28));
    t.deepEqual([...error.slice(12, 20)], [172, 16, 10, 1, ...address(V4.source)]);
    t.deepEqual([...error.slice(20, 22), ...error.slice(24, 28)], [3, 4, 0, 0, 1408 >> 8, 1408 & 255]);
    t.is(out[10], 0xaa);
    t.is(out[11 + length], 0xaa);
    t.true(parsedOf(error).isIcmpError);
  }
});

test('an IPv6 error quotes what fits 1280 bytes and is itself a right packet', (t) => {
  for (const size of [0, 1, 1183, 1184, 1185, 1400]) {
    const packet = sized(V6, size);
    const out = new Uint8Array(1400).fill(0xaa);
    const length = writeError6(out, 3, parsedOf(packet), packet, address('fd00::1'), ICMP6_TOO_BIG, 0, 1280);
    const error = out.slice(3, 3 + length);
    t.is(length, Math.min(1280, 48 + packet.length));
    t.true(checksumsRight(error));
    t.deepEqual(error.slice(48), packet.slice(0, length - 48));
    t.deepEqual(error.slice(8, 40), Uint8Array.from([...address('fd00::1'), ...address(V6.source)]));
    t.is(out[3 + length], 0xaa);
    t.true(parsedOf(error).isIcmpError);
  }
});

test('an error can be written over the packet it quotes, and a short buffer cuts or refuses', (t) => {
  for (const shift of [-40, -28, -5, 0, 1, 28, 60]) {
    const packet = sized(V4, 100);
    const memory = new Uint8Array(1000);
    memory.set(packet, 100);
    const parsed = new Parsed();
    t.is(parsed.parse(memory, 100, packet.length), 0);
    const length = writeError4(memory, 100 + shift, parsed, memory, 1, 3, 0, 0);
    t.deepEqual(memory.slice(100 + shift + 28, 100 + shift + length), packet);
  }
  const packet = sized(V4, 100);
  t.is(writeError4(new Uint8Array(27), 0, parsedOf(packet), packet, 1, 3, 0, 0), 0);
  t.is(writeError4(new Uint8Array(60), 0, parsedOf(packet), packet, 1, 3, 0, 0), 60);
  const packet6 = sized(V6, 100);
  t.is(writeError6(new Uint8Array(47), 0, parsedOf(packet6), packet6, address('fd00::1'), 1, 0, 0), 0);
});

test('no errors about errors, later fragments, packets to many, or from nobody', (t) => {
  const about = (options: Partial<IpOptions> & { source: string; destination: string }) =>
    mayAnswer(parsedOf(ip({ protocol: 17, payload: udp(1, 2, new Uint8Array(8)), ...options })));
  t.true(about(V4));
  t.true(about(V6));
  t.true(about({ ...V4, protocol: 1, payload: icmp(8, 0, new Uint8Array(4)) }));
  t.false(about({ ...V4, protocol: 1, payload: icmp(3, 0, new Uint8Array(4)) }));
  t.false(about({ ...V6, protocol: 58, payload: icmp(2, 0, new Uint8Array(4)) }));
  t.false(about({ ...V6, protocol: 58, payload: icmp(137, 0, new Uint8Array(4)) }));
  t.true(about({ ...V6, protocol: 58, payload: icmp(128, 0, new Uint8Array(4)) }));
  t.false(about({ ...V4, fragmentOffset: 9 }));
  t.true(about({ ...V4, moreFragments: true }));
  for (const destination of ['224.0.0.1', '239.1.2.3', '255.255.255.255'])
    t.false(about({ ...V4, destination }));
  t.false(about({ ...V6, destination: 'ff02::1' }));
  for (const source of ['0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '250.0.0.1', '255.255.255.255'])
    t.false(about({ ...V4, source }));
  for (const source of ['::', '::1', 'ff02::1', '::ffff:a00:1']) t.false(about({ ...V6, source }));
  const multicast = parsedOf(
    ip({ ...V6, destination: 'ff0e::1', protocol: 17, payload: udp(1, 2, new Uint8Array(8)) }),
  );
  t.true(mayAnswerTooBig(multicast));
  const multicast4 = parsedOf(
    ip({ ...V4, destination: '239.0.0.1', protocol: 17, payload: udp(1, 2, new Uint8Array(8)) }),
  );
  t.false(mayAnswerTooBig(multicast4));
});

test('martians', (t) => {
  const judge = (source: string, destination: string) =>
    martian(parsedOf(ip({ source, destination, protocol: 17, payload: udp(1, 2, new Uint8Array(8)) })));
  t.is(judge(V4.source, V4.destination), 0);
  t.is(judge(V6.source, V6.destination), 0);
  for (const bad of ['0.0.0.0', '127.1.1.1', '169.254.1.1', '224.0.0.5', '240.0.0.1', '255.255.255.255']) {
    t.is(judge(bad, V4.destination), DROP['source-invalid']);
    t.is(judge(V4.source, bad), DROP['destination-invalid']);
  }
  for (const bad of ['::', '::1', 'fe80::1', 'febf::1', 'ff0e::1', '::ffff:a00:1', '::a00:1']) {
    t.is(judge(bad, V6.destination), DROP['source-invalid']);
    t.is(judge(V6.source, bad), DROP['destination-invalid']);
  }
  for (const good of ['fec0::1', '64:ff9b::a00:1', '1.0.0.1', '223.255.255.255', '169.253.1.1']) {
    t.is(good.includes(':') ? judge(good, V6.destination) : judge(good, V4.destination), 0);
  }
});

test('our five reasons have five different ICMPv6 codes', (t) => {
  const reasons = [
    UNREACHABLE4.net,
    UNREACHABLE4.host,
    UNREACHABLE4.netUnknown,
    UNREACHABLE4.hostUnknown,
    UNREACHABLE4.prohibited,
  ];
  const codes = reasons.map(unreachable6For);
  t.deepEqual(codes, [0, 3, 5, 2, 1]);
  t.is(ICMP6_UNREACHABLE, 1);
});

test('an echo request becomes a right echo reply in place', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(V4, V6),
      fc.uint8Array({ minLength: 4, maxLength: 100 }),
      fc.integer({ min: 1, max: 255 }),
      (ends, data, ttl) => {
        const four = ends === V4;
        const bytes = ip({ ...ends, ttl, protocol: four ? 1 : 58, payload: icmp(four ? 8 : 128, 0, data) });
        const parsed = parsedOf(bytes);
        t.true(isEchoRequest(parsed));
        t.true(writeEchoReply(bytes, parsed));
        const expected = ip({
          source: ends.destination,
          destination: ends.source,
          protocol: four ? 1 : 58,
          payload: icmp(four ? 0 : 129, 0, data),
        });
        t.true(checksumsRight(bytes) || data.every((byte) => byte === 0));
        // ICMPv4 may carry either name of zero.
        if (four && expected[22] === 0 && expected[23] === 0) expected.fill(0xff, 22, 24);
        t.deepEqual(bytes, expected);
        t.deepEqual({ ...parsed }, { ...parsedOf(bytes) });
        t.false(writeEchoReply(bytes, parsed));
      },
    ),
  );
  // A reply of nothing but zeros: its checksum is 0xffff, because 0 would not verify (0 + 0 is not 0xffff).
  const silent = ip({ ...V4, protocol: 1, payload: icmp(8, 0, new Uint8Array(4)) });
  t.true(writeEchoReply(silent, parsedOf(silent)));
  t.is(slowSum(silent.subarray(20)), 0xffff);
  for (const moreFragments of [true, false]) {
    const bytes = ip({ ...V4, protocol: 1, payload: icmp(8, 0, new Uint8Array(12)), moreFragments });
    t.is(writeEchoReply(bytes, parsedOf(bytes)), !moreFragments);
  }
  const other = ip({ ...V4, protocol: 6, payload: tcp(1, 2, 2, [], new Uint8Array(0)) });
  t.false(writeEchoReply(other, parsedOf(other)));
});

test('the rate limit equals a ledger kept with plain arithmetic', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(400), { maxLength: 200 }),
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 20 }),
      (gaps, rate, burst) => {
        const limit = new RateLimit(rate, burst);
        let now = 5000;
        let tokens = burst;
        for (const gap of gaps) {
          now += gap;
          tokens = Math.min(burst, tokens + (gap * rate) / 1000);
          if (Math.abs(tokens - 1) < 1e-9) return;
          const granted = tokens >= 1;
          t.is(limit.take(now), granted);
          if (granted) tokens -= 1;
        }
      },
    ),
  );
  const limit = new RateLimit(10, 2);
  t.deepEqual([limit.take(100), limit.take(100), limit.take(100)], [true, true, false]);
  t.false(limit.take(0)); // a clock that steps back
  t.true(limit.take(100));
});
