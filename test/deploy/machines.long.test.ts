/**
 * The virtual machines of vagrant/ without virtual machines: their own provisioning, twice, on bare Debian machines whose
 * network cards have the hardware addresses that the Vagrantfile gives.
 */
import { copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { writeMachines } from '../../src/app/lab/commands/machines.js';
import { machinesOf } from '../../src/app/lab/machines/machines.js';
import { machineScenario } from '../../src/app/lab/machines/scenario.js';
import { Machine, machineTest, packOnce } from '../support/machine.js';
import { Network, until } from '../support/namespaces.js';
import { tempDir } from '../support/temp_dir.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MACHINES = machinesOf(machineScenario('small'));

interface Rig {
  readonly machine: Machine;
  readonly network: Network;
  /** Provisions it and says what that said. */
  readonly provision: () => string;
}

/** A machine with its cards; the other end of the card on a segment is device `eth0` of namespace `segment`. */
async function rig(t: ExecutionContext, name: string): Promise<Rig> {
  const prepared = tempDir(t);
  await writeMachines('small', prepared);
  const network = new Network(t);
  network.add('vm');
  const { nics } = MACHINES.find((one) => one.name === name)!;
  for (const [index, { segment, mac }] of nics.entries()) {
    network.add(segment);
    network.cable('vm', `card${index}`, segment, 'eth0');
    network.run('vm', `ip link set card${index} address ${mac}`);
  }
  const machine = new Machine(t);
  await machine.boot(network.namespace('vm'));
  copyFileSync(`${prepared}/${name}.tar`, `${machine.root}/srv/machine.tar`);
  copyFileSync(`${ROOT}vagrant/provision.sh`, `${machine.root}/srv/provision.sh`);
  const provision = () =>
    machine.must('bash /srv/provision.sh /srv/machine.tar /srv/twinspan.tar.gz', { over: 'host' });
  return { machine, network, provision };
}

machineTest('the internet is two ISPs that masquerade their customers', async (t) => {
  const { machine, network, provision } = await rig(t, 'internet');
  // Its network script alone, which is what the next boot runs too; the machine has the programs it needs beforehand.
  machine.must(
    'apt-get update -q && apt-get install -q -y --no-install-recommends iproute2 nftables procps',
    {
      over: 'host',
    },
  );
  t.regex(provision(), /internet is ready/);
  network.run('internet', 'ip addr add 203.0.113.10/24 dev eth0');
  for (const isp of ['wan1', 'wan2']) {
    const net = `100.64.${isp.slice(-1)}`;
    network.run(isp, `ip addr add ${net}.10/24 dev eth0; ip route add default via ${net}.1`);
    network.run(isp, 'ping -c 1 -W 5 203.0.113.10');
  }
  network.start('internet', ['timeout', '30', 'socat', '-u', 'TCP-LISTEN:7,reuseaddr', '/dev/null']);
  network.run('internet', 'until ss -Hltn | grep -q :7; do sleep 0.1; done');
  network.start('wan2', ['timeout', '30', 'socat', '-u', 'EXEC:sleep 20', 'TCP:203.0.113.10:7']);
  await until('the customer comes with the address of its ISP', () => {
    return network.run('internet', 'ss -Htn state established "sport = :7"').includes('203.0.113.102:');
  });
  t.not((await network.try('internet', 'ping -c 1 -W 1 100.64.1.10')).code, 0, 'nobody inside is reached');
  t.regex(
    machine.must('/usr/local/lib/twinspan-lab/network; ip netns exec isp1 nft list ruleset'),
    /masquerade/,
  );
  network.run('wan1', 'ping -c 1 -W 5 203.0.113.10');
});

machineTest('a site has its database, Redis and SFTP, also after a second run', async (t) => {
  const { machine, network, provision } = await rig(t, 'site2');
  t.regex(provision(), /site2 is ready/);
  const again = provision();
  t.notRegex(again, /Debian packages/, 'nothing is installed twice');
  const query = `mariadb -h 172.16.20.15 -u lab -plab -e 'create table lab.t (a int)'`;
  await until('the database answers', () => machine.run(query).code === 0);
  t.regex(machine.must('redis-cli -h 172.16.20.250 ping'), /PONG/);
  t.regex(machine.must('sshd -T -C user=lab,addr=1.2.3.4 | grep -i forcecommand'), /internal-sftp/);
  network.run('lan2', 'ip addr add 172.16.20.200/24 dev eth0');
  for (const [address, port] of [
    ['172.16.20.15', 3306],
    ['172.16.20.250', 6379],
    ['172.16.20.20', 22],
  ]) {
    network.run('lan2', `timeout 5 bash -c '</dev/tcp/${address}/${port}'`);
  }
  t.regex(machine.must('ip route show 10.100.0.0/16'), /via 172\.16\.20\.215 dev lan/);
});

machineTest('a node runs with the configuration that was made for it', async (t) => {
  const { machine, provision } = await rig(t, 'edge1-a');
  copyFileSync(packOnce(), `${machine.root}/srv/twinspan.tar.gz`);
  t.regex(provision(), /edge1-a is ready/);
  t.regex(provision(), /edge1-a is ready/);
  t.regex(machine.must('twinspan status'), /edge1-a of EdgeCluster1, active/);
  const uplinks = machine.must('twinspan uplinks');
  t.regex(uplinks, /isp1/);
  t.regex(uplinks, /isp2/);
});
