/**
 * The firewall of the lab in a namespace, between two ISPs that answer its pings: it leaves one whose carrier goes, one that
 * falls silent, and sends an address with a way of its own by that one.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rootTest } from '../support/privileged.js';
import { eventually } from '../support/redis/server.js';

const FIREWALL = fileURLToPath(new URL('../../src/app/lab/programs/firewall.js', import.meta.url));
const NAMES = ['fw', 'one', 'two'].map((name) => `tsfw-${process.pid}-${name}`);
const [FW, ONE, TWO] = NAMES;
const PROBE = '203.0.113.1';
const OWN = '10.0.1.12';

function ip(namespace: string, ...lines: readonly string[]): void {
  execFileSync('ip', ['-n', namespace, '-batch', '-'], { input: lines.join('\n') });
}

function inside(namespace: string, ...argv: readonly string[]): string {
  const words = ['netns', 'exec', namespace, ...argv];
  return execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Two ISPs that both have the probe's address, at the ends of eth1 and eth2. */
function build(): void {
  for (const name of NAMES) execFileSync('ip', ['netns', 'add', name]);
  for (const [place, isp] of [ONE, TWO].entries()) {
    const [near, net] = [`eth${place + 1}`, `198.51.10${place}`];
    execFileSync('ip', `link add ${near} netns ${FW} type veth peer eth0 netns ${isp}`.split(' '));
    ip(isp, 'link set lo up', `addr add ${PROBE}/32 dev lo`, `addr add ${net}.1/30 dev eth0`);
    ip(isp, 'link set eth0 up', 'route add default via 198.51.100.2 dev eth0 onlink');
    ip(FW, `addr add ${net}.2/30 dev ${near}`, `link set ${near} up`);
  }
  inside(TWO, 'ip', 'route', 'replace', 'default', 'via', '198.51.101.2');
}

/** By which device packets leave, from an address. */
async function leavesBy(device: string, from: string): Promise<void> {
  await eventually(() => {
    const route = inside(FW, 'ip', 'route', 'get', '192.0.2.1', 'from', from);
    if (!route.includes(`dev ${device}`)) throw new Error(`the route is: ${route}`);
  }, 15_000);
}

rootTest('the firewall of the lab takes the ISP that works', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'firewall-test-'));
  const file = join(directory, 'firewall.json');
  const ways = [1, 2].map((number) => {
    return { name: `isp${number}`, device: `eth${number}`, gateway: `198.51.10${number - 1}.1` };
  });
  writeFileSync(file, JSON.stringify({ ways, own: [{ address: OWN, way: 'isp2' }], probe: PROBE }));
  let child: ChildProcess | undefined;
  try {
    build();
    ip(FW, 'link set lo up', `addr add ${OWN}/32 dev lo`, 'addr add 10.0.1.11/32 dev lo');
    child = spawn('ip', ['netns', 'exec', FW, process.execPath, FIREWALL, file], { stdio: 'ignore' });
    await leavesBy('eth1', '10.0.1.11');
    await leavesBy('eth2', OWN);
    ip(TWO, 'link set eth0 down');
    await leavesBy('eth1', OWN);
    ip(TWO, 'link set eth0 up', 'route replace default via 198.51.101.2');
    await leavesBy('eth2', OWN);
    inside(ONE, 'nft', 'table ip silent { chain in { type filter hook input priority 0; drop; }; }');
    await leavesBy('eth2', '10.0.1.11');
    t.pass();
  } finally {
    if (child !== undefined && child.exitCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    for (const name of NAMES) {
      const listed = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
      const pids = listed.split('\n').filter(Boolean);
      for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
      execFileSync('ip', ['netns', 'del', name]);
    }
    rmSync(directory, { recursive: true, force: true });
  }
});
