/** The news of a shared key: round trips, bounds, and two holders whose labels never go back. */
import test from 'ava';
import fc from 'fast-check';
import {
  encodeKeyDatagrams,
  encodeKeyNews,
  isKeyNews,
  type KeyNews,
  type PeerNews,
  parseKeyNews,
} from '../../../src/core/wireguard/key-news.js';
import {
  compareTai64n,
  encodeTai64n,
  MemoryTimestampStore,
  TimestampSource,
} from '../../../src/core/wireguard/tai64n.js';

const DATAGRAM_BYTES_MAX = 1_200;

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const label = fc.oneof(
  fc.constant(new Uint8Array(12)),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(encodeTai64n),
);
const endpoint = fc.record({
  address: fc.oneof(bytes(4), bytes(16)),
  port: fc.integer({ min: 1, max: 65_535 }),
});
const peer: fc.Arbitrary<PeerNews> = fc.record({
  publicKey: bytes(32),
  newest: label,
  endpoint: fc.option(endpoint, { nil: undefined }),
});
const news: fc.Arbitrary<KeyNews> = fc.record({ sent: label, peers: fc.array(peer, { maxLength: 60 }) });

test('news comes back as it was told, whole or in datagrams', (t) => {
  fc.assert(
    fc.property(news, (told) => {
      t.deepEqual(parseKeyNews(encodeKeyNews(told)), told);
      const datagrams = encodeKeyDatagrams(told);
      t.true(datagrams.length >= 1);
      const parts = datagrams.map((datagram) => {
        t.true(datagram.length <= DATAGRAM_BYTES_MAX && isKeyNews(datagram));
        return parseKeyNews(datagram)!;
      });
      t.true(parts.every(({ sent }) => compareTai64n(sent, told.sent) === 0));
      t.deepEqual(
        parts.flatMap(({ peers }) => peers),
        told.peers,
      );
    }),
  );
});

test('anything else is refused', (t) => {
  const whole = encodeKeyNews({
    sent: encodeTai64n(1n),
    peers: [
      {
        publicKey: new Uint8Array(32),
        newest: encodeTai64n(2n),
        endpoint: { address: Uint8Array.of(1, 2, 3, 4), port: 5 },
      },
    ],
  });
  const changed = (at: number, value: number): Uint8Array => {
    const copy = whole.slice();
    copy[at] = value;
    return copy;
  };
  t.truthy(parseKeyNews(whole));
  const wrong: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['a hello', new TextEncoder().encode('{"v":1}             ')],
    ['another version', changed(1, 2)],
    ['more peers than there are', changed(3, 2)],
    ['fewer', changed(3, 0)],
    ['no label', changed(4, 0)],
    ['no label of a peer', changed(16 + 32, 0xff)],
    ['no family', changed(16 + 44, 5)],
    ['no port', changed(16 + 47, 0)],
    ['cut short', whole.subarray(0, whole.length - 1)],
    ['too many peers', new Uint8Array(16 + 257 * 64).fill(0)],
  ];
  wrong[wrong.length - 1][1].set([0x4b, 1, 1, 1]);
  for (const [what, text] of wrong) t.is(parseKeyNews(text), undefined, what);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => t.notThrows(() => parseKeyNews(any))));
});

/** Two holders; `heard` says whether the other hears what is told. */
test('labels rise from holder to holder, however their clocks are set, through crashes', (t) => {
  const step = fc.record({
    ms: fc.integer({ min: 0, max: 20_000 }),
    jumpMs: fc.constantFrom(0, 0, 0, 0, 3_600_000, -3_600_000),
    change: fc.constantFrom('no', 'no', 'no', 'hand-over', 'crash'),
    sends: fc.nat(3),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(-3_600_000, 0, 3_600_000),
      fc.array(step, { maxLength: 60 }),
      (skewMs, steps) => {
        const stores = [new MemoryTimestampStore(), new MemoryTimestampStore()];
        const sources = stores.map((store) => new TimestampSource(store, 120_000));
        const clocksMs = [1.8e12, 1.8e12 + skewMs];
        let holder = 0;
        let last: Uint8Array = encodeTai64n(0n);
        for (const { ms, jumpMs, change, sends } of steps) {
          clocksMs[0] += ms;
          clocksMs[1] += ms;
          clocksMs[holder] += jumpMs;
          if (change === 'crash') sources[holder] = new TimestampSource(stores[holder], 120_000);
          if (change !== 'no') holder = 1 - holder;
          const told = sources[holder].reserveAhead(clocksMs[holder]);
          sources[1 - holder].raise(told);
          for (let i = 0; i < sends; i++) {
            const next = sources[holder].next(clocksMs[holder]);
            t.true(compareTai64n(next, last) > 0, 'the peer would take it for a replay');
            t.true(compareTai64n(next, told) <= 0, 'it was told before it was used');
            last = next;
          }
        }
      },
    ),
  );
});

test('what two holders tell each other over and over does not drive them into the future', (t) => {
  const sources = [0, 1].map(() => new TimestampSource(new MemoryTimestampStore(), 120_000));
  const clockMs = 1.8e12;
  let told = sources[0].reserveAhead(clockMs);
  for (let i = 0; i < 1_000; i++) {
    sources[1].raise(told);
    sources[0].raise(sources[1].reserved);
    told = sources[0].reserveAhead(clockMs);
  }
  t.true(compareTai64n(told, encodeTai64n(BigInt(clockMs + 120_000) * 1_000_000n)) <= 0);
});

test('what was told survives a restart, and garbage raises nothing', (t) => {
  const store = new MemoryTimestampStore();
  const future = encodeTai64n(BigInt(1.8e12 + 3_600_000) * 1_000_000n);
  new TimestampSource(store).raise(future);
  t.true(compareTai64n(new TimestampSource(store).next(1.8e12), future) > 0);
  const source = new TimestampSource(new MemoryTimestampStore());
  for (const wrong of [new Uint8Array(12), new Uint8Array(3), new Uint8Array(12).fill(0xff)])
    source.raise(wrong);
  t.true(compareTai64n(source.next(1.8e12), encodeTai64n(BigInt(1.8e12) * 1_000_000n)) <= 0);
});
