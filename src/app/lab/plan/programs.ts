/**
 * How each real program is set up, started and seen to be ready. Everything a program writes lies in its host's
 * directory. What it must find under /etc (a user, a host key it may trust) is bound over /etc by `enter` in that
 * process's own mount namespace, so that the machine's files stay as they are.
 */
import { controlSocketPath } from '../../../core/config/configuration.js';
import { enter, hostPath, type Layout } from '../layout.js';
import { EC2_ENVIRONMENT } from '../programs/ec2.js';
import { addressOf, type Host, type Program, type Scenario } from '../scenario.js';
import { planFirewalls } from './firewalls.js';
import { clusterOf, nodeFile, nodesOf } from './overlay.js';
import { logFile, type ProgramPlan, READY_MS, readyTcp } from './program.js';
import { planCloud, planRedis } from './services.js';
import { quote, type Step } from './step.js';

/** User and password of the databases and of the SFTP server. */
export const LAB_USER = 'lab';
/** The SFTP user's id, from a range that Debian gives to nobody. */
const LAB_UID = 47015;

function mariadbConfig(dir: string): string {
  return `[mariadbd]
user=mysql
datadir=${dir}/data
tmpdir=${dir}/tmp
socket=/run/mysqld/mysqld.sock
pid-file=/run/mysqld/mysqld.pid
init-file=${dir}/init.sql
bind-address=0.0.0.0
skip-name-resolve
skip-log-bin
performance-schema=off
innodb-buffer-pool-size=16M
innodb-log-file-size=4M
innodb-flush-log-at-trx-commit=0
key-buffer-size=1M
max-connections=50
`;
}

const MARIADB_USERS = `CREATE DATABASE IF NOT EXISTS lab;
CREATE USER IF NOT EXISTS '${LAB_USER}'@'%' IDENTIFIED BY '${LAB_USER}';
GRANT ALL ON lab.* TO '${LAB_USER}'@'%';
`;

function templateDir(layout: Layout): string {
  return `${layout.dir}/mariadb-template`;
}

/** The first files of a database, made once and copied to each site. */
export function planMariadbTemplate(scenario: Scenario, layout: Layout): Step[] {
  const hosts = scenario.hosts.filter((host) => host.programs.includes('mariadb'));
  if (hosts.length === 0) return [];
  const template = templateDir(layout);
  const install = ['mariadb-install-db', '--no-defaults', '--user=mysql', `--datadir=${template}`];
  return [
    { do: 'directory', path: template, owner: 'mysql:mysql' },
    { do: 'run', argv: [...install, '--skip-test-db', '--innodb-log-file-size=4M'], timeoutMs: 120_000 },
    ...hosts.map(
      (host): Step => ({ do: 'run', argv: ['cp', '-a', template, hostPath(layout, host.name, 'data')] }),
    ),
    { do: 'run', argv: ['rm', '-rf', template] },
  ];
}

function planMariadb(layout: Layout, host: Host): ProgramPlan {
  const config = hostPath(layout, host.name, 'my.cnf');
  return {
    prepare: [
      ...['run/mysqld', 'tmp'].map((name): Step => {
        return { do: 'directory', path: hostPath(layout, host.name, name), owner: 'mysql:mysql' };
      }),
      { do: 'write', path: config, text: mariadbConfig(hostPath(layout, host.name)), mode: 0o644 },
      { do: 'write', path: hostPath(layout, host.name, 'init.sql'), text: MARIADB_USERS, mode: 0o644 },
    ],
    process: {
      name: host.name,
      host: host.name,
      argv: enter(layout, host.name, ['mariadbd', `--defaults-file=${config}`]),
      log: logFile(layout, host.name),
    },
    ready: readyTcp(layout, host, host.name, 3306),
  };
}

function sshdConfig(dir: string): string {
  return `Port 22
AddressFamily inet
HostKey ${dir}/host_key
AuthorizedKeysFile ${dir}/client_key.pub
PidFile none
UsePAM no
PasswordAuthentication no
AllowUsers ${LAB_USER}
ForceCommand internal-sftp -d ${dir}/files
Subsystem sftp internal-sftp
UseDNS no
`;
}

/** The machine's account files plus the SFTP user, seen by this host's processes only. */
function accounts(layout: Layout, host: Host): Step[] {
  const etc = hostPath(layout, host.name, 'etc');
  const home = hostPath(layout, host.name, 'files');
  const add = (file: string, line: string): Step => ({
    do: 'run',
    argv: ['sh', '-euc', 'cp -a /etc/"$1" "$2/$1"; printf "%s\\n" "$3" >> "$2/$1"', 'sh', file, etc, line],
  });
  return [
    { do: 'directory', path: etc },
    add('passwd', `${LAB_USER}:x:${LAB_UID}:${LAB_UID}::${home}:/bin/sh`),
    add('group', `${LAB_USER}:x:${LAB_UID}:`),
    add('shadow', `${LAB_USER}:*:19000:0:99999:7:::`),
    { do: 'directory', path: home, owner: `${LAB_UID}:${LAB_UID}` },
  ];
}

/** What every client in the lab needs so that plain `sftp` and `scp` neither ask nor remember anything. */
function clientConfig(dir: string): string {
  return `Host *
  User ${LAB_USER}
  IdentityFile ${dir}/client_key
  IdentitiesOnly yes
  UserKnownHostsFile ${dir}/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 10
`;
}

/** Every address under which a host is known, at its site and in the overlay. */
function addressesOf(scenario: Scenario, host: Host): string[] {
  const local = addressOf(host);
  const nats = scenario.overlay.insideNat.filter((nat) => nat.local === `${local}/32`);
  return [local, ...nats.map((nat) => nat.network.split('/')[0])];
}

function planSftp(scenario: Scenario, layout: Layout, host: Host): ProgramPlan {
  const dir = hostPath(layout, host.name);
  const names = addressesOf(scenario, host).join(',');
  const keygen = (path: string, comment: string): Step => ({
    do: 'run',
    argv: ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path],
  });
  const clients = scenario.hosts.filter((one) => one.kind === 'host' && one !== host);
  return {
    prepare: [
      ...accounts(layout, host),
      { do: 'directory', path: hostPath(layout, host.name, 'run', 'sshd') },
      keygen(`${dir}/host_key`, host.name),
      keygen(`${dir}/client_key`, 'lab'),
      { do: 'write', path: `${dir}/known_hosts`, text: `${names} {{${dir}/host_key.pub}}\n`, mode: 0o644 },
      { do: 'write', path: `${dir}/sshd_config`, text: sshdConfig(dir), mode: 0o644 },
      ...clients.map((client): Step => {
        const path = hostPath(layout, client.name, 'etc', 'ssh', 'ssh_config');
        return { do: 'write', path, text: clientConfig(dir), mode: 0o644 };
      }),
    ],
    process: {
      name: host.name,
      host: host.name,
      argv: enter(layout, host.name, ['/usr/sbin/sshd', '-D', '-e', '-f', `${dir}/sshd_config`]),
      log: logFile(layout, host.name),
    },
    ready: readyTcp(layout, host, host.name, 22),
  };
}

function planAppServer(scenario: Scenario, layout: Layout, host: Host): ProgramPlan {
  const databases = scenario.ready.filter((one) => one.from === host.name && one.port === 3306);
  const argv = [...layout.program('app-server'), '80', ...databases.map((one) => one.address)];
  return {
    prepare: [],
    process: {
      name: host.name,
      host: host.name,
      argv: enter(layout, host.name, argv),
      log: logFile(layout, host.name),
    },
    ready: readyTcp(layout, host, host.name, 80),
  };
}

function planProgram(scenario: Scenario, layout: Layout, host: Host, program: Program): ProgramPlan {
  switch (program) {
    case 'mariadb':
      return planMariadb(layout, host);
    case 'sftp':
      return planSftp(scenario, layout, host);
    case 'app-server':
      return planAppServer(scenario, layout, host);
    case 'redis':
      return planRedis(layout, host);
  }
}

function plansOf(scenario: Scenario, layout: Layout, wanted: (program: Program) => boolean): ProgramPlan[] {
  return scenario.hosts.flatMap((host) =>
    host.programs.filter(wanted).map((program) => planProgram(scenario, layout, host, program)),
  );
}

/** The plan of every real program that the sites offer and use. */
export function planPrograms(scenario: Scenario, layout: Layout): ProgramPlan[] {
  return plansOf(scenario, layout, (program) => program !== 'redis');
}

/** What the nodes lean on, to be there before them. */
export function planServices(scenario: Scenario, layout: Layout): ProgramPlan[] {
  return [...plansOf(scenario, layout, (program) => program === 'redis'), ...planFirewalls(scenario, layout)];
}

/** The daemon of a node. One whose cluster moves VPC routes has the credentials that the emulator wants. */
export function planDaemon(scenario: Scenario, layout: Layout, node: string): ProgramPlan {
  const config = nodeFile(layout, node);
  const moves = scenario.cloud?.cluster === clusterOf(scenario, node).name;
  const environment = moves ? ['env', ...Object.entries(EC2_ENVIRONMENT).map((pair) => pair.join('='))] : [];
  const socket = controlSocketPath(hostPath(layout, node, 'run', 'twinspan'), node);
  // To ask in vain costs a third of what a start does, just while eight of them start.
  const served = `for _ in 1 2 3 4 5 6 7 8 9; do [ ! -S ${quote(socket)} ] || exec "$@"; sleep 0.1; done; exit 1`;
  const status = [...layout.twinspan, 'status', '--json', '--config', config];
  return {
    prepare: [],
    process: {
      name: node,
      host: node,
      argv: enter(layout, node, [...environment, ...layout.twinspan, 'up', '--config', config]),
      log: logFile(layout, node),
    },
    ready: {
      do: 'await',
      what: `node ${node} to answer on its control socket`,
      argv: enter(layout, node, ['sh', '-c', served, 'sh', ...status]),
      timeoutMs: READY_MS,
      process: node,
    },
  };
}

/** Every process of the scenario by name: programs under their host's name, daemons under their node's. */
export function processesOf(scenario: Scenario, layout: Layout): Map<string, ProgramPlan> {
  const all = [
    ...planServices(scenario, layout),
    ...planCloud(scenario, layout),
    ...planPrograms(scenario, layout),
    ...nodesOf(scenario).map((host) => planDaemon(scenario, layout, host.name)),
  ];
  return new Map(all.map((plan) => [plan.process.name, plan]));
}
