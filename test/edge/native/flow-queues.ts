/**
 * Run by tun.test.ts in a network namespace of its own: flows from the kernel into a TUN of several queues, and their answers
 * back. Prints one JSON line: how many flows each queue got, how many of them an answer moved that was written by a writer,
 * and by a queue that is read; and how many answers came.
 */
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { native } from '../../../src/edge/native.js';

const QUEUES = 2;
const FLOWS = 64;
const PORT = 5_000;
/** struct virtio_net_hdr before each packet. */
const VNET_BYTES = 10;

const { fds, writeFds } = native().tunOpen('ts-many', QUEUES, 0);
execFileSync('sh', ['-ec', 'ip link set lo up; ip addr add 10.9.0.1/24 dev ts-many; ip link set ts-many up']);

/** By the port of its flow: the queue to which each waiting packet came; and the packet. */
function taken(): Map<number, { queue: number; packet: Buffer }> {
  const found = new Map<number, { queue: number; packet: Buffer }>();
  for (const [queue, fd] of fds.entries()) {
    for (;;) {
      const buffer = Buffer.alloc(2_000);
      try {
        const length = readSync(fd, buffer);
        const packet = buffer.subarray(0, length);
        if (packet[VNET_BYTES] === 0x45 && packet[VNET_BYTES + 9] === 17) {
          found.set(packet.readUInt16BE(VNET_BYTES + 20), { queue, packet });
        }
      } catch {
        break;
      }
    }
  }
  return found;
}

/** The same packet from there to here, without a UDP checksum. */
function answer(packet: Buffer): Buffer {
  const bytes = Buffer.from(packet);
  bytes.fill(0, 0, VNET_BYTES);
  const at = VNET_BYTES;
  packet.copy(bytes, at + 12, at + 16, at + 20);
  packet.copy(bytes, at + 16, at + 12, at + 16);
  packet.copy(bytes, at + 20, at + 22, at + 24);
  packet.copy(bytes, at + 22, at + 20, at + 22);
  bytes.writeUInt16BE(0, at + 26);
  return bytes;
}

const sockets: Socket[] = [];
let answers = 0;
for (let flow = 0; flow < FLOWS; flow++) {
  const socket = createSocket('udp4').on('message', () => void answers++);
  socket.bind(20_000 + flow, '10.9.0.1');
  await once(socket, 'listening');
  sockets.push(socket);
}

async function send() {
  await Promise.all(
    sockets.map((socket) => new Promise((resolve) => socket.send('x', PORT, '10.9.0.2', resolve))),
  );
  return taken();
}

const before = await send();
const spread = fds.map((_, queue) => [...before.values()].filter((one) => one.queue === queue).length);
async function movedBy(chosen: readonly number[]): Promise<number> {
  let turn = 0;
  for (const { packet } of before.values()) writeSync(chosen[turn++ % chosen.length], answer(packet));
  await sleep(100);
  const after = await send();
  return [...before].filter(([port, { queue }]) => after.get(port)?.queue !== queue).length;
}

const moved = { byWriters: await movedBy(writeFds), byReader: await movedBy([fds[0]]) };
for (const socket of sockets) socket.close();
console.log(JSON.stringify({ flows: before.size, spread, moved, answers }));
