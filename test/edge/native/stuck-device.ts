/**
 * Run by tun.test.ts in a network namespace of its own: a neighbour that never answers ARP, with a queue that holds more
 * than the buffer of the socket that sends to it, beside a socket over loopback. Prints one JSON line.
 */
import { execFileSync } from 'node:child_process';
import { ENDPOINT_BYTES, encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { ROW_PATH, ROW_VERDICT, VERDICT_SEAL } from '../../../src/core/packet/rows.js';
import { native } from '../../../src/edge/native.js';
import { Rig } from './rig.js';

const EACH = 20;
const BYTES = 1408;
const ROUNDS_MAX = 2_000;
const STUCK = 0;
const GOOD = 1;

function run(words: string): void {
  execFileSync('sh', ['-ec', words]);
}

run(`ip link set lo up; ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
     ip addr add 10.66.0.1/24 dev v0
     cd /proc/sys/net/ipv4/neigh/v0; echo 100000000 >unres_qlen_bytes; echo 1000 >mcast_solicit`);
const rig = new Rig();
rig.key(0);
rig.socket(STUCK, 0, '10.66.0.1');
rig.paths.set(encodeEndpoint(Uint8Array.of(10, 66, 0, 2), 9, STUCK), STUCK * ENDPOINT_BYTES);
const good = rig.socket(GOOD, 0);

/** Sends EACH messages by either socket; how many left, and in how many calls. */
function send(): { sent: number; calls: number } {
  for (let i = 0; i < 2 * EACH; i++) {
    const fields = { [ROW_VERDICT]: VERDICT_SEAL, [ROW_PATH]: i < EACH ? STUCK : GOOD };
    rig.row(i, new Uint8Array(BYTES).fill(i), fields, rig.slot(0) + i * 1_500);
  }
  const before = rig.stat('udpSends');
  const sent = native().sealSend(rig.context, 0, 2 * EACH);
  return { sent, calls: rig.stat('udpSends') - before };
}

let received = 0;
const receive = (): void => {
  received += rig.receive(good.fd, GOOD, EACH).length;
};
let rounds = 0;
for (; rounds < ROUNDS_MAX && rig.stat('udpSendFull') === 0; rounds++) {
  send();
  receive();
}
const full = send();
receive();
run('ip neigh replace 10.66.0.2 lladdr 02:00:00:00:00:01 dev v0 nud permanent');
const freed = send();
receive();
console.log(
  JSON.stringify({ full, freed, lost: (rounds + 2) * EACH - received, filled: rounds < ROUNDS_MAX }),
);
rig.close();
