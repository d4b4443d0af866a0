/**
 * Run by tun.test.ts in a network namespace of its own (`unshare --net`), so that nothing of it is left behind.
 *
 *   this namespace                                       a second one
 *   client, TUN ts-near 10.77.0.1 ── this process ── TUN ts-far 10.77.0.2, server
 *
 * The process moves packets between the two devices: as they are (rows from one device written to the other), or
 * through a tunnel (sealed, sent over loopback, received, opened, written). For each set of offloads a TCP stream and
 * UDP trains go there and back, and come back unchanged. Prints one JSON line a set.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import {
  ROW_PATH,
  ROW_SESSION,
  ROW_STRIDE,
  ROW_VERDICT,
  VERDICT_LAN,
  VERDICT_OPEN,
  VERDICT_OPENED,
  VERDICT_SEAL,
} from '../../../src/core/packet/rows.js';
import { native, STAT, type TunDevice } from '../../../src/edge/native.js';
import { Rig, TUN_SLOTS, UDP_SLOTS } from './rig.js';

const STREAM_BYTES = 4_000_000;
const DATAGRAMS = 200;
const ROUND_MS_MAX = 30_000;

/** Echoes TCP and UDP on port 9000 of both families. */
const SERVER = `
  const net = require('node:net'), dgram = require('node:dgram');
  net.createServer((s) => s.pipe(s).on('error', () => {})).listen(9000, '::', () => {
    for (const type of ['udp4', 'udp6']) {
      const u = dgram.createSocket({ type, ipv6Only: type === 'udp6', recvBufferSize: 4e6, sendBufferSize: 4e6 });
      u.on('message', (m, from) => u.send(m, from.port, from.address)).bind(9000);
    }
    console.log('ready');
    process.stdin.resume().on('end', () => process.exit());
  });`;

interface Offloads {
  tun: number;
  udp: number;
  tunnel: boolean;
}

const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'inherit'] });

/** A process that holds the second namespace and, later, the server in it. */
async function startServer(): Promise<ChildProcess> {
  const server = spawn(
    'unshare',
    ['--net', 'sh', '-c', 'ip link set lo up; read go; exec "$0" -e "$1"', process.execPath, SERVER],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  return server;
}

/** One direction: what a device gives is moved to the other. */
function pump(rig: Rig, from: TunDevice, to: TunDevice, mode: Offloads, udpFd: number): void {
  const rows = native().tunRead(rig.context, from.fds[0], 0, TUN_SLOTS);
  if (rows < 0) throw new Error(`tunRead: ${rows}`);
  for (let row = 0; row < rows; row++) {
    const at = row * ROW_STRIDE;
    rig.rows[at + ROW_VERDICT] = mode.tunnel ? VERDICT_SEAL : VERDICT_LAN;
    rig.rows[at + ROW_SESSION] = 0;
    rig.rows[at + ROW_PATH] = 0;
  }
  if (!mode.tunnel) {
    native().tunWrite(rig.context, to.fds[0], 0, rows, VERDICT_LAN, to.offloads);
    return;
  }
  native().sealSend(rig.context, 0, rows);
  for (;;) {
    const received = native().udpRecv(rig.context, udpFd, 0, 0, UDP_SLOTS);
    if (received <= 0) return;
    for (let row = 0; row < received; row++) rig.rows[row * ROW_STRIDE + ROW_VERDICT] = VERDICT_OPEN;
    native().openBatch(rig.context, 0, received);
    native().tunWrite(rig.context, to.fds[0], 0, received, VERDICT_OPENED, to.offloads);
  }
}

/** Sends a stream to the server and answers whether it came back unchanged. */
async function streamEchoes(host: string): Promise<boolean> {
  const data = randomBytes(STREAM_BYTES);
  const digest = createHash('sha256');
  let received = 0;
  const socket = connect(9000, host);
  const done = new Promise<void>((resolve, reject) => {
    socket.on('error', reject).on('data', (chunk) => {
      digest.update(chunk);
      received += chunk.length;
      if (received >= data.length) resolve();
    });
  });
  socket.write(data);
  await done;
  socket.destroy();
  return digest.digest('hex') === createHash('sha256').update(data).digest('hex');
}

/** Sends bursts of datagrams and counts those that come back unchanged. */
async function datagramsEchoed(host: string): Promise<number> {
  const type = host.includes(':') ? 'udp6' : 'udp4';
  const socket = createSocket({ type, recvBufferSize: 4e6, sendBufferSize: 4e6 });
  const waiting = new Set<string>();
  let count = 0;
  socket.on('message', (message) => {
    if (waiting.delete(message.toString('hex'))) count++;
  });
  for (let i = 0; i < DATAGRAMS; i++) {
    const payload = randomBytes(i % 20 === 19 ? 100 : 1000);
    waiting.add(payload.toString('hex'));
    socket.send(payload, 9000, host);
    if (i % 40 === 39) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  for (let left = 100; left > 0 && waiting.size > 0; left--)
    await new Promise((resolve) => setTimeout(resolve, 10));
  socket.close();
  return count;
}

/** One inner UDP train through UDP_SEGMENT: with USO the device hands it out as one super-packet. */
async function trainArrives(rig: Rig, fd: number): Promise<boolean> {
  const packet = new Uint8Array(1100).fill(5);
  for (let i = 0; i < 20; i++) {
    rig.row(
      i,
      packet,
      { [ROW_VERDICT]: VERDICT_SEAL, [ROW_SESSION]: 1, [ROW_PATH]: 1 },
      rig.slot(0) + i * 1200,
    );
  }
  native().sealSend(rig.context, 0, 20);
  const poller = native().pollerOpen([fd]);
  let opened = 0;
  for (let left = 200; left > 0 && opened < 20; left--) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (native().wait(poller, 0) === 0) continue;
    const rows = native().udpRecv(rig.context, fd, 1, 0, UDP_SLOTS);
    for (let row = 0; row < rows; row++) {
      rig.rows[row * ROW_STRIDE + ROW_VERDICT] = VERDICT_OPEN;
      rig.rows[row * ROW_STRIDE + ROW_SESSION] = 1;
    }
    opened += native().openBatch(rig.context, 0, rows);
  }
  native().pollerClose(poller);
  return opened === 20;
}

async function round(server: ChildProcess, mode: Offloads): Promise<Record<string, unknown>> {
  const rig = new Rig();
  const near = native().tunOpen('ts-near', 1, mode.tun);
  const far = native().tunOpen('ts-far', 1, mode.tun);
  rig.fds.push(near.fds[0], far.fds[0]);
  const inFar = ['--net', '--target', String(server.pid)];
  for (const [command, words] of [
    ['ip', 'link set ts-far netns'.split(' ').concat(String(server.pid))],
    ['ip', 'address add 10.77.0.1/24 dev ts-near'.split(' ')],
    ['ip', '-6 address add fd77::1/64 dev ts-near nodad'.split(' ')],
    ['ip', 'link set ts-near mtu 1408 up'.split(' ')],
    ['nsenter', [...inFar, 'ip', ...'address add 10.77.0.2/24 dev ts-far'.split(' ')]],
    ['nsenter', [...inFar, 'ip', ...'-6 address add fd77::2/64 dev ts-far nodad'.split(' ')]],
    ['nsenter', [...inFar, 'ip', ...'link set ts-far mtu 1408 up'.split(' ')]],
  ] as [string, string[]][]) {
    execFileSync(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  }
  const outer = rig.socket(0, mode.udp);
  rig.key(0);
  const echo = rig.socket(1, mode.udp, '10.77.0.1', new Uint8Array([10, 77, 0, 2]));
  rig.paths.set([9000 >> 8, 9000 & 255], 32 + 2);
  rig.key(1);

  let running = true;
  let superPackets = 0;
  const turn = (): void => {
    if (!running) return;
    pump(rig, near, far, mode, outer.fd);
    pump(rig, far, near, mode, outer.fd);
    setImmediate(turn);
  };
  turn();
  const streams = [await streamEchoes('10.77.0.2'), await streamEchoes('fd77::2')];
  const datagrams = [await datagramsEchoed('10.77.0.2'), await datagramsEchoed('fd77::2')];
  const sentBefore = rig.stat('tunReadPackets');
  const train = await trainArrives(rig, echo.fd);
  superPackets = rig.stat('tunReadPackets') - sentBefore;
  running = false;
  const stats = Object.fromEntries(
    Object.keys(STAT).map((name) => [name, rig.stat(name as keyof typeof STAT)]),
  );
  rig.close();
  return {
    mode,
    got: { tun: near.offloads, udp: outer.offloads },
    streams,
    datagrams,
    train,
    superPackets,
    stats,
  };
}

const sets = JSON.parse(process.argv[2]) as Offloads[];
ip('link', 'set', 'lo', 'up');
const server = await startServer();
const ready = new Promise((resolve) => server.stdout?.once('data', resolve));
server.stdin?.write('go\n');
await ready;
try {
  for (const mode of sets) {
    const late = setTimeout(() => {
      console.error(`a round took longer than ${ROUND_MS_MAX} ms: ${JSON.stringify(mode)}`);
      server.kill('SIGKILL');
      process.exit(1);
    }, ROUND_MS_MAX);
    console.log(JSON.stringify(await round(server, mode)));
    clearTimeout(late);
  }
} finally {
  server.kill('SIGKILL');
}
process.exit(0);
