/**
 * The VIP and the LAN watch on real kernels: two members and a host in namespaces on one switch. What a neighbour's
 * cache holds, when an address is gone and what an event says is read from outside.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { VIP_REFRESH_MS } from '../../../src/core/plan/vip.js';
import { rootTest } from '../../support/privileged.js';
import { eventually } from '../../support/redis/server.js';

const CHILD = fileURLToPath(new URL('./lan_child.js', import.meta.url));
const PREFIX = `tsvip${process.pid}`;
const NAMES = ['switch', 'a', 'b', 'host'] as const;
type Name = (typeof NAMES)[number];
const VIP4 = '172.16.10.215';
const VIP6 = 'fd00:10::215';

function ip(...words: string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function inside(name: Name, ...argv: string[]): string {
  return ip('netns', 'exec', `${PREFIX}-${name}`, ...argv);
}

function macOf(name: Name): string {
  const [link] = JSON.parse(inside(name, 'ip', '-j', 'link', 'show', 'lan')) as { address: string }[];
  return link.address;
}

/** MAC of `address` in the host's cache. */
function cached(address: string): string | undefined {
  const entries = JSON.parse(inside('host', 'ip', '-j', 'neigh', 'show', address)) as { lladdr?: string }[];
  return entries[0]?.lladdr;
}

function holds(name: Name, address: string): boolean {
  return inside(name, 'ip', '-o', 'addr', 'show', 'dev', 'lan').includes(` ${address}/`);
}

/** The host sends something to `address`, so that it has to resolve it. */
function touch(address: string): void {
  try {
    inside('host', 'ping', '-c', '1', '-W', '1', address);
  } catch {
    // No answer is an answer too; the cache tells.
  }
}

async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
  await eventually(() => {
    if (!condition()) throw new Error(`never: ${condition}`);
  }, withinMs);
}

function plug(name: Name, last: number): void {
  const [host, bridge] = [`${PREFIX}-${name}`, `${PREFIX}-switch`];
  ip('link', 'add', 'lan', 'netns', host, 'type', 'veth', 'peer', 'name', `port-${name}`, 'netns', bridge);
  inside('switch', 'ip', 'link', 'set', `port-${name}`, 'master', 'br0', 'up');
  inside(name, 'ip', 'addr', 'add', `172.16.10.${last}/24`, 'dev', 'lan');
  inside(name, 'ip', 'addr', 'add', `fd00:10::${last}/64`, 'dev', 'lan', 'nodad');
  inside(name, 'ip', 'link', 'set', 'lan', 'up');
}

class Member {
  readonly events: Record<string, unknown>[] = [];
  /** The same, nothing forgotten. */
  readonly log: Record<string, unknown>[] = [];
  readonly #child: ChildProcess;

  constructor(name: Name, vip: number[], own: number[][], hosts: number[][]) {
    const argument = JSON.stringify({ device: 'lan', vip, own, hosts });
    const argv = ['netns', 'exec', `${PREFIX}-${name}`, process.execPath, CHILD, argument];
    this.#child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(this.#child.stdout as NodeJS.ReadableStream);
    lines.on('line', (line) => {
      const event = JSON.parse(line);
      this.events.push(event);
      this.log.push(event);
    });
  }

  /** Waits for an event with these properties; events before it are forgotten. */
  async saw(wanted: Record<string, unknown>): Promise<Record<string, unknown>> {
    return await eventually(() => {
      const fits = (event: Record<string, unknown>): boolean =>
        Object.entries(wanted).every(([key, value]) => event[key] === value);
      const at = this.events.findIndex(fits);
      if (at < 0) throw new Error(`not seen: ${JSON.stringify(wanted)} in ${JSON.stringify(this.events)}`);
      return this.events.splice(0, at + 1)[at];
    }, 15_000);
  }

  async tell(line: string): Promise<void> {
    this.#child.stdin?.write(`${line}\n`);
    await this.saw({ event: `did ${line}` });
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

type Lan = (name: 'a' | 'b', options?: { ipv6?: boolean; hosts?: number[] }) => Promise<Member>;

function lanTest(title: string, body: (t: ExecutionContext, member: Lan) => Promise<void>): void {
  rootTest(title, async (t) => {
    const members: Member[] = [];
    for (const name of NAMES) ip('netns', 'add', `${PREFIX}-${name}`);
    try {
      inside('switch', 'ip', 'link', 'add', 'br0', 'type', 'bridge');
      inside('switch', 'ip', 'link', 'set', 'br0', 'up');
      plug('a', 200);
      plug('b', 201);
      plug('host', 15);
      await body(t, async (name, { ipv6 = false, hosts = [] } = {}) => {
        const last = name === 'a' ? 200 : 201;
        const v6 = (low: number): number[] => [
          0xfd,
          0,
          0,
          0x10,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          low >> 8,
          low & 255,
        ];
        const own = [[172, 16, 10, last], v6(last === 200 ? 0x200 : 0x201)];
        const vip = ipv6 ? v6(0x215) : [172, 16, 10, 215];
        const member = new Member(
          name,
          vip,
          own,
          hosts.map((low) => (ipv6 ? v6(low) : [172, 16, 10, low])),
        );
        members.push(member);
        await member.saw({ event: 'ready' });
        return member;
      });
    } finally {
      for (const member of members) await member.kill();
      for (const name of NAMES) ip('netns', 'del', `${PREFIX}-${name}`);
    }
  });
}

for (const [family, vip] of [
  ['IPv4', VIP4],
  ['IPv6', VIP6],
] as const) {
  const ipv6 = family === 'IPv6';
  lanTest(`${family}: a hand-over moves the address and the neighbour's cache at once`, async (t, member) => {
    const [a, b] = [await member('a', { ipv6 }), await member('b', { ipv6 })];
    await a.tell('active 1');
    t.true(holds('a', vip), 'the address is there when becomeActive returns');
    touch(vip);
    t.is(cached(vip), macOf('a'));
    // As in a hand-over: the old holder gives up as soon as it hears of the new one. While both hold the address both
    // kernels answer for it.
    await Promise.all([b.tell('active 2'), a.tell('standby 2')]);
    t.false(holds('a', vip), 'and gone when becomeStandby returns');
    t.true(holds('b', vip));
    await until(() => cached(vip) === macOf('b'), 2_000);
    touch(vip);
    t.is(cached(vip), macOf('b'));
  });
}

lanTest(
  'killed: the kernel drops the address by itself, the cache has moved long before',
  async (t, member) => {
    const [a, b] = [await member('a'), await member('b')];
    await a.tell('active 1');
    touch(VIP4);
    await a.kill();
    await b.tell('active 2');
    await until(() => cached(VIP4) === macOf('b'), 2_000);
    t.is(cached(VIP4), macOf('b'));
    await until(() => !holds('a', VIP4), 6_000);
  },
);

lanTest('an address of which another MAC says that it is there is a critical event', async (t, member) => {
  const b = await member('b');
  await b.tell('active 1');
  inside('a', 'ip', 'addr', 'add', `${VIP4}/24`, 'dev', 'lan');
  await b.saw({ event: 'stale-arp', mac: macOf('a') });
  t.pass();
});

lanTest(
  'the address is told to be added, announced and removed once each time it is taken',
  async (t, member) => {
    const a = await member('a');
    const told = (): unknown[] =>
      a.events.map(({ event }) => event).filter((event) => /^vip/.test(`${event}`));
    const tell = async (line: string): Promise<unknown[]> => {
      // `tell` forgets what came before its own answer; the kept copy does not.
      const before = a.log.length;
      await a.tell(line);
      return a.log.slice(before).flatMap(({ event }) => (/^vip/.test(`${event}`) ? [event] : []));
    };
    t.deepEqual(await tell('active 1'), ['vip-added', 'vip-announced']);
    await sleep(VIP_REFRESH_MS * 2);
    t.deepEqual(told(), [], 'a refresh is no news');
    t.deepEqual(await tell('active 2'), [], 'nor is a new epoch');
    t.deepEqual(await tell('standby 3'), ['vip-removed']);
    t.deepEqual(await tell('active 4'), ['vip-added', 'vip-announced']);
  },
);

lanTest('a graceful end takes the address away', async (t, member) => {
  const a = await member('a');
  await a.tell('active 1');
  await a.tell('close');
  t.false(holds('a', VIP4));
});

for (const ipv6 of [false, true]) {
  lanTest(
    `a LAN that falls silent is noticed, and its return (${ipv6 ? 'ND' : 'ARP'})`,
    async (t, member) => {
      const a = await member('a', { ipv6, hosts: [ipv6 ? 0x15 : 15] });
      await a.saw({ event: 'answered' });
      inside('switch', 'ip', 'link', 'set', 'port-host', 'down');
      await a.saw({ event: 'lan-usable', usable: false });
      inside('switch', 'ip', 'link', 'set', 'port-host', 'up');
      await a.saw({ event: 'lan-usable', usable: true });
      t.pass();
    },
  );
}

lanTest('carrier is noticed at once, and hosts are told anew when it is back', async (t, member) => {
  const a = await member('a');
  await a.tell('active 1');
  inside('switch', 'ip', 'link', 'set', 'port-a', 'down');
  await a.saw({ event: 'lan-carrier', up: false });
  await a.saw({ event: 'lan-usable', usable: false });
  inside('switch', 'ip', 'link', 'set', 'port-a', 'up');
  await a.saw({ event: 'lan-usable', usable: true });
  await until(() => holds('a', VIP4));
  t.pass();
});

lanTest('a device that vanishes and comes back under its name is found again', async (t, member) => {
  const a = await member('a');
  await a.tell('active 1');
  inside('a', 'ip', 'link', 'del', 'lan');
  await a.saw({ event: 'lan-carrier', up: false });
  plug('a', 200);
  await a.saw({ event: 'lan-carrier', up: true });
  await until(() => holds('a', VIP4), 6_000);
  touch(VIP4);
  t.is(cached(VIP4), macOf('a'));
});
