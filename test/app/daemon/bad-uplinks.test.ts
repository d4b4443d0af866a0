/**
 * Uplinks that are not as the configuration says, or do not stay so: each fault has its event, and the node goes on, or
 * begins, as soon as it can.
 */
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HB, Line } from './line.js';
import { LINES, PER_SECOND, Two } from './two.js';

rootTest(
  'the one uplink has no device at start: the node says so, and uses it when it appears',
  async (t) => {
    const line = new Line(t);
    const { network, na, nb } = line;
    network.run('na', 'ip link set wan0 down; ip link set wan0 name later0');
    await Promise.all([na.start(), nb.start()]);
    const [waits] = na.events('uplink-waits');
    t.like(waits, { uplink: 'isp1', device: 'wan0', reason: 'the device wan0 does not exist' });
    t.regex(String(waits['hint']), /as soon as it is there/);
    await until('uplinks says why', async () => {
      const [{ state, reasons }] = (await na.call('uplinks', {})).uplinks;
      return state === 'down' && reasons[0]?.code === 'device-missing';
    });
    t.is((await na.status()).devices.find(({ role }) => role === 'uplink')?.state, 'down');
    network.run(
      'na',
      'ip link set later0 name wan0; ip link set wan0 up; ip route replace default via 198.51.100.2',
    );
    await ping(network, 'ha', HB);
    t.is(na.events('uplink-bound').length, 1);
    await until('it is up', () => na.events('uplink-state').at(-1)?.['to'] === 'up');
    t.regex(network.run('na', 'ss -Hlun'), /%wan0:51820/, 'the port that others dial');
    t.is(await na.stop(), 0);
  },
);

rootTest('both devices are away at start, and come in the other order', async (t) => {
  const two = new Two(t);
  const { network, na, nb } = two;
  two.describe();
  for (const wan of ['wan0', 'wan1'])
    network.run('na', `ip link set ${wan} down; ip link set ${wan} name x${wan}`);
  await Promise.all([na.start(), nb.start()]);
  t.deepEqual(
    na.events('uplink-waits').map(({ uplink }) => uplink),
    ['isp1', 'isp2'],
  );
  const appear = (wan: string, isp: keyof typeof LINES, metric: number): string =>
    network.run(
      'na',
      `ip link set x${wan} name ${wan}; ip link set ${wan} up
       ip route add default via ${LINES[isp]}.1.1 dev ${wan} metric ${metric}`,
    );
  appear('wan1', 'isp2', 101);
  await ping(network, 'ha', HB);
  await two.bothUse('isp2');
  appear('wan0', 'isp1', 100);
  await two.bothUse('isp1');
  const ports = network.run('na', 'ss -Hlun');
  for (const wan of ['wan0', 'wan1']) t.regex(ports, new RegExp(`%${wan}:51820`));
});

rootTest(
  'a device is removed under a flow and added again: its socket is bound anew, and tunnels use it',
  async (t) => {
    const two = new Two(t);
    const { network, na } = two;
    two.describe();
    await two.start();
    const { sessions } = two;
    const lost = await two.under(t, 'device removed', async () => {
      network.run('na', 'ip link del wan0');
      await two.bothUse('isp2');
    });
    t.true(lost < 5 * PER_SECOND, `${lost} datagrams`);
    const [state] = na.events('uplink-state').filter(({ uplink, to }) => uplink === 'isp1' && to === 'down');
    t.deepEqual(state?.['reasons'], ['device-missing']);
    t.regex(String(na.events('path-down').at(-1)?.['why']), /the device wan0 does not exist/);
    const back = await two.under(t, 'device added', async () => {
      network.cable('na', 'wan0', 'isp1', 'na');
      network.run('isp1', 'ip addr add 198.51.1.1/24 dev na');
      network.run(
        'na',
        'ip addr add 198.51.1.2/24 dev wan0; ip route add default via 198.51.1.1 dev wan0 metric 100',
      );
      await two.bothUse('isp1');
    });
    t.is(back, 0);
    t.like(na.events('uplink-bound').at(-1), { uplink: 'isp1', device: 'wan0' });
    t.is(two.sessions, sessions);
  },
);

rootTest('DHCP gives another address and another gateway: the session goes on', async (t) => {
  const line = new Line(t);
  const { network, na, nb } = line;
  // na is not dialled: nb learns where it is.
  line.describe({
    nodes: {
      na: { publicKey: na.key.publicKey },
      nb: { publicKey: nb.key.publicKey, endpoints: ['198.51.100.2:51820'] },
    },
  });
  network.run('na', 'ip route replace default via 198.51.100.2');
  await line.start();
  await ping(network, 'ha', HB);
  const established = (): number => na.events('session-established').length;
  const before = established();
  network.run(
    'na',
    `ip addr del 198.51.100.1/24 dev wan0; ip addr add 203.0.113.77/24 dev wan0
     ip route add default via 203.0.113.1 dev wan0`,
  );
  network.run('nb', 'ip addr add 203.0.113.1/24 dev wan0');
  await ping(network, 'ha', HB);
  await until('told', () => na.events('uplink-gateways').at(-1)?.['to']?.toString() === '203.0.113.1');
  t.deepEqual(na.events('uplink-addresses').at(-1)?.['to'], ['203.0.113.77/24']);
  const [{ paths }] = (await nb.call('paths', { peer: 'na' })).peers;
  t.deepEqual(
    paths.filter(({ state }) => state === 'up').map(({ remote }) => remote),
    ['203.0.113.77:51820'],
  );
  t.is(established(), before, 'the session is the same');
});

rootTest(
  'the configured address is missing at start, comes, and is taken away: told each time',
  async (t) => {
    const two = new Two(t);
    const { network, na } = two;
    two.describe();
    na.configure({
      uplinks: [
        { name: 'isp1', device: 'wan0', cost: 10, address: '198.51.1.9' },
        { name: 'isp2', device: 'wan1', cost: 20 },
      ],
    });
    await Promise.all([na.start(), two.nb.start()]);
    const lacks = 'wan0 does not have the address 198.51.1.9';
    t.like(na.events('uplink-waits')[0], { uplink: 'isp1', reason: lacks });
    await two.bothUse('isp2');
    network.run('na', 'ip addr add 198.51.1.9/24 dev wan0');
    await two.bothUse('isp1');
    await ping(network, 'ha', HB);
    const [{ paths }] = (await two.nb.call('paths', { peer: 'na' })).peers;
    t.regex(String(paths.find(({ inUse }) => inUse)?.remote), /^198\.51\.1\.9:/, 'it is the source');
    const { sessions } = two;
    network.run('na', 'ip addr del 198.51.1.9/24 dev wan0');
    await two.bothUse('isp2');
    await ping(network, 'ha', HB);
    const [{ reasons }] = (await na.call('uplinks', {})).uplinks;
    t.is(reasons[0]?.text, 'wan0 does not have the configured address 198.51.1.9');
    network.run('na', 'ip addr add 198.51.1.9/24 dev wan0');
    await two.bothUse('isp1');
    t.is(two.sessions, sessions);
  },
);

rootTest('the one device of both ends is removed and added again: the session goes on', async (t) => {
  const line = new Line(t);
  const { network, na, nb } = line;
  await line.start();
  await ping(network, 'ha', HB);
  const established = (): number => [na, nb].flatMap((node) => node.events('session-established')).length;
  const before = established();
  network.run('na', 'ip link del wan0');
  for (const node of [na, nb]) {
    await until(
      () => `${node.node} says that the device is gone: ${node.program.output}`,
      () => node.events('uplink-state').at(-1)?.['reasons']?.toString() === 'device-missing',
    );
  }
  network.cable('na', 'wan0', 'nb', 'wan0');
  network.run('na', 'ip addr add 198.51.100.1/24 dev wan0; ip route add default via 198.51.100.2');
  network.run('nb', 'ip addr add 198.51.100.2/24 dev wan0');
  await ping(network, 'ha', HB);
  for (const node of [na, nb]) t.like(node.events('uplink-bound').at(-1), { uplink: 'isp1', device: 'wan0' });
  t.is(established(), before);
  t.is((await na.peer('nb')).state, 'up');
});
