/** Run by tun.test.ts in a network namespace of its own: opens one device with two queues. Prints one JSON line. */
import { native, TUN_OFFLOAD_CSUM } from '../../../src/edge/native.js';

const device = native().tunOpen('ts-%d', 1, 0);
if (device.name !== 'ts-0') throw new Error(`the kernel named the device ${device.name}`);
const { name, fds } = native().tunOpen('ts-two', 2, TUN_OFFLOAD_CSUM);
let again = 'opened';
try {
  native().tunOpen('ts-two', 1, TUN_OFFLOAD_CSUM);
} catch (error) {
  again = /: (\w+)\)/.exec((error as Error).message)?.[1] ?? String(error);
}
console.log(JSON.stringify({ fds: new Set(fds).size, name, again }));
