/**
 * Uplinks that look well and are not: what lies behind them swallows, loses, or lets through one way only. Each is seen by
 * the paths, said with a reason, and left for the other uplink.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HB } from './line.js';
import { PER_SECOND, Two } from './two.js';

/** Has isp1 drop what `match` (nft) says of forwarded packets. */
function drop(two: Two, match: string): void {
  two.network.run(
    'isp1',
    `nft 'table ip bad { chain f { type filter hook forward priority 0; ${match} drop; }; }'`,
  );
}

rootTest(
  'a gateway answers ARP and forwards nothing: the uplink is down, and says where the fault is',
  async (t) => {
    const two = new Two(t);
    two.describe();
    await two.start();
    two.network.run('isp1', 'sysctl -qw net.ipv4.conf.na.forwarding=0');
    await two.bothUse('isp2');
    const [down] = await until(
      () => `uplink-state: ${two.na.program.output}`,
      () => {
        const found = two.na
          .events('uplink-state')
          .filter(({ uplink, to }) => uplink === 'isp1' && to === 'down');
        return found.length > 0 ? found : undefined;
      },
    );
    t.deepEqual(down['reasons'], ['paths-down']);
    const why =
      'nb cannot be reached by it, though nb is by isp2; its gateway answers: the fault is beyond it';
    t.is(down['why'], why);
    const [isp1, isp2] = (await two.na.call('uplinks', {})).uplinks;
    t.is(isp1.state, 'down');
    t.is(isp1.reasons[0]?.text, why);
    t.is(isp2.state, 'up');
    await ping(two.network, 'ha', HB);
  },
);

rootTest('what we send arrives and the replies do not: both ends leave the path', async (t) => {
  const two = new Two(t);
  two.describe();
  await two.start();
  const { sessions } = two;
  const lost = await two.under(t, 'one way is lost', async () => {
    drop(two, 'iifname "nb"');
    await two.bothUse('isp2');
  });
  t.true(lost < 5 * PER_SECOND, `${lost} datagrams`);
  const downs = [two.na, two.nb].map((node) =>
    node.events('path-down').filter(({ path }) => String(path).startsWith('isp1 →')),
  );
  t.true(
    downs[0].some(({ why }) => why === 'detection time expired'),
    'na hears nothing',
  );
  t.true(
    downs[1].some(({ why }) => /neighbor signaled.*they say: detection time expired/.test(String(why))),
    'nb is told so, although it hears na',
  );
  await sleep(3_000);
  for (const node of [two.na, two.nb]) {
    const [{ paths }] = (await node.call('paths', {})).peers;
    for (const path of paths.filter(({ uplink }) => uplink === 'isp1')) t.is(path.state, 'down');
  }
  t.is(two.sessions, sessions);
});

rootTest('two uplinks in one subnet: each path leaves, and is answered, by its own device', async (t) => {
  const two = new Two(t);
  const { network, na, nb } = two;
  two.describe(['nb']);
  na.configure({
    uplinks: [
      { name: 'isp1', device: 'wan0', cost: 10 },
      { name: 'isp2', device: 'wan1', cost: 20, gateway: '198.51.1.1' },
    ],
  });
  nb.configure({ uplinks: [{ name: 'isp1', device: 'wan0' }] });
  network.run('na', 'ip link del wan1');
  network.cable('na', 'wan1', 'isp1', 'na2');
  network.run('na', 'ip addr add 198.51.1.3/24 dev wan1');
  network.run(
    'isp1',
    `ip link add br0 type bridge; ip addr del 198.51.1.1/24 dev na; ip addr add 198.51.1.1/24 dev br0
     ip link set na master br0; ip link set na2 master br0; ip link set br0 up`,
  );
  for (const [table, name] of [
    ['right', { na: '198.51.1.2', na2: '198.51.1.3' }],
    ['wrong', { na: '198.51.1.3', na2: '198.51.1.2' }],
  ] as const) {
    for (const [port, source] of Object.entries(name)) {
      network.run(
        'isp1',
        `nft add table netdev ${table}
         nft 'add chain netdev ${table} ${port} { type filter hook ingress device ${port} priority 0; }'
         nft add rule netdev ${table} ${port} udp dport 51820 ip saddr ${source} counter`,
      );
    }
  }
  const counts = (table: string): number[] =>
    [...network.run('isp1', `nft list table netdev ${table}`).matchAll(/packets (\d+)/g)].map((found) =>
      Number(found[1]),
    );
  await two.start();
  await until(
    () => `na is learned by both: ${nb.program.output}`,
    async () => {
      const [{ paths }] = (await nb.call('paths', {})).peers;
      // With a second path there is somewhere to go, so both are probed fast.
      return (
        paths.filter(({ state, learned, probeMs = 75 }) => learned && state === 'up' && probeMs <= 75)
          .length === 2
      );
    },
  );
  t.deepEqual(na.events('uplinks-share-subnet').at(-1)?.['uplinks'], ['isp1', 'isp2']);
  const lost = await two.under(t, 'the cheaper of both dies', async () => {
    network.run(
      'isp1',
      `nft 'table netdev hole { chain c { type filter hook ingress device na priority -1; drop; }; }'`,
    );
    await until('na goes by isp2', () =>
      String(na.events('path-in-use').at(-1)?.['path']).startsWith('isp2 →'),
    );
  });
  t.true(lost < 5 * PER_SECOND, `${lost} datagrams`);
  // nb, which has learned the path, is the one that misses packets; it says so while it still can.
  const [down] = na.events('path-down').filter(({ path }) => path === 'isp1 → 198.51.2.2:51820');
  t.regex(String(down?.['why']), /^neighbor signaled/);
  await ping(network, 'ha', HB);
  t.true(
    counts('right').every((count) => count > 10),
    `${counts('right')}`,
  );
  t.deepEqual(counts('wrong'), [0, 0]);
});

rootTest('an ISP loses 30 % both ways: it is left once, and nothing flaps', async (t) => {
  const two = new Two(t);
  two.describe();
  await two.start();
  const uses = (): number[] => [two.na, two.nb].map((node) => node.events('path-in-use').length);
  const before = uses();
  const { sessions } = two;
  drop(two, 'numgen random mod 10 < 3');
  await two.bothUse('isp2');
  await sleep(20_000);
  t.deepEqual(
    uses(),
    before.map((count) => count + 1),
    `one change, at each end: ${JSON.stringify(two.na.events('path-in-use').map(({ why }) => why))}`,
  );
  const [path] = (await two.na.call('paths', {})).peers[0].paths.filter(({ uplink }) => uplink === 'isp1');
  t.log(`isp1 is ${path.state} (${path.why}), loss ${JSON.stringify(path.lossPercent)}`);
  t.not(path.state, 'up');
  const [isp1] = (await two.na.call('uplinks', {})).uplinks;
  t.not(isp1.state, 'up');
  t.regex(
    isp1.reasons.map(({ text }) => text).join(),
    /packets to nb are lost or late|nb cannot be reached by it/,
  );
  t.true(two.na.events('path-in-use').some(({ why }) => /loss \d+ %|expired|signaled/.test(String(why))));
  await ping(two.network, 'ha', HB);
  t.is(two.sessions, sessions);
});

rootTest('what cannot be sent by one uplink holds nothing up on the other', async (t) => {
  const two = new Two(t);
  const { network, na } = two;
  two.describe();
  await two.start();
  await two.under(t, 'the kernel refuses', async () => {
    // Every send by wan0 answers EPERM.
    network.run(
      'na',
      `nft 'table inet refuse { chain o { type filter hook output priority 0; oifname "wan0" udp dport 51820 drop; }; }'`,
    );
    await two.bothUse('isp2');
  });
  const sendErrors = async (): Promise<number> => (await na.status()).drops['send-error'] ?? 0;
  const refused = await sendErrors();
  t.true(refused > 0, `the refusals are counted: ${JSON.stringify((await na.status()).drops)}`);
  const lost = await two.under(t, 'while it refuses', () => sleep(2_000));
  t.is(lost, 0);
  await until('still refused', async () => (await sendErrors()) > refused);
});
