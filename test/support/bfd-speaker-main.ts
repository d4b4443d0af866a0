/**
 * Program: one BFD session over the kernel's UDP, in the network namespace it is started in (RFC 5881 4: destination port
 * 3784, a source port of its own, TTL 255). Its argument is JSON: {"own", "peer", "pace"}. Orders come on
 * standard input, one JSON value a line: {"pace"}, "disable", "enable", "report". It prints a line for each change of state
 * and each report.
 */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';
import { BFD_BYTES, BFD_STATES, BfdPacket, diagnosticText } from '../../src/core/path/bfd-packet.js';
import { BfdSession } from '../../src/core/path/bfd-session.js';
import { BFD_CONTROL_PORT, BFD_TTL, bfdSourcePort } from '../../src/core/path/datagram.js';
import type { Pace } from '../../src/core/path/pacing.js';

interface Argument {
  readonly own: string;
  readonly peer: string;
  readonly pace: Pace;
}

type Order = { readonly pace: Pace } | 'disable' | 'enable' | 'report';

const { own, peer, pace } = JSON.parse(process.argv[2]) as Argument;
const family = isIPv6(own) ? 'udp6' : 'udp4';
const receiver = createSocket(family);
const sender = createSocket(family);
const packet = new BfdPacket();
let refused = 0;
let timer: NodeJS.Timeout | undefined;

const session = new BfdSession(
  {
    localDiscriminator: 0x7457_0001,
    pace,
    requiredMinEchoRxMs: 0,
    active: true,
    fastWhileDownMs: 0,
    offloaded: false,
    random: Math.random,
  },
  performance.now(),
);

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function drain(): void {
  for (let change = session.pollChange(); change; change = session.pollChange()) {
    const { to, diagnostic, remoteDiagnostic, atMs } = change;
    say({
      state: BFD_STATES[to],
      atMs,
      why: diagnosticText(diagnostic),
      theirs: diagnosticText(remoteDiagnostic),
    });
  }
  while (session.pollPacket(packet)) {
    const bytes = new Uint8Array(BFD_BYTES);
    packet.encode(bytes, 0);
    sender.send(bytes, BFD_CONTROL_PORT, peer);
  }
  clearTimeout(timer);
  const waitMs = Math.min(1_000, session.nextDeadline() - performance.now());
  timer = setTimeout(tick, Math.max(0, Math.ceil(waitMs)));
}

function tick(): void {
  session.handleTimeout(performance.now());
  drain();
}

function obey(order: Order): void {
  const now = performance.now();
  if (order === 'disable') session.disable(now);
  else if (order === 'enable') session.enable(now);
  else if (order === 'report') {
    const { intervalMs, detectionMs, absorbs } = session.offload;
    say({
      report: BFD_STATES[session.state],
      theirs: BFD_STATES[session.remoteState],
      intervalMs,
      detectionMs,
      absorbs,
      polling: session.polling,
      refused,
    });
  } else session.setPace(order.pace, now);
  drain();
}

receiver.on('message', (bytes) => {
  const refusal = packet.parse(bytes, 0, bytes.length);
  const known = packet.yourDiscriminator === 0 || packet.yourDiscriminator === session.localDiscriminator;
  if (refusal === 0 && known) session.handlePacket(packet, performance.now());
  else refused++;
  drain();
});
// Nobody listens yet, or any more: what BFD is there to find out.
sender.on('error', () => {});
receiver.bind(BFD_CONTROL_PORT, own, () => {
  sender.bind(bfdSourcePort(process.pid), own, () => {
    sender.setTTL(BFD_TTL);
    drain();
  });
});
createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line) as Order))
  .on('close', () => process.exit(0));
