/**
 * The outage meter: 100 numbered UDP packets a second in both directions plus one long TCP connection; an outage is
 * the longest time without an arrival. One end serves, the other measures:
 *
 *   prober serve PORT
 *   prober measure PORT ADDRESS…     until its stdin ends; then one line of JSON (a Report for each address) on stdout
 *
 * Each end judges what arrives at it, so a path that fails in one direction only shows as such. UDP packets carry a
 * run number, because a server may still hear the end of an earlier run, and a sequence number. The TCP connection
 * carries a numbered line every 10 ms that the server sends back; it is never made again, so it shows whether
 * connections survive. The server's own report is asked for over a second connection at the end.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { emptyTrack, Meter, type Report, type Track } from './meter.js';

const PERIOD_MS = 10;
const REPORT_MS = 5000;
const PACKET_BYTES = 64;
/** Addresses that one process measures at most; run numbers of processes are that far apart. */
const RUNS = 64;

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

interface Served {
  readonly meter: Meter;
  client: RemoteInfo;
  sequence: number;
}

function serve(port: number): void {
  const udp = createSocket('udp4');
  /** Until each is reported; the process ends with the measurement. */
  const runs = new Map<number, Served>();
  udp.on('message', (packet, from) => {
    if (packet.length < 8) return;
    const number = packet.readUInt32BE(0);
    const run = runs.get(number) ?? { meter: new Meter(), client: from, sequence: 0 };
    runs.set(number, run);
    run.client = from;
    run.meter.handleArrival(packet.readUInt32BE(4), performance.now());
  });
  udp.bind(port, '0.0.0.0');
  setInterval(() => {
    for (const [number, run] of runs) {
      udp.send(packetOf(number, run.sequence++), run.client.port, run.client.address, () => {});
    }
  }, PERIOD_MS);
  const tcp = createServer((socket) => {
    socket.setNoDelay(true);
    onLines(socket, (line) => {
      if (!line.startsWith('report ')) return void socket.write(`${line}\n`);
      const number = Number(line.slice('report '.length));
      const meter = runs.get(number)?.meter ?? new Meter();
      runs.delete(number);
      socket.end(`${JSON.stringify(meter.finish(performance.now()))}\n`);
    });
  });
  tcp.listen(port, '0.0.0.0', () => console.log('ready'));
}

/** Asks the server for its track; undefined where it does not answer in time. */
function askReport(address: string, port: number, run: number): Promise<Track | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => socket.write(`report ${run}\n`));
    const timer = setTimeout(() => socket.destroy(), REPORT_MS);
    onLines(socket, (line) => resolve(JSON.parse(line) as Track));
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

/** Measures one address from now on; returns what ends it. */
function measureOne(address: string, port: number, run: number): () => Promise<Report> {
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
  return async () => {
    clearInterval(timer);
    const now = performance.now();
    const report = { back: back.finish(now), tcp: { ...tcp.finish(now), alive } };
    const none = { ...emptyTrack(), lost: sequence, longestGapMs: -1 };
    return { there: (await askReport(address, port, run)) ?? none, ...report };
  };
}

function measure(port: number, addresses: readonly string[]): void {
  const ends = addresses.map((address, index) => measureOne(address, port, process.pid * RUNS + index));
  console.log('measuring');
  process.stdin.resume().on('end', async () => {
    const reports = await Promise.all(ends.map((end) => end()));
    process.stdout.write(`${JSON.stringify(reports)}\n`, () => process.exit(0));
  });
}

const [mode, port, ...addresses] = process.argv.slice(2);
if (mode === 'serve') serve(Number(port));
else if (mode === 'measure') measure(Number(port), addresses);
