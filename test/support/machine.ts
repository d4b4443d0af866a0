/**
 * A Debian machine to try the installer on: the bare root that scripts/setup-debian makes, under an overlay of the test's
 * own, booted with its systemd by systemd-nspawn. It may live in a network namespace of the test, and still be reached
 * over the host's network (`over: 'host'`), as a real machine is over the one that manages it. Everything goes with the
 * test.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { Program, until } from './namespaces.js';
import { rootTest } from './privileged.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BARE = `${ROOT}build/debian`;
/** Packages that a machine has fetched, for the next one. */
const ARCHIVES = `${ROOT}build/debian-archives`;
/** Where a machine has the certificates that our own Node trusts. */
const AUTHORITIES = '/srv/authorities.pem';
const COMMAND_MS = 300_000;
const BOOT_MS = 60_000;

/** Why there can be no machine here; undefined where there can. */
function machineObstacle(): string | undefined {
  if (!existsSync(`${BARE}/etc/twinspan-bare`))
    return 'scripts/setup-debian could not make a bare Debian machine';
  if (spawnSync('systemd-nspawn', ['--version']).status !== 0) return 'there is no systemd-nspawn';
  return undefined;
}

/** Registers a test that needs machines; where there can be none it is skipped visibly. */
export function machineTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  rootTest(title, async (t) => {
    const obstacle = machineObstacle();
    if (obstacle === undefined) return await body(t);
    t.log(`skipped: ${obstacle}`);
    console.log(`# SKIP ${title} (${obstacle})`);
    t.pass();
  });
}

let packed: string | undefined;

/** The package that `npm run pack` makes, made once for all tests of a file. */
export function packOnce(): string {
  packed ??= ROOT + execFileSync(`${ROOT}scripts/pack`, { cwd: ROOT, encoding: 'utf8' }).trim();
  return packed;
}

export interface Said {
  /** Exit code, or 124 where it took too long. */
  readonly code: number;
  /** What it printed, standard error included. */
  readonly text: string;
}

export interface Over {
  /** Whose network the command uses; the machine's own where left out. */
  readonly over?: 'host';
  readonly env?: Readonly<Record<string, string>>;
}

let count = 0;

export class Machine {
  readonly name: string;
  /** The machine's files, seen from outside. */
  readonly root: string;
  readonly #folder: string;
  readonly #cgroup: string;
  #nspawn: ChildProcess | undefined;
  #leader = 0;
  #console = '';
  #closed = false;

  constructor(t: ExecutionContext) {
    this.name = `tsm${process.pid}${String.fromCharCode(97 + (count++ % 26))}`;
    this.#folder = mkdtempSync(path.join(tmpdir(), `twinspan-${this.name}-`));
    this.root = `${this.#folder}/root`;
    const hierarchy = existsSync('/sys/fs/cgroup/systemd') ? '/sys/fs/cgroup/systemd' : '/sys/fs/cgroup';
    this.#cgroup = `${hierarchy}/${this.name}`;
    const close = (): void => this.close();
    process.once('exit', close);
    t.teardown(() => {
      process.off('exit', close);
      close();
    });
    for (const name of ['root', 'upper', 'work']) mkdirSync(`${this.#folder}/${name}`);
    const layers = `lowerdir=${BARE},upperdir=${this.#folder}/upper,workdir=${this.#folder}/work`;
    if (spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, this.root]).status !== 0) {
      execFileSync('cp', ['-a', `${BARE}/.`, this.root]);
    }
    mkdirSync(ARCHIVES, { recursive: true });
    // apt asks for the disk's patience after every package; a test's machine has no crash to fear.
    writeFileSync(`${this.root}/etc/dpkg/dpkg.cfg.d/unsafe`, 'force-unsafe-io\n');
    execFileSync('cp', ['--remove-destination', '/etc/resolv.conf', `${this.root}/etc/resolv.conf`]);
    const authorities = process.env.NODE_EXTRA_CA_CERTS;
    if (authorities !== undefined) execFileSync('cp', ['-L', authorities, this.root + AUTHORITIES]);
  }

  /** Boots it in `namespace`, a network namespace, or in an empty one of its own. */
  async boot(namespace?: string): Promise<void> {
    const argv = [
      ...['systemd-nspawn', '--quiet', '--boot', '--directory', this.root, '--machine', this.name],
      ...['--register=no', '--keep-unit', '--settings=no', '--resolv-conf=off', '--console=read-only'],
      ...['--capability=CAP_NET_ADMIN', '--bind=/dev/net/tun', `--bind=${ARCHIVES}:/var/cache/apt/archives`],
      namespace === undefined ? '--private-network' : `--network-namespace-path=/run/netns/${namespace}`,
    ];
    // Under a control group of its own, or two machines would share one.
    mkdirSync(this.#cgroup, { recursive: true });
    const enter = `echo $$ >${this.#cgroup}/cgroup.procs; exec "$@"`;
    // It does not outlive us, whatever ends us.
    this.#nspawn = spawn('setpriv', ['--pdeathsig', 'KILL', 'sh', '-ec', enter, 'sh', ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#nspawn.stdout, this.#nspawn.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#console += text;
      });
    }
    await until(
      () => `${this.name} boots: ${this.#console.slice(-2000)}`,
      () => this.#isUp(),
      BOOT_MS,
    );
    // A machine may set its own network's sysctls; a container in a namespace of ours may not.
    this.must('mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net');
  }

  #isUp(): boolean {
    const pid = this.#nspawn?.pid;
    if (this.#nspawn?.exitCode !== null) throw new Error(`${this.name} does not boot: ${this.#console}`);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    this.#leader = Number(children[0]);
    if (this.#leader === 0) return false;
    return /^(running|degraded)/.test(this.run('systemctl is-system-running').text);
  }

  #enter(script: string, { over, env = {} }: Over): string[] {
    const namespaces = [
      '--mount',
      '--uts',
      '--ipc',
      '--pid',
      '--cgroup',
      ...(over === 'host' ? [] : ['--net']),
    ];
    const variables = Object.entries({ ...passedOn(), ...env }).map(([name, value]) => `${name}=${value}`);
    return [
      ...['nsenter', '--target', String(this.#leader), ...namespaces, '--root', '--wd', '--'],
      ...['env', '-i', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C'],
      ...['HOME=/tmp', ...variables, 'bash', '-c', script],
    ];
  }

  /** Runs a bash script on the machine as root. */
  run(script: string, options: Over = {}): Said {
    const [program, ...words] = this.#enter(script, options);
    const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', timeout: COMMAND_MS });
    return { code: status ?? 124, text: `${stdout}${stderr}` };
  }

  /** Runs one that must succeed; what it printed. */
  must(script: string, options: Over = {}): string {
    const { code, text } = this.run(script, options);
    if (code !== 0) throw new Error(`On ${this.name} '${script}' ended with ${code}:\n${text}`);
    return text;
  }

  /** Starts a script without waiting for its end. */
  start(script: string, options: Over = {}): Program {
    return new Program(this.#enter(script, options));
  }

  /** Runs a script and kills it with all that it has started as soon as `when` holds. Throws where it ends before. */
  async cutOff(script: string, when: () => boolean, options: Over = {}): Promise<void> {
    const [program, ...words] = this.#enter(script, options);
    const child = spawn(program, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
    }
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    await until(
      () => `the moment to cut off ${script}: ${text}`,
      () => when() || child.exitCode !== null,
      COMMAND_MS,
    );
    if (child.exitCode !== null)
      throw new Error(`'${script}' ended with ${child.exitCode} too early: ${text}`);
    // Entering a process id namespace takes a fork, which stays in the group.
    process.kill(-(child.pid as number), 'SIGKILL');
    await ended;
  }

  /** Stops it as a power cut does, and forgets it. Blocks. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#nspawn !== undefined) {
      try {
        if (this.#leader > 0) process.kill(this.#leader, 'SIGKILL');
        else this.#nspawn.kill('SIGKILL');
      } catch {
        // It has just ended.
      }
      spawnSync('timeout', ['10', 'tail', `--pid=${this.#nspawn.pid}`, '-f', '/dev/null']);
      removeGroup(this.#cgroup);
      rmSync(`/run/systemd/nspawn/propagate/${this.name}`, { recursive: true, force: true });
    }
    spawnSync('umount', [this.root]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What a program on the machine needs of our environment to reach the network as we do. */
function passedOn(): Record<string, string> {
  const proxies = Object.entries(process.env).filter(([name]) => /^(https?|no)_proxy$/i.test(name));
  const passed = Object.fromEntries(proxies) as Record<string, string>;
  if (process.env.NODE_EXTRA_CA_CERTS === undefined) return passed;
  return { ...passed, NODE_EXTRA_CA_CERTS: AUTHORITIES, PIP_CERT: AUTHORITIES };
}

/** Removes a control group with those below it. */
function removeGroup(group: string): void {
  if (!existsSync(group)) return;
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(path.join(group, entry.name));
  }
  try {
    rmdirSync(group);
  } catch {
    // Somebody is still in it; it is empty and harmless later.
  }
}
