/** Run inside a network namespace by the test: asks what its argument says, and prints whether each was answered. */
import { parseAddress } from '../../../src/core/config/address.js';
import { native } from '../../../src/edge/native.js';
import { type ProbeTarget, probe } from '../../../src/edge/probe/probe.js';

interface Order {
  readonly device: string;
  readonly kind: ProbeTarget['kind'];
  readonly address: string;
  readonly port: number;
}

const orders = JSON.parse(process.argv[2] ?? '[]') as Order[];
const answers = orders.map(({ device, kind, address, port }) => {
  const bytes = parseAddress(address);
  if (bytes === undefined) throw new Error(address);
  return probe(native(), device, { kind, address: bytes, port, query: 'example.com' }, 1_000);
});
console.log(JSON.stringify(await Promise.all(answers)));
process.exit(0);
