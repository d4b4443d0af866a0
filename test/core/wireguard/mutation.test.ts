/** Anything may arrive: nothing throws, every refusal is counted once, and sessions go on. */
import test from 'ava';
import fc from 'fast-check';
import { connectedPair } from '../../support/wireguard-network.js';
import type { WireGuardNode } from '../../support/wireguard-node.js';

function refusals(node: WireGuardNode): number {
  return Object.values(node.wireGuard.drops).reduce((sum, count) => sum + count, 0);
}

const junk = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .tuple(
      fc.constantFrom([1, 148], [2, 92], [3, 64], [4, 32], [4, 48]),
      fc.uint8Array({ minLength: 148, maxLength: 148 }),
    )
    .map(([[type, length], bytes]) => {
      const message = bytes.slice(0, length);
      message.set([type, 0, 0, 0]);
      return message;
    }),
);

test('random datagrams are refused and counted', (t) => {
  const { a, b } = connectedPair({ seed: 1 });
  fc.assert(
    fc.property(junk, (bytes) => {
      const before = refusals(b);
      b.wireGuard.handleDatagram(bytes, a.address, 1_000);
      t.is(refusals(b), before + 1);
      t.is(b.wireGuard.pollOutput(), undefined);
    }),
    { numRuns: 500 },
  );
});

test('messages of a real conversation, changed anywhere, cut or lengthened, are refused and counted', (t) => {
  const change = fc.record({
    message: fc.nat(),
    kind: fc.constantFrom('flip', 'cut', 'lengthen', 'cross' as const),
    at: fc.nat(),
    bit: fc.nat(7),
  });
  fc.assert(
    fc.property(fc.nat(1_000), fc.array(change, { minLength: 1, maxLength: 8 }), (seed, changes) => {
      const { network, a, b } = connectedPair({ seed }, { b: { loadMessagesPerSecond: 1 } });
      let handled = 0;
      network.tamper = (original, from) => {
        const to = from === a ? b : a;
        if (original[0] === 4) return original;
        for (const { message, kind, at, bit } of changes) {
          if (message % 3 !== handled % 3) continue;
          let bytes = new Uint8Array(original);
          // mac2 at the end counts under load alone.
          const covered = original[0] === 3 ? bytes.length : bytes.length - 16;
          if (kind === 'flip') bytes[at % covered] ^= 1 << bit;
          if (kind === 'cut') bytes = bytes.subarray(0, at % bytes.length);
          if (kind === 'lengthen') bytes = Uint8Array.from([...bytes, at]);
          const before = refusals(kind === 'cross' ? from : to);
          const victim = kind === 'cross' ? from : to;
          victim.handleDatagram({ from: from.address, to: victim.address, bytes });
          // A transport message made of a handshake message by its type byte is the data path's to count.
          if (bytes[0] !== 4) t.is(refusals(victim), before + 1, `${kind} ${at} of message ${original[0]}`);
        }
        handled++;
        return original;
      };
      a.send(0, 'hello');
      network.runFor(60_000);
      t.deepEqual(b.received, ['hello'], 'the true messages still do their work');
    }),
    { numRuns: 150 },
  );
});
