/** The bytes of all peers in one array, against an array for each. */
import test from 'ava';
import fc from 'fast-check';
import { PeerBytes } from '../../../src/core/wireguard/peer-bytes.js';

const PEERS = 3;
const FIELDS = ['timestamp', 'lastMac1', 'staticStatic'] as const;

test('what is written for one peer is there until that one is forgotten', (t) => {
  const write = fc.record({
    kind: fc.constant('write' as const),
    peer: fc.nat(PEERS - 1),
    field: fc.constantFrom(...FIELDS),
    fill: fc.nat(255),
  });
  const erase = fc.record({ kind: fc.constant('erase' as const), peer: fc.nat(PEERS - 1) });
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 4, arbitrary: write }, erase)), (steps) => {
      const bytes = new PeerBytes(PEERS);
      const twin = Array.from({ length: PEERS }, () => ({
        timestamp: new Uint8Array(12),
        lastMac1: new Uint8Array(16),
        staticStatic: new Uint8Array(32),
      }));
      for (const step of steps) {
        if (step.kind === 'write') {
          bytes[step.field](step.peer).fill(step.fill);
          twin[step.peer][step.field].fill(step.fill);
        } else {
          bytes.erase(step.peer);
          for (const field of FIELDS) twin[step.peer][field].fill(0);
        }
      }
      for (let peer = 0; peer < PEERS; peer++) {
        for (const field of FIELDS) t.deepEqual(bytes[field](peer).slice(), twin[peer][field]);
      }
    }),
  );
});
