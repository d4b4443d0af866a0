import { readdirSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import type { Instruction } from '../../../src/core/base/filter.js';
import { SeededRandom } from '../../../src/core/base/random.js';
import { Slots, workerOf } from '../../../src/core/wireguard/slots.js';
import { SLOT_MASK } from '../../../src/core/wireguard/tables.js';
import { createCrypto } from '../../../src/edge/crypto/node.js';
import { native } from '../../../src/edge/native.js';
import { openUdpGroup, steeringProgram, steeringRefusal } from '../../../src/edge/udp/group.js';

const AUTO = { gso: 'auto', gro: 'auto' } as const;
const ANY = { address: '', port: 0, device: '', mark: 0 };
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

/** Runs a classic BPF program as the kernel does; the few instructions that there are. */
function interpret(program: readonly Instruction[], data: Uint8Array): number {
  let [a, x] = [0, 0];
  for (let at = 0; ; at++) {
    const [code, ifTrue, ifFalse, value] = program[at];
    if (code === 0x30) {
      if (value >= data.length) return 0;
      a = data[value];
    } else if (code === 0x15) at += a === value ? ifTrue : ifFalse;
    else if (code === 0x64) a = (a << value) >>> 0;
    else if (code === 0x07) x = a;
    else if (code === 0x0c) a = (a + x) >>> 0;
    else if (code === 0x94) a %= value;
    else if (code === 0x16) return a;
    else if (code === 0x06) return value;
    else throw new Error(`instruction ${code}`);
  }
}

/** Where a datagram belongs. */
function ownerOf(datagram: Uint8Array, workers: number): number {
  if (datagram.length < 6 || datagram[0] !== 4) return 0;
  return workerOf((datagram[4] | (datagram[5] << 8)) & SLOT_MASK, workers);
}

function transport(index: number, length = 48): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 4, true);
  view.setUint32(4, index, true);
  return bytes;
}

/** Which of the sockets something waits at; it is taken. */
function arrivals(fds: readonly number[]): number[] {
  const poller = native().pollerOpen([...fds]);
  const ready = native().wait(poller, 2_000);
  native().pollerClose(poller);
  const buffer = new Uint8Array(2_000);
  return fds.flatMap((fd, place) => {
    if ((ready & (1 << place)) === 0) return [];
    return native().messageReceive(fd, buffer) > 0 ? [place] : [];
  });
}

test('the program says of any datagram what the law of slots says', (t) => {
  const first = fc.oneof({ weight: 4, arbitrary: fc.constant(4) }, fc.nat(255));
  const datagram = fc
    .tuple(first, fc.uint8Array({ maxLength: 60 }))
    .map(([type, rest]) => Uint8Array.of(type, ...rest));
  fc.assert(
    fc.property(
      fc.oneof(datagram, fc.constant(new Uint8Array(0))),
      fc.integer({ min: 2, max: 16 }),
      (bytes, workers) => {
        t.is(interpret(steeringProgram(workers), bytes), ownerOf(bytes, workers));
      },
    ),
    { numRuns: 500 },
  );
});

for (const [address, workers] of [
  ['', 2],
  ['127.0.0.1', 3],
  ['', 16],
] as const) {
  test(`messages of each session come to the owner of its peer (${workers} workers, address '${address}')`, (t) => {
    t.is(steeringRefusal(workers), '');
    const { fds, port } = openUdpGroup({ ...ANY, address }, AUTO, workers);
    t.is(fds.length, workers);
    const random = new SeededRandom(7);
    const slots = new Slots(
      createCrypto((length) => random.bytes(length)),
      6 * workers,
      workers,
    );
    // From several sources, for which the kernel's own choice would be another each.
    for (let peer = 0; peer < 40; peer++) {
      const sender = native().udpOpen({ ...ANY, address: '127.0.0.1', offloads: 0, reusePort: false });
      const slot = slots.allocate(peer, 0);
      if (slot < 0) break;
      native().datagramSend(sender.fd, transport(slots.indexOf(slot)), encodeEndpoint(LOOPBACK, port, 0));
      t.deepEqual(arrivals(fds), [workerOf(peer, workers)], `peer ${peer}`);
      const handshake = new Uint8Array(148).fill(1);
      native().datagramSend(sender.fd, handshake, encodeEndpoint(LOOPBACK, port, 0));
      t.deepEqual(arrivals(fds), [0]);
      native().closeFd(sender.fd);
    }
    for (const fd of fds) native().closeFd(fd);
  });
}

test('a port that is used is refused, though its owner shares it, and nothing stays open', (t) => {
  const open = (): number => readdirSync('/proc/self/fd').length;
  const { fds, port } = openUdpGroup({ ...ANY, address: '127.0.0.1' }, AUTO, 2);
  const before = open();
  for (const workers of [1, 2, 3]) {
    t.throws(() => openUdpGroup({ ...ANY, address: '127.0.0.1', port }, AUTO, workers), {
      code: 'TS_SOCKET',
      message: /EADDRINUSE/,
    });
  }
  t.is(open(), before);
  for (const fd of fds) native().closeFd(fd);
});

test('a program that is none is refused', (t) => {
  const { fds } = openUdpGroup(ANY, AUTO, 2);
  t.true(native().portSteer(fds[0], new Uint8Array(0)) < 0);
  t.true(native().portSteer(fds[0], new Uint8Array(7)) < 0);
  t.true(native().portSteer(fds[0], new Uint8Array(80).fill(255)) < 0);
  t.true(native().portSteer(-1, new Uint8Array(8)) < 0);
  t.true(native().portShare(-1) < 0);
  for (const fd of fds) native().closeFd(fd);
});
