/**
 * Traffic inside a namespace, run as a program of its own. Its one argument says what to do:
 *
 *   {"do": "echo", "port"}                         TCP and UDP: sends back whatever comes; prints `ready`
 *   {"do": "stream", "to", "port", "bytes"}        sends so many bytes to a TCP echo and compares what comes back
 *   {"do": "datagrams", "to", "port", "sizes"}     the same with one datagram of each size, repeated until all came
 *   {"do": "flow", "from", "to", "port", "perSecond"}
 *        prints `ready`; numbered datagrams from the line `go` on standard input to `stop`, where it prints `sent` and how
 *        many; counts what comes until the input ends, and prints `all` as soon as that is as many as a line of it says;
 *        then prints {"sent", "received", "missing", "late"}: distinct numbers, the first gaps among them, and how many
 *        came behind a greater one
 *
 * Every client prints one JSON line and ends with 0, or with 1 and a reason.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';

type Order =
  | { do: 'echo'; port: number }
  | { do: 'stream'; to: string; port: number; bytes: number }
  | { do: 'datagrams'; to: string; port: number; sizes: number[] }
  | { do: 'flow'; from: string; to: string; port: number; perSecond: number };

const RECEIVE_BUFFER_BYTES = 4 << 20;
const RETRY_MS = 1_000;
const RETRIES = 20;

function say(value: object | string): void {
  process.stdout.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
}

function udp(address: string) {
  return createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
}

async function echo(port: number): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '::', resolve));
  const socket = createSocket({ type: 'udp6', recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.on('message', (bytes, { address, port: to }) => socket.send(bytes, to, address));
  await new Promise<void>((resolve) => socket.bind(port, '::', resolve));
  say('ready');
}

/** Sends in blocks and reads as it goes; what comes back must have the digest of what went out. */
async function stream(to: string, port: number, bytes: number): Promise<void> {
  const sent = createHash('sha256');
  const received = createHash('sha256');
  const socket = connect(port, to);
  let back = 0;
  socket.on('data', (chunk) => {
    received.update(chunk);
    back += chunk.length;
  });
  const ended = new Promise<void>((resolve, reject) => socket.once('end', resolve).once('error', reject));
  for (let left = bytes; left > 0; ) {
    const block = randomBytes(Math.min(left, 65_536));
    left -= block.length;
    sent.update(block);
    if (!socket.write(block)) await new Promise<void>((resolve) => socket.once('drain', resolve));
  }
  socket.end();
  await ended;
  const same = sent.digest('hex') === received.digest('hex');
  if (!same) throw new Error(`${back} of ${bytes} bytes came back, and they differ`);
  say({ bytes: back });
}

async function datagrams(to: string, port: number, sizes: readonly number[]): Promise<void> {
  const socket = udp(to);
  const wanted = new Map(sizes.map((size) => [size, randomBytes(size)]));
  socket.on('message', (bytes) => {
    const sent = wanted.get(bytes.length);
    if (sent?.equals(bytes)) wanted.delete(bytes.length);
    else if (sizes.includes(bytes.length) && sent === undefined) return;
    else throw new Error(`a datagram of ${bytes.length} bytes came back changed`);
  });
  for (let tries = 0; wanted.size > 0; tries++) {
    if (tries === RETRIES) throw new Error(`datagrams of ${[...wanted.keys()]} bytes never came back`);
    for (const bytes of wanted.values()) socket.send(bytes, port, to);
    for (let waitedMs = 0; waitedMs < RETRY_MS && wanted.size > 0; waitedMs += 10) await sleep(10);
  }
  socket.close();
  say({ sizes: sizes.length });
}

async function flow(from: string, to: string, port: number, perSecond: number): Promise<void> {
  const socket = udp(to);
  const received = new Set<number>();
  let [greatest, late] = [-1, 0];
  let wanted = Number.POSITIVE_INFINITY;
  const sayWhenAll = (): void => {
    if (received.size < wanted) return;
    wanted = Number.POSITIVE_INFINITY;
    say('all');
  };
  socket.on('message', (bytes) => {
    const number = bytes.readUInt32BE(0);
    if (number < greatest) late += 1;
    greatest = Math.max(greatest, number);
    received.add(number);
    sayWhenAll();
  });
  // An ICMP error for a datagram is a loss like any other.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.bind(port, from, resolve));
  let sent = 0;
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    let due = 0;
    let before = performance.now();
    timer = setInterval(() => {
      const now = performance.now();
      due = Math.min(due + ((now - before) / 1000) * perSecond, 20);
      before = now;
      for (; due >= 1; due--) {
        const bytes = Buffer.alloc(100);
        bytes.writeUInt32BE(sent++);
        socket.send(bytes, port, to);
      }
    }, 5);
  };
  say('ready');
  for await (const line of createInterface(process.stdin)) {
    if (line === 'go') begin();
    else if (line === 'stop') {
      clearInterval(timer);
      say(`sent ${sent}`);
    } else {
      wanted = Number(line);
      sayWhenAll();
    }
  }
  const missing: number[] = [];
  for (let n = 0; n <= Math.max(-1, ...received) && missing.length < 20; n++)
    if (!received.has(n)) missing.push(n);
  say({ sent, received: received.size, missing, late });
  socket.close();
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
try {
  if (order.do === 'echo') await echo(order.port);
  else if (order.do === 'stream') await stream(order.to, order.port, order.bytes);
  else if (order.do === 'datagrams') await datagrams(order.to, order.port, order.sizes);
  else await flow(order.from, order.to, order.port, order.perSecond);
} catch (error) {
  say(`failed: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
