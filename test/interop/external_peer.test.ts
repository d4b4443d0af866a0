/**
 * wireguard-go as an external peer of a pair: it knows one key and finds one peer, whichever member is active, and
 * whatever the members' clocks say.
 */
import { until } from '../support/namespaces.js';
import { rootTest } from '../support/privileged.js';
import { skewedBy } from '../support/skewed_clock.js';
import { datagrams, ping, startEcho, stream } from '../support/traffic.js';
import { A_ENDPOINT, B_ENDPOINT, HC, Pair, W_ENDPOINT } from './pair.js';
import { H4, SHORT_TIMERS, W4 } from './rig.js';

const HOUR_MS = 3_600_000;

/** From the pair's site, from another site, and from the peer itself. */
async function exchange({ network }: Pair): Promise<void> {
  const ways: [string, string][] = [
    ['h', W4],
    ['w', H4],
    ['hc', W4],
    ['w', HC],
  ];
  for (const [host, to] of ways) {
    await ping(network, host, to);
    await stream(network, host, to, 1 << 20);
  }
  await datagrams(network, 'h', W4, [1, 512, 1380]);
}

for (const skewMs of [-HOUR_MS, HOUR_MS]) {
  const skew = skewMs < 0 ? 'an hour behind' : 'an hour ahead';
  rootTest(
    `the active member is killed: the standby, its clock ${skew}, goes on, and gives back`,
    async (t) => {
      const pair = new Pair(t, { weDial: true });
      const { a, b, network, plain } = pair;
      await pair.startPlain();
      await pair.start({}, skewedBy(skewMs));
      await Promise.all(['h', 'hc', 'w'].map((host) => startEcho(network, host)));
      await pair.connected(a);
      const sessions = a.events('session-established').filter(({ peer }) => peer === 'router');
      t.deepEqual(
        sessions.map(({ detail }) => detail),
        ['initiator'],
        'it has seen a timestamp of the active member',
      );
      await exchange(pair);
      t.is(plain.peer.endpoint, A_ENDPOINT);
      t.false(b.has('external-peers-served'));
      t.deepEqual((await b.status()).peers.map(({ name }) => name).sort(), ['na', 'nc']);
      t.is((await b.call('routes', { address: W4 })).routes[0].peer, 'na');

      await a.kill();
      await pair.serves(b);
      await ping(network, 'h', W4);
      t.is(plain.peer.endpoint, B_ENDPOINT, 'nobody told it but the one who took over');
      await exchange(pair);
      t.is((await b.call('routes', { address: W4 })).routes[0].peer, 'router');

      await a.start();
      await pair.serves(a);
      await ping(network, 'h', W4);
      await until('it has moved', () => plain.peer.endpoint === A_ENDPOINT);
      await until('the other has let go', () => b.has('external-peers-left'));
      await exchange(pair);
      await until('routes lead to the active one', async () => {
        const { routes } = await b.call('routes', { address: W4 });
        return routes[0].peer === 'na';
      });
    },
  );
}

rootTest(
  'a peer whose place is learnt, with a preshared key, is dialled there by whoever is next',
  async (t) => {
    const pair = new Pair(t, { preshared: true });
    const { a, b, network, plain } = pair;
    await pair.startPlain(A_ENDPOINT);
    await pair.start();
    await Promise.all(['h', 'hc', 'w'].map((host) => startEcho(network, host)));
    await ping(network, 'w', H4);
    await pair.connected(a);
    await exchange(pair);
    const shown = plain.wg(`show ${a.uapiName} dump`).split('\n');
    const [publicKey, , endpoint, allowed, , , , keepalive] =
      shown.find((line) => line.startsWith(plain.key.publicKey))?.split('\t') ?? [];
    t.deepEqual(
      [publicKey, endpoint, allowed, keepalive],
      [plain.key.publicKey, W_ENDPOINT, '10.100.100.0/24', '5'],
    );
    const explained = await a.call('explain', { src: '172.16.10.15', dst: W4, protocol: 'icmp' });
    t.is(explained.verdict, 'forwarded');
    t.true(explained.steps.some(({ text }) => /external peer router of P/.test(text)));
    t.true(explained.steps.some(({ text }) => /sealed and sent to router/.test(text)));

    await a.stop();
    await pair.serves(b);
    await ping(network, 'h', W4);
    await exchange(pair);
    t.is(plain.peer.endpoint, B_ENDPOINT);
  },
);

rootTest(
  'a standby that is called is silent, and counts it; a peer that dies is unreachable until it is back',
  async (t) => {
    const pair = new Pair(t);
    const { a, b, network, plain } = pair;
    await pair.startPlain(B_ENDPOINT);
    await pair.start(SHORT_TIMERS);
    await network.try('w', `ping -n -c 1 -W 1 ${H4}`);
    await until(
      'the standby has been called',
      async () => ((await b.status()).handshakeDrops['standby'] ?? 0) > 0,
    );
    t.is(plain.peer.handshakeAt, 0);
    t.is((await a.call('routes', { address: W4 })).routes[0].available, false);
    pair.redirect(A_ENDPOINT);
    await ping(network, 'w', H4);
    await pair.connected(a);
    await plain.kill();
    await until('its silence is noticed', async () => {
      await network.try('h', `ping -n -c 1 -W 1 ${W4}`);
      return !(await a.call('routes', { address: W4 })).routes[0].available;
    });
    await pair.startPlain();
    await ping(network, 'h', W4);
    t.is(plain.peer.endpoint, A_ENDPOINT, 'it was called where it had been');
  },
);
