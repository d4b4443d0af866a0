/**
 * Run inside a network namespace by the tests: a member that keeps the LAN. Its argument is JSON; lines on standard
 * input are orders ("active N", "standby N", "close"), lines on standard output are events and answers.
 */
import { createInterface } from 'node:readline';
import { LanKeeper } from '../../../src/edge/linux/lan-keeper.js';
import { native } from '../../../src/edge/native.js';

interface Argument {
  device: string;
  vip: number[];
  own: number[][];
  hosts: number[][];
}

const argument = JSON.parse(process.argv[2] ?? '{}') as Argument;
const say = (value: object): void => console.log(JSON.stringify(value));
const keeper = new LanKeeper({
  native: native(),
  device: argument.device,
  vip: Uint8Array.from(argument.vip),
  own: argument.own.map((address) => Uint8Array.from(address)),
  partners: [],
  hosts: argument.hosts.map((address) => Uint8Array.from(address)),
  onEvent: say,
});
say({ event: 'ready' });
const answers = setInterval(() => {
  if (keeper.watch.answeredAtMs === undefined) return;
  clearInterval(answers);
  say({ event: 'answered' });
}, 20);
createInterface(process.stdin).on('line', (line) => {
  const [order, n] = line.split(' ');
  const epoch = { n: Number(n), member: 0 };
  if (order === 'active') keeper.becomeActive(epoch);
  else if (order === 'standby') keeper.becomeStandby(epoch);
  else keeper.close();
  say({ event: `did ${line}` });
  if (order === 'close') process.exit(0);
});
