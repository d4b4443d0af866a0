/**
 * Run by tun.test.ts in a network namespace of its own: a loopback device too narrow for the messages. The kernel
 * refuses GSO trains there, and takes the same datagrams alone, in fragments. Prints one JSON line a family.
 */
import { execFileSync } from 'node:child_process';
import { ROW_VERDICT, VERDICT_SEAL } from '../../../src/core/packet/rows.js';
import { native, UDP_OFFLOAD_GRO, UDP_OFFLOAD_GSO } from '../../../src/edge/native.js';
import { LOOPBACK, Rig } from './rig.js';

const COUNT = 20;

for (const words of ['link set lo up', 'link set lo mtu 1280']) execFileSync('ip', words.split(' '));
for (const to of [LOOPBACK, new Uint8Array(16).fill(1, 15)]) {
  const rig = new Rig();
  const { fd } = rig.socket(0, UDP_OFFLOAD_GSO | UDP_OFFLOAD_GRO, '', to);
  rig.key(0);
  const sent = [0, 1].map(() => {
    for (let i = 0; i < COUNT; i++) {
      rig.row(i, new Uint8Array(1408).fill(i), { [ROW_VERDICT]: VERDICT_SEAL }, rig.slot(0) + i * 1500);
    }
    return native().sealSend(rig.context, 0, COUNT);
  });
  const received = rig.receive(fd, 0, 2 * COUNT).length;
  const [demoted, errors, sends] = [rig.stat('udpDemoted'), rig.stat('udpSendErrors'), rig.stat('udpSends')];
  console.log(JSON.stringify({ sent, received, demoted, errors, sends }));
  rig.close();
}
