/** BFD with a router: what counts, from when on, and what is refused. The router is a session of ours, 5 ms away. */
import test from 'ava';
import { SeededRandom } from '../../../src/core/base/random.js';
import { sum } from '../../../src/core/packet/checksum.js';
import { IP4_CHECKSUM, IP4_HEADER, IP4_TTL, put16 } from '../../../src/core/packet/offsets.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { BFD_BYTES, BFD_REFUSALS, BfdPacket } from '../../../src/core/path/bfd-packet.js';
import { BfdSession } from '../../../src/core/path/bfd-session.js';
import { BfdWatch, WATCH_BYTES_MAX } from '../../../src/core/path/bfd-watch.js';
import { BFD_CONTROL_PORT, Envelope } from '../../../src/core/path/datagram.js';
import { PACE_DEFAULT } from '../../../src/core/path/pacing.js';
import { address } from '../../support/packets.js';

const DELAY_MS = 5;

class Bench {
  now = 0;
  /** Packets of ours, or of the router, get lost. */
  isDeaf = false;
  isMute = false;
  readonly watch: BfdWatch;
  readonly router: BfdSession;
  readonly news: string[] = [];
  readonly #envelope: Envelope;
  readonly #flying: { atMs: number; toUs: boolean; bytes: Uint8Array }[] = [];
  readonly #parsed = new Parsed();

  constructor(local = '10.9.0.1', remote = '10.9.0.2') {
    const random = new SeededRandom(1);
    const ends = { local: address(local), remote: address(remote) };
    const common = { pace: PACE_DEFAULT, random: () => random.fraction() };
    this.watch = new BfdWatch({ ...ends, ...common, localDiscriminator: 7 }, 0);
    this.#envelope = new Envelope(ends.remote, ends.local, 50_000, BFD_CONTROL_PORT);
    this.router = new BfdSession(
      {
        ...common,
        localDiscriminator: 9,
        requiredMinEchoRxMs: 0,
        active: true,
        fastWhileDownMs: 0,
        offloaded: false,
      },
      0,
    );
    this.isMute = true;
    this.isDeaf = true;
  }

  run(ms: number): void {
    for (const untilMs = this.now + ms; this.now < untilMs; this.now++) {
      this.watch.handleTimeout(this.now);
      this.router.handleTimeout(this.now);
      for (const { toUs, bytes } of this.#flying.filter(({ atMs }) => atMs <= this.now)) {
        if (toUs) this.receive(bytes);
        else this.#routerReceives(bytes);
      }
      this.#flying.splice(0, this.#flying.findLastIndex(({ atMs }) => atMs <= this.now) + 1);
      this.#drain();
    }
  }

  receive(bytes: Uint8Array): string {
    if (this.#parsed.parse(bytes, 0, bytes.length) !== 0) throw new Error('malformed');
    return BFD_REFUSALS[this.watch.handleDatagram(bytes, this.#parsed, this.now)];
  }

  /** A packet of the router. */
  packet(change: Partial<BfdPacket> = {}): Uint8Array {
    const packet = Object.assign(new BfdPacket(), {
      multiplier: 4,
      myDiscriminator: 9,
      desiredMinTxUs: 75_000,
      requiredMinRxUs: 75_000,
      ...change,
    });
    const bytes = new Uint8Array(WATCH_BYTES_MAX);
    packet.encode(bytes, this.#envelope.headerBytes);
    return bytes.slice(0, this.#envelope.close(bytes, 0, BFD_BYTES));
  }

  #routerReceives(bytes: Uint8Array): void {
    const packet = new BfdPacket();
    if (packet.parse(bytes, bytes.length - BFD_BYTES, BFD_BYTES) !== 0) throw new Error('malformed');
    this.router.handlePacket(packet, this.now);
  }

  #drain(): void {
    for (let news = this.watch.pollNews(); news !== undefined; news = this.watch.pollNews()) {
      this.news.push(`${this.now} ${news.to}: ${news.why}`);
    }
    const atMs = this.now + DELAY_MS;
    const buffer = new Uint8Array(WATCH_BYTES_MAX);
    for (
      let length = this.watch.pollTransmit(buffer, 0);
      length > 0;
      length = this.watch.pollTransmit(buffer, 0)
    ) {
      if (!this.isDeaf) this.#flying.push({ atMs, toUs: false, bytes: buffer.slice(0, length) });
    }
    const packet = new BfdPacket();
    while (this.router.pollPacket(packet)) {
      if (!this.isMute) this.#flying.push({ atMs, toUs: true, bytes: this.packet(packet) });
    }
    while (this.router.pollChange());
  }
}

for (const [family, ...ends] of [
  ['IPv4', '10.9.0.1', '10.9.0.2'],
  ['IPv6', 'fd00::1', 'fd00::2'],
]) {
  test(`${family}: unknown until it was Up; then silence counts, after the detection time`, (t) => {
    const bench = new Bench(...(ends as [string, string]));
    bench.run(5_000);
    t.deepEqual(bench.news, []);
    t.is(bench.watch.verdict, 'unknown');
    bench.isDeaf = false;
    bench.isMute = false;
    bench.run(5_000);
    t.is(bench.watch.verdict, 'up');
    t.is(bench.news.length, 1);
    const mutedAtMs = bench.now;
    bench.isMute = true;
    bench.run(5_000);
    t.regex(bench.news[1], /down: detection time expired$/);
    const tookMs = Number.parseInt(bench.news[1], 10) - mutedAtMs;
    t.true(tookMs > 200 && tookMs <= 300 + DELAY_MS, `${tookMs} ms`);
    bench.isMute = false;
    bench.run(5_000);
    t.is(bench.news.length, 3);
    bench.isDeaf = true;
    bench.run(5_000);
    t.regex(bench.news[3], /down: neighbor signaled session down$/);
  });
}

test('a router that is out of service is not judged, from the first packet on', (t) => {
  const bench = new Bench();
  bench.isDeaf = false;
  bench.isMute = false;
  bench.run(5_000);
  bench.router.disable(bench.now);
  bench.run(5_000);
  t.regex(bench.news[1], /unknown: they have taken BFD out of service$/);
  bench.isMute = true;
  bench.run(5_000);
  t.is(bench.news.length, 2, 'its silence is nothing to judge either');
  bench.isMute = false;
  bench.router.enable(bench.now);
  bench.run(5_000);
  t.is(bench.watch.verdict, 'up');
});

test('what is not from the router next door, or not for this session, is refused', (t) => {
  const bench = new Bench();
  t.is(bench.receive(bench.packet()), BFD_REFUSALS[0]);
  t.is(bench.receive(bench.packet({ yourDiscriminator: 8, state: 3 })), 'unknown-session');
  t.is(bench.receive(bench.packet({ multiplier: 0 })), 'multiplier');
  const far = bench.packet();
  far[IP4_TTL] = 254;
  put16(far, IP4_CHECKSUM, 0);
  put16(far, IP4_CHECKSUM, ~sum(far, 0, IP4_HEADER, 0) & 0xffff);
  t.is(bench.receive(far), 'ttl');
});
