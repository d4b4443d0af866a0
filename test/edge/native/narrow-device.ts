/**
 * Run by tun.test.ts in a network namespace of its own: a loopback device too narrow for the messages. The kernel
 * refuses GSO trains there, and takes the same datagrams alone, in fragments; but not one that must stay whole. Prints
 * one JSON line a family.
 */
import { execFileSync } from 'node:child_process';
import { FLAG_SEAL_WHOLE, ROW_FLAGS, ROW_VERDICT, VERDICT_SEAL } from '../../../src/core/packet/rows.js';
import { native, UDP_OFFLOAD_GRO, UDP_OFFLOAD_GSO } from '../../../src/edge/native.js';
import { LOOPBACK, Rig } from './rig.js';

const COUNT = 20;

function run(words: string): string {
  return execFileSync('sh', ['-ec', words], { encoding: 'utf8' });
}

/** IPv4 packets with DF that have left so far. */
function whole(): number {
  return Number(/packets (\d+)/.exec(run('nft list table ip df'))?.[1]);
}

run(`ip link set lo up mtu 1280
     nft 'table ip df { chain o { type filter hook output priority 0; ip frag-off & 0x4000 != 0 counter; }; }'`);
for (const to of [LOOPBACK, new Uint8Array(16).fill(1, 15)]) {
  const rig = new Rig();
  const { fd } = rig.socket(0, UDP_OFFLOAD_GSO | UDP_OFFLOAD_GRO, '', to);
  rig.key(0);
  /** Sends `count` packets, of which `flagged` must stay whole; answers how many left, in how many calls. */
  const send = (bytes: number, count: number, flagged: readonly number[] = []): number[] => {
    for (let i = 0; i < count; i++) {
      const flags = flagged.includes(i) ? FLAG_SEAL_WHOLE : 0;
      const row = { [ROW_VERDICT]: VERDICT_SEAL, [ROW_FLAGS]: flags };
      rig.row(i, new Uint8Array(bytes).fill(i), row, rig.slot(0) + i * 1500);
    }
    const before = rig.stat('udpSends');
    return [native().sealSend(rig.context, 0, count), rig.stat('udpSends') - before];
  };
  const refused = send(1408, COUNT);
  const singly = send(1408, COUNT);
  const shorter = send(1000, COUNT);
  const before = whole();
  const mixed = send(1408, 3, [1]);
  const small = send(1000, 3, [0, 2]);
  const df = whole() - before;
  run('ip link set lo mtu 1500');
  const passes = send(1408, 1, [0]);
  const trains = send(1408, COUNT);
  run('ip link set lo mtu 1280');
  const received = rig.receive(fd, 0, 4 * COUNT + 6).length;
  const stats = ['udpDemoted', 'udpSendErrors', 'udpTooLong'] as const;
  const [demoted, errors, tooLong] = stats.map((name) => rig.stat(name));
  const answer = { refused, singly, shorter, mixed, small, df, passes, trains, received };
  console.log(JSON.stringify({ ...answer, demoted, errors, tooLong }));
  rig.close();
}
