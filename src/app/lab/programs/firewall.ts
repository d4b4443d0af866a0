/**
 * The lab's firewall with several ISPs. It looks at the carrier of each way and pings through it (way.ts judges), leads its
 * customers out by the first that works, or one of their own, and forgets connections when they change their way, so that
 * they begin anew under another public address. What it does is one JSON line each on standard output.
 *
 *   firewall FILE       FILE: a FirewallRole as JSON
 *
 * Rules and tables of the kernel: what is sent by a way's device uses the way's table; a customer with a way of its own
 * has a table too.
 */
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { FirewallRole, FirewallWay } from '../scenario.js';
import { chooseWay, Way } from './way.js';

const TABLE_WAY = 101;
const TABLE_OWN = 201;
const LOOK_MS = 20;
const PING_S = 0.2;
const AGAIN_MS = 200;

const role = JSON.parse(readFileSync(process.argv[2], 'utf8')) as FirewallRole;
const began = performance.now();
const ways = role.ways.map((way) => ({ ...way, watch: new Way(began) }));

/** Whoever has a choice of its own: everybody (the main table), then single addresses. */
interface Customer {
  readonly name: string;
  readonly table: string;
  /** Its connections in conntrack's words. Where single addresses have ways of their own nobody else has any. */
  readonly connections: readonly string[] | undefined;
  readonly wanted: number;
  way: number | undefined;
}

const customers: Customer[] = [
  {
    name: 'all',
    table: 'main',
    connections: role.own.length === 0 ? ['-F'] : undefined,
    wanted: 0,
    way: undefined,
  },
  ...role.own.map(({ address, way }, index) => ({
    name: address,
    table: String(TABLE_OWN + index),
    connections: ['-D', '-s', address],
    wanted: role.ways.findIndex(({ name }) => name === way),
    way: undefined,
  })),
];

function say(event: string, rest: object): void {
  console.log(JSON.stringify({ level: 30, time: new Date().toISOString(), event, ...rest }));
}

/** Runs a command; what went wrong, or ''. */
function run(file: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(file, words, (error, _stdout, stderr) =>
      resolve(error === null ? '' : stderr.trim() || 'failed'),
    );
  });
}

function ip(words: string): Promise<string> {
  return run('ip', words.split(' '));
}

function lead(table: string, { gateway, device }: FirewallWay): Promise<string> {
  return ip(`route replace default via ${gateway} dev ${device} table ${table}`);
}

function carrierOf(device: string): boolean {
  try {
    return readFileSync(`/sys/class/net/${device}/carrier`, 'utf8').trim() === '1';
  } catch {
    // The kernel answers for devices that are up alone.
    return false;
  }
}

/** Tables and rules; those of an earlier life are replaced. */
async function prepare(): Promise<void> {
  for (const [place, way] of ways.entries()) {
    const priority = TABLE_WAY + place;
    await lead(String(priority), way);
    await ip(`rule del priority ${priority}`);
    await ip(`rule add oif ${way.device} lookup ${priority} priority ${priority}`);
  }
  for (const { table, name } of customers.slice(1)) {
    await ip(`rule del priority ${table}`);
    await ip(`rule add from ${name} lookup ${table} priority ${table}`);
  }
}

/** Pings through a way for ever. */
async function ping({ device, watch }: (typeof ways)[number]): Promise<never> {
  for (;;) {
    const child = spawn('ping', ['-n', '-i', String(PING_S), '-I', device, role.probe], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      if (text.includes('bytes from')) watch.handleAnswer(performance.now());
    });
    await new Promise((resolve) => child.on('close', resolve));
    await delay(AGAIN_MS);
  }
}

async function follow(customer: Customer): Promise<void> {
  const place = chooseWay(
    ways.map(({ watch }) => watch),
    customer.wanted,
  );
  if (customer.way === place) return;
  const isFirst = customer.way === undefined;
  const from = customer.way === undefined ? undefined : ways[customer.way];
  customer.way = place;
  const error = await lead(customer.table, ways[place]);
  if (!isFirst && customer.connections !== undefined) await run('conntrack', customer.connections);
  const why = from?.watch.good === false ? `${from.name}: ${from.watch.why}` : ways[place].watch.why;
  const changed = { customer: customer.name, way: ways[place].name, why, ...(error !== '' && { error }) };
  say(isFirst ? 'firewall-began' : 'firewall-switched', changed);
}

await prepare();
for (const way of ways) void ping(way);
for (;;) {
  for (const { name, device, watch } of ways) {
    watch.handleCarrier(carrierOf(device));
    if (watch.judge(performance.now())) say('firewall-way', { way: name, good: watch.good, why: watch.why });
  }
  for (const customer of customers) await follow(customer);
  await delay(LOOK_MS);
}
