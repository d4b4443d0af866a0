/**
 * Paths of whole nodes with two uplinks each. Printed, not judged: how long traffic was out. No flow, and no session of the
 * tunnel, may be lost.
 */
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HB, PORT } from './line.js';
import { type Isp, LINES, PER_SECOND, Two } from './two.js';

rootTest(
  'an ISP falls silent: traffic goes by the other, and comes back when it has proven itself',
  async (t) => {
    const two = new Two(t);
    two.describe();
    await two.start();
    const { sessions } = two;
    const lost = await two.under(t, 'black hole', async () => {
      two.network.run(
        'isp1',
        `nft 'table ip hole { chain f { type filter hook forward priority 0; drop; }; }'`,
      );
      await two.bothUse('isp2');
    });
    t.true(lost > 0 && lost < 5 * PER_SECOND, `${lost} datagrams`);
    const why = /detection time expired|neighbor signaled/;
    t.regex(String(two.na.events('path-down').at(-1)?.['why']), why);
    const [{ paths }] = (await two.na.call('paths', { peer: 'nb' })).peers;
    const [silent, used] = ['isp1', 'isp2'].map((isp) =>
      paths.find(({ uplink, remote }) => uplink === isp && remote.startsWith(LINES[isp as Isp])),
    );
    t.like(silent, { state: 'down', inUse: false });
    t.regex(String(silent?.why), why);
    t.like(used, { state: 'up', inUse: true, why: '' });
    t.true((used?.rttMs ?? 0) > 0 && used?.lossPercent.s60 !== null, JSON.stringify(used));
    const failback = await two.under(t, 'failback', async () => {
      two.network.run('isp1', 'nft delete table ip hole');
      await two.bothUse('isp1');
    });
    t.is(failback, 0);
    t.regex(String(two.na.events('path-in-use').at(-1)?.['why']), /costs less/);
    t.is(two.sessions, sessions, 'the tunnel kept its session');
  },
);

rootTest('a line loses its carrier: it is left at once', async (t) => {
  const two = new Two(t);
  two.describe();
  await two.start();
  const { sessions } = two;
  const lost = await two.under(t, 'carrier', async () => {
    two.network.run('isp1', 'ip link set na down');
    await two.bothUse('isp2');
  });
  t.true(lost < 5 * PER_SECOND, `${lost} datagrams`);
  await until('it says why', () => /carrier/.test(String(two.na.events('path-down').at(-1)?.['why'])));
  two.network.run('isp1', 'ip link set na up');
  await two.bothUse('isp1');
  t.is(two.sessions, sessions);
});

rootTest('a node behind NAT is learned by each uplink, and again when its mapping changes', async (t) => {
  const two = new Two(t);
  two.describe(['nb']);
  for (const isp of ['isp1', 'isp2'] as const) {
    two.network.run(
      isp,
      `nft 'table ip nat { chain p { type nat hook postrouting priority 100; oifname "nb" masquerade; }; }'`,
    );
  }
  await two.start();
  const { sessions } = two;
  await until(
    () => `both are learned: ${two.nb.program.output}`,
    () => two.nb.events('path-up').length >= 2,
  );
  const lost = await two.under(t, 'new mapping', async () => {
    two.network.run(
      'isp1',
      `nft 'flush chain ip nat p; add rule ip nat p oifname "nb" ip protocol udp masquerade to :40000-40100'
       conntrack -F 2>/dev/null`,
    );
    await until(
      () => `nb follows: ${two.nb.program.output}`,
      () => two.nb.events('path-moved').length > 0,
    );
  });
  t.true(lost < 5 * PER_SECOND, `${lost} datagrams`);
  await ping(two.network, 'ha', HB);
  t.is(two.sessions, sessions);
});

rootTest(
  'an ISP that has lost a flow admits a new one: a dead path is dialled from a new port',
  async (t) => {
    const two = new Two(t);
    two.describe();
    await two.start();
    const sockets = (): number => two.network.run('na', 'ss -Hlun').trim().split('\n').length;
    const before = sockets();
    two.network.run(
      'isp1',
      `nft 'table ip lost { chain f {
       type filter hook forward priority 0; ip saddr 198.51.1.2 udp sport ${PORT} drop; }; }'`,
    );
    await two.bothUse('isp2');
    await two.bothUse('isp1');
    t.true(two.na.events('path-moved').some(({ why }) => why === 'dialled anew'));
    const [{ paths }] = (await two.nb.call('paths', { peer: 'na' })).peers;
    t.regex(String(paths.find(({ inUse }) => inUse)?.remote), /^198\.51\.1\.2:(?!51820$)/);
    await ping(two.network, 'ha', HB);
    await until(
      () => `unused sockets are closed: ${sockets()}`,
      () => sockets() <= before + 3,
    );
  },
);
