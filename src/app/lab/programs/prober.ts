/**
 * The outage meter: 100 numbered UDP packets a second in both directions plus one long TCP connection; an outage is
 * the longest time without an arrival. One end serves, the other measures:
 *
 *   prober serve PORT
 *   prober measure ADDRESS PORT      until its stdin ends; then one line of JSON (Report) on stdout
 *
 * Each end judges what arrives at it, so a path that fails in one direction only shows as such. UDP packets carry a
 * run number, because a server may still hear the end of an earlier run, and a sequence number. The TCP connection
 * carries a numbered line every 10 ms that the server sends back; it is never made again, so it shows whether
 * connections survive. The server's own report is asked for over a second connection at the end.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { Meter, type Track } from './meter.js';

const PERIOD_MS = 10;
const REPORT_MS = 5000;
const PACKET_BYTES = 64;

/** The numbered packet of a run. */
function packetOf(run: number, sequence: number): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES);
  packet.writeUInt32BE(run, 0);
  packet.writeUInt32BE(sequence, 4);
  return packet;
}

/** Calls `handle` with each whole line that arrives on a socket. */
function onLines(socket: Socket, handle: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    lines.forEach(handle);
  });
  socket.on('error', () => {});
}

function serve(port: number): void {
  const udp = createSocket('udp4');
  let run = 0;
  let sequence = 0;
  let client: RemoteInfo | undefined;
  let meter = new Meter();
  udp.on('message', (packet, from) => {
    if (packet.length < 8) return;
    const number = packet.readUInt32BE(0);
    if (number !== run) {
      run = number;
      sequence = 0;
      meter = new Meter();
    }
    client = from;
    meter.handleArrival(packet.readUInt32BE(4), performance.now());
  });
  udp.bind(port, '0.0.0.0');
  setInterval(() => {
    if (client !== undefined) udp.send(packetOf(run, sequence++), client.port, client.address, () => {});
  }, PERIOD_MS);
  const tcp = createServer((socket) => {
    socket.setNoDelay(true);
    onLines(socket, (line) => {
      if (line !== 'report') return void socket.write(`${line}\n`);
      client = undefined;
      socket.end(`${JSON.stringify(meter.finish(performance.now()))}\n`);
    });
  });
  tcp.listen(port, '0.0.0.0', () => console.log('ready'));
}

/** Asks the server for its track; undefined where it does not answer in time. */
function askReport(address: string, port: number): Promise<Track | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => socket.write('report\n'));
    const timer = setTimeout(() => socket.destroy(), REPORT_MS);
    onLines(socket, (line) => resolve(JSON.parse(line) as Track));
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

function measure(address: string, port: number): void {
  // Any number that the last run did not have will do.
  const run = process.pid >>> 0;
  const udp = createSocket('udp4');
  const back = new Meter();
  const tcp = new Meter();
  let sequence = 0;
  let alive = false;
  udp.on('message', (packet) => {
    if (packet.length >= 8 && packet.readUInt32BE(0) === run) {
      back.handleArrival(packet.readUInt32BE(4), performance.now());
    }
  });
  const long = connect(port, address, () => {
    alive = true;
  });
  long.setNoDelay(true);
  onLines(long, (line) => tcp.handleArrival(Number(line), performance.now()));
  long.on('close', () => {
    alive = false;
  });
  const timer = setInterval(() => {
    udp.send(packetOf(run, sequence), port, address, () => {});
    if (alive) long.write(`${sequence}\n`);
    sequence++;
  }, PERIOD_MS);
  console.log('measuring');
  process.stdin.resume().on('end', async () => {
    clearInterval(timer);
    const now = performance.now();
    const report = { back: back.finish(now), tcp: { ...tcp.finish(now), alive } };
    const there = (await askReport(address, port)) ?? {
      received: 0,
      lost: sequence,
      longestGapMs: -1,
      longestGapAtMs: 0,
    };
    process.stdout.write(`${JSON.stringify({ there, ...report })}\n`, () => process.exit(0));
  });
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'serve') serve(Number(rest[0]));
else if (mode === 'measure') measure(rest[0], Number(rest[1]));
