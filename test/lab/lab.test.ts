/**
 * The lab from end to end, the way a person uses it: up, the scenario's short programme, down, and then nothing is
 * left that was not there before. It runs under an instance name of its own, so that a lab somebody has up on this
 * machine is neither used nor touched.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { rootTest } from '../support/privileged.js';

const MAIN = fileURLToPath(new URL('../../src/app/lab/main.js', import.meta.url));
const INSTANCE = `t${process.pid}`;
const SCENARIO = 'ha-edge-to-aws';
const COMMAND_MS = 480_000;

function lab(...words: string[]) {
  const env = { ...process.env, TWINSPAN_LAB: INSTANCE };
  return spawnSync(process.execPath, [MAIN, ...words], { env, encoding: 'utf8', timeout: COMMAND_MS });
}

function listed(path: string): string[] {
  return existsSync(path) ? readdirSync(path).toSorted() : [];
}

/** Command lines of processes that have anything to do with this instance, by what only its own mention. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(`twinspan-lab-${INSTANCE}`) || line.includes(`twl-${INSTANCE}-`));
}

/** What a lab could leave behind on this machine. */
function traces() {
  const said = (argv: string[]) => spawnSync(argv[0], argv.slice(1), { encoding: 'utf8' }).stdout;
  return {
    namespaces: listed('/var/run/netns').filter((name) => name.startsWith(`twl-${INSTANCE}-`)),
    processes: processes(),
    devices: listed('/sys/class/net'),
    addresses: said(['ip', '-o', 'addr', 'show', 'scope', 'global']).replace(/valid_lft.*/g, ''),
    rules: said(['nft', 'list', 'ruleset']),
    forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8'),
    run: listed('/run'),
    library: listed('/var/lib').filter((name) => name.includes(INSTANCE)),
    etc: listed('/etc/netns').filter((name) => name.includes(INSTANCE)),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(INSTANCE)),
  };
}

function mustSucceed(t: ExecutionContext, ...words: string[]): string {
  const { status, stdout, stderr } = lab(...words);
  t.is(status, 0, `lab ${words.join(' ')} ended with ${status}:\n${stderr}`);
  return stdout;
}

/** iperf3 with and without the tunnel, and while a node dies; of the way without it nothing stays. */
function measuresThroughput(t: ExecutionContext): void {
  const table = mustSucceed(t, 'iperf', 'app', 'mysql1', '--time', '1');
  for (const name of ['TCP app → mysql1', 'TCP mysql1 → app', 'UDP app → mysql1', 'UDP mysql1 → app']) {
    t.regex(table, new RegExp(`^${name} +\\d[^-]+│ +\\d[^-]+$`, 'm'), 'figures on both sides');
  }
  t.notRegex(mustSucceed(t, 'exec', 'isp1', '--', 'nft', 'list', 'ruleset'), /twinspan-iperf/);
  const failing = ['--tcp', '--tunnel-only', '--time', '3', '--during', 'fail node:edge1-a'];
  t.regex(mustSucceed(t, 'iperf', 'mysql1', 'app', ...failing), /^TCP mysql1 → app +\d/m);
  t.regex(mustSucceed(t, 'status'), /no failures in force/);
}

rootTest('lab: up, the promises of ha-edge-to-aws, down, nothing left', (t) => {
  const before = traces();
  const directory = mkdtempSync(join(tmpdir(), 'lab-test-'));
  const report = join(directory, 'report.json');
  try {
    t.is(lab('status').status, 3);
    t.is(lab('down').status, 0);
    t.is(lab('exec', 'app', '--', 'true').status, 1);
    mustSucceed(t, 'up', SCENARIO);
    t.regex(lab('up', SCENARIO).stderr, /is up already/);
    t.is(lab('exec', 'app', '--', 'sh', '-c', 'exit 7').status, 7);
    t.is(mustSucceed(t, 'exec', 'mysql2', '--', 'hostname').trim(), 'mysql2');
    const tested = lab('test', SCENARIO, '--short', '--json', report);
    const { passed, failed, rows } = JSON.parse(readFileSync(report, 'utf8'));
    const wrong = rows.filter((row: { verdict: string }) => row.verdict === 'fail');
    for (const row of rows.filter(({ verdict }: { verdict: string }) => verdict === 'skip')) {
      console.log(`# SKIP lab: ${row.name} (${row.detail})`);
    }
    t.deepEqual(wrong, [], tested.stderr);
    t.is(failed, 0);
    t.true(passed > 20);
    const status = JSON.parse(mustSucceed(t, 'status', '--json'));
    t.true(status.up);
    t.deepEqual(status.failures, []);
    measuresThroughput(t);
  } finally {
    t.is(lab('down').status, 0);
    rmSync(directory, { recursive: true, force: true });
  }
  t.deepEqual(traces(), before);
});

rootTest(
  'lab: an `up` that is killed half way leaves nothing that `down` or the next `up` cannot clear',
  async (t) => {
    const before = traces();
    const { spawn } = await import('node:child_process');
    const env = { ...process.env, TWINSPAN_LAB: INSTANCE };
    try {
      for (const signal of ['SIGKILL', 'SIGINT'] as const) {
        const child = spawn(process.execPath, [MAIN, 'up', SCENARIO], {
          env,
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        // The third stage: processes are running, nothing is complete.
        await new Promise<void>((resolve) => {
          let said = '';
          child.stderr.on('data', (chunk: Buffer) => {
            said += chunk.toString();
            if (said.includes('programs …')) resolve();
          });
          child.on('close', () => resolve());
        });
        const closed = new Promise((resolve) => child.on('close', resolve));
        child.kill(signal);
        await closed;
        if (signal === 'SIGKILL') {
          t.true(traces().namespaces.length > 20);
          t.is(lab('exec', 'app', '--', 'true').status, 1);
          t.is(lab('down').status, 0);
        }
        t.deepEqual(traces(), before, signal);
      }
    } finally {
      lab('down');
    }
  },
);

rootTest('lab: what has lost its state file is found by its names', (t) => {
  const before = traces();
  const name = `twl-${INSTANCE}-app`;
  try {
    t.is(spawnSync('ip', ['netns', 'add', name]).status, 0);
    const sleeper = spawnSync('sh', ['-c', `ip netns exec ${name} sleep 600 >&- 2>&- & echo $!`], {
      encoding: 'utf8',
    });
    t.is(lab('down').status, 0);
    t.false(existsSync(`/proc/${sleeper.stdout.trim()}/ns/net`));
  } finally {
    spawnSync('ip', ['netns', 'del', name]);
  }
  t.deepEqual(traces(), before);
});
