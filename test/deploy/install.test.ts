/**
 * scripts/install on a bare Debian machine that has booted its systemd: from the package that `npm run pack` makes, twice,
 * cut off half-way, refused with a sentence, and away again without a trace.
 */
import { cpSync, existsSync, readdirSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { Machine, machineTest, packOnce } from '../support/machine.js';

async function bootedMachine(t: ExecutionContext): Promise<Machine> {
  const machine = new Machine(t);
  await machine.boot();
  return machine;
}

/** Lays the package onto the machine, unpacked as a person would. */
function unpackOn(machine: Machine): string {
  cpSync(packOnce(), `${machine.root}/srv/twinspan.tar.gz`);
  machine.must('tar xzf /srv/twinspan.tar.gz -C /srv --no-same-owner');
  return machine.must('echo /srv/twinspan-*').trim();
}

/** Every file of the machine that no package of Debian's or the machine's own life accounts for. */
function filesOf(machine: Machine): string[] {
  const places = '/etc /opt /usr/local /var/lib /root /srv';
  const not = [
    '/etc/ld.so.cache',
    '/var/lib/apt/*',
    '/var/lib/dpkg/*',
    '/var/lib/systemd/*',
    '/etc/alternatives/*',
  ];
  const text = machine.must(`find ${places} ${not.map((one) => `! -path '${one}'`).join(' ')} | sort`);
  return text.trim().split('\n');
}

const CONFIGURATION = `set -e
ip link add wan0 type veth peer name wan1; ip link add lan0 type veth peer name lan1
ip addr add 203.0.113.9/24 dev wan0; ip addr add 172.16.40.200/24 dev lan0
for device in wan0 wan1 lan0 lan1; do ip link set $device up; done
cd /etc/twinspan
key=$(twinspan keygen --out private.key)
cat >network.yaml <<END
network: { name: acme, cidr: 10.100.0.0/16 }
clusters: { EdgeCluster4: { members: [edge4-a], site: 172.16.40.0/24 } }
nodes: { edge4-a: { publicKey: "$key" } }
routes: [{ cidr: 10.100.40.0/24, to: EdgeCluster4 }]
END
cat >node.yaml <<END
node: edge4-a
network: network.yaml
privateKeyFile: private.key
lan: { device: lan0 }
uplinks: [{ name: isp, device: wan0 }]
END`;

/** Installed, a service under watch, installed again, away without a trace. */
function serves(t: ExecutionContext, machine: Machine, source: string): void {
  const before = filesOf(machine);
  const first = machine.must(`${source}/install`, { over: 'host' });
  t.regex(first, /Twinspan \d+\.\d+\.\d+ is installed\. Next: \/etc\/twinspan\/node\.yaml/);
  t.is(machine.must('systemctl is-enabled twinspan').trim(), 'enabled');
  t.not(
    machine.run('systemctl start twinspan').code,
    0,
    'a node without configuration does not seem to start',
  );
  t.is(machine.must('systemd-analyze verify /etc/systemd/system/twinspan.service 2>&1'), '');

  machine.must(CONFIGURATION);
  machine.must('systemctl start twinspan || { journalctl -u twinspan -o cat -n 20; exit 1; }');
  t.regex(machine.must('twinspan status'), /edge4-a of EdgeCluster4, active/);
  const main = machine.must('systemctl show twinspan -p MainPID --value').trim();
  const capabilities = machine.must(`grep CapEff /proc/${main}/status`).trim();
  t.regex(capabilities, /0000000000803000$/, 'NET_ADMIN, NET_RAW and SYS_NICE');
  t.regex(machine.must('systemctl show twinspan -p WatchdogTimestamp --value'), /\d{4}-\d\d-\d\d/);
  machine.must('systemctl reload twinspan');

  const again = machine.must(`${source}/install`);
  t.regex(again, /is installed\.\n$/);
  t.notRegex(again, /written|copied|done/, 'nothing is done twice');
  t.is(machine.must('systemctl show twinspan -p MainPID --value').trim(), main, 'the node went on');

  machine.must(`kill -9 ${main}`);
  machine.must('for i in $(seq 100); do twinspan status >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1');
  t.is(machine.must('systemctl show twinspan -p NRestarts --value').trim(), '1');

  const kept = machine.must('/opt/twinspan/current/install --uninstall');
  t.regex(kept, /keys, configuration and state stay/);
  t.true(existsSync(`${machine.root}/etc/twinspan/private.key`));
  t.false(existsSync(`${machine.root}/opt/twinspan`));
  machine.must(`${source}/install --uninstall --purge`);
  t.deepEqual(filesOf(machine), before, 'no trace is left');
  t.is(machine.must('ip -o link | grep -c ts- || true').trim(), '0');
  machine.must(`${source}/install --uninstall --purge`);
}

/** Cut off half-way: the next run mends it. */
async function mends(t: ExecutionContext, machine: Machine, source: string): Promise<void> {
  const placing = `${machine.root}/opt/twinspan/.new/node`;
  await machine.cutOff(`${source}/install`, () => existsSync(placing), { over: 'host' });
  t.false(existsSync(`${machine.root}/opt/twinspan/current`));
  machine.must(`${source}/install`, { over: 'host' });
  t.regex(machine.must('twinspan --version'), /^\d/);
  t.deepEqual(
    readdirSync(`${machine.root}/opt/twinspan`).sort(),
    ['current', 'releases'],
    'nothing half-made stays',
  );
  machine.must('rm -r /opt/twinspan/current/dist/src/core /usr/local/bin/twinspan');
  machine.must(`${source}/install /srv/twinspan.tar.gz`);
  t.regex(machine.must('twinspan --version'), /^\d/, 'damage is mended too');
  machine.must(`${source}/install --uninstall --purge`);
}

const REFUSALS: readonly { what: string; script: string; says: RegExp }[] = [
  { what: 'not root', script: 'setpriv --reuid 65534 --clear-groups INSTALL', says: /needs root/ },
  {
    what: 'another machine',
    script: 'setarch i686 INSTALL',
    says: /is for x86_64 machines; this one is i686/,
  },
  {
    what: 'not Debian',
    script: 'unshare -m sh -c "echo ID=arch >/tmp/os; mount --bind /tmp/os /etc/os-release; INSTALL"',
    says: /for Debian 12 or newer; this machine says that it is 'arch'/,
  },
  {
    what: 'an old Debian',
    script:
      'unshare -m sh -c "printf \'ID=debian\\nVERSION_ID=11\\n\' >/tmp/os; mount --bind /tmp/os /etc/os-release; INSTALL"',
    says: /Debian 12 or newer is needed; this is Debian 11/,
  },
  {
    what: 'too little memory',
    script:
      'unshare -m sh -c "echo MemTotal: 131072 kB >/tmp/mem; mount --bind /tmp/mem /proc/meminfo; INSTALL"',
    says: /needs 200 MB of memory; this machine has 128 MB/,
  },
  {
    what: 'too little disk',
    script:
      'unshare -m sh -c "mkdir -p /opt/twinspan; mount -t tmpfs -o size=64m tmpfs /opt/twinspan; INSTALL"',
    says: /needs 500 MB free below \/opt\/twinspan; there are 64 MB/,
  },
  {
    what: 'a tarball cut short',
    script: 'head -c 9000000 /srv/twinspan.tar.gz >/tmp/cut.tar.gz; INSTALL /tmp/cut.tar.gz',
    says: /damaged or no tarball/,
  },
  { what: 'something else', script: 'INSTALL /etc', says: /is no Twinspan/ },
  { what: 'an option that is none', script: 'INSTALL --frobnicate', says: /there is no option --frobnicate/ },
  {
    what: 'a damaged package',
    script: 'cp -r SOURCE /tmp/damaged; echo >>/tmp/damaged/LICENSE; /tmp/damaged/install',
    says: /damaged or was copied only in part/,
  },
];

/** Refused: one sentence each, and nothing is installed. */
function refuses(t: ExecutionContext, machine: Machine, source: string): void {
  const offline = machine.run(`${source}/install`);
  t.is(offline.code, 1);
  t.regex(offline.text, /is there a network to fetch these packages from\? iproute2 nftables/);
  machine.must('apt-get update -q && apt-get install -q -y --no-install-recommends iproute2 nftables', {
    over: 'host',
  });
  for (const { what, script, says } of REFUSALS) {
    const command = script.replaceAll('INSTALL', `${source}/install`).replaceAll('SOURCE', source);
    const { code, text } = machine.run(command);
    t.is(code, 1, `${what}: ${text}`);
    t.regex(text, says, what);
    t.is(text.trim().split('\n').length, 1, `${what}: one sentence: ${text}`);
    t.false(existsSync(`${machine.root}/opt/twinspan/current`), what);
  }
}

machineTest('a package on a bare machine: refused, mended, served, removed', async (t) => {
  const machine = await bootedMachine(t);
  const source = unpackOn(machine);
  refuses(t, machine, source);
  await mends(t, machine, source);
  serves(t, machine, source);
});
