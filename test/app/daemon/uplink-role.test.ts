/**
 * A pair with three uplinks each, into one bridge: what the role does as one of them loses its uplinks, one by one. The gateway
 * of the further uplinks is the node on the other side.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HR, Pair } from './site-pair.js';

const FURTHER = ['203.0.113', '192.0.2'];

rootTest('one uplink that is lost moves no role; two do, and all; it returns when they do', async (t) => {
  const pair = new Pair(t);
  const { na, nb, network } = pair;
  for (const [index, line] of FURTHER.entries()) {
    network.run('nr', `ip addr add ${line}.3/24 dev wan0`);
    for (const [host, node] of ['na', 'nb'].entries()) {
      const device = `wan${index + 1}`;
      network.cable('isp', `${device}-${node}`, node, device);
      network.run('isp', `ip link set ${device}-${node} master br0`);
      network.run(node, `ip addr add ${line}.${host + 1}/24 dev ${device}`);
    }
  }
  const further = FURTHER.map((line, index) => ({
    name: `isp${index + 2}`,
    device: `wan${index + 1}`,
    gateway: `${line}.3`,
  }));
  for (const node of [na, nb]) {
    node.configure({ redis: pair.redis, uplinks: [{ name: 'isp1', device: 'wan0' }, ...further] });
  }
  await pair.start();
  await ping(network, 'ha', HR);
  const uplinksOf = async (name: string): Promise<string> => {
    const { members } = await nb.call('cluster', {});
    const { usable, lost } = members.find((member) => member.name === name)?.record?.uplinks ?? {};
    return `${usable} of ${Number(usable) + Number(lost)}`;
  };
  const has = async (name: string, count: string): Promise<void> => {
    await until(
      () => `${name} has ${count}: ${na.program.output}`,
      async () => (await uplinksOf(name)) === count,
    );
  };
  const active = async (name: string): Promise<void> => {
    await until(
      () => `${name} is active: ${nb.program.output}`,
      async () => (await nb.call('cluster', {})).active === name,
    );
  };
  const set = (state: 'up' | 'down', ...devices: string[]): void => {
    for (const device of devices) network.run('isp', `ip link set ${device} ${state}`);
  };
  await has('na', '3 of 3');
  await has('nb', '3 of 3');
  const changes = (): number => nb.events('role-changed').length;
  const before = changes();

  set('down', 'to-na');
  await has('na', '2 of 3');
  await ping(network, 'ha', HR);
  await sleep(5_000);
  t.is(changes(), before, 'longer than the hold-down');

  set('down', 'wan1-na');
  await active('nb');
  t.is(await uplinksOf('na'), '1 of 3');
  t.true(nb.events('role-changed').some(({ why }) => why === 'na has lost uplinks that this member has'));
  await ping(network, 'ha', HR);

  set('up', 'to-na', 'wan1-na');
  await has('na', '3 of 3');
  await active('na');

  set('down', 'to-na', 'wan1-na', 'wan2-na');
  await active('nb');
  await has('na', '0 of 3');
  await ping(network, 'ha', HR);
});
