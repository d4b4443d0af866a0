/**
 * Two of our nodes with a box between them that forwards, and drops large packets without a word when it is told to:
 *
 *   ha ── lan0 · na · wan0 ── to-na · box · to-nb ── wan0 · nb · lan0 ── hb
 *
 * Printed, not judged: how long it takes until a node knows.
 */
import type { ExecutionContext } from 'ava';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { datagrams, ping, startEcho, stream } from '../../support/traffic.js';
import { HB, Line, NATS, PORT, ROUTES } from './line.js';

/** Outer packets above this are dropped: of inner ones 1232 bytes are left, 1292 outside. */
const LIMIT_BYTES = 1_300;
const MTU = 1_232;
const FULL = 1_408;
const HB6 = 'fd10:0:b::15';

class Boxed extends Line {
  constructor(t: ExecutionContext) {
    super(t);
    const { network, na, nb } = this;
    network.add('box');
    for (const [node, device, own, box] of [
      ['na', 'to-na', '198.51.100.1', '198.51.100.254'],
      ['nb', 'to-nb', '203.0.113.2', '203.0.113.254'],
    ]) {
      network.run(node, 'ip link del wan0 2>/dev/null || true');
      network.cable(node, 'wan0', 'box', device);
      // A train of messages must be packets when it comes to the box, as on a wire.
      network.run(node, `ip link set wan0 gso_max_segs 1; ip addr add ${own}/24 dev wan0`);
      network.run(node, `ip route replace default via ${box}`);
      network.run('box', `ip addr add ${box}/24 dev ${device}`);
    }
    network.run('box', 'sysctl -qw net.ipv4.ip_forward=1');
    for (const [host, node, site] of [
      ['ha', 'na', 'fd00:a'],
      ['hb', 'nb', 'fd00:b'],
    ]) {
      network.run(node, `ip addr add ${site}::1/64 dev lan0`);
      network.run(host, `ip addr add ${site}::15/64 dev lan0; ip route add default via ${site}::1`);
    }
    this.describe({
      network: { name: 'line', cidr: ['10.100.0.0/16', 'fd10::/32'] },
      routes: [...ROUTES, { cidr: 'fd10:0:a::/64', to: 'A' }, { cidr: 'fd10:0:b::/64', to: 'B' }],
      insideNat: [
        ...NATS,
        { local: 'fd00:a::/64', network: 'fd10:0:a::/64', at: 'A' },
        { local: 'fd00:b::/64', network: 'fd10:0:b::/64', at: 'B' },
      ],
      nodes: {
        na: { publicKey: na.key.publicKey, endpoints: [`198.51.100.1:${PORT}`] },
        nb: { publicKey: nb.key.publicKey, endpoints: [`203.0.113.2:${PORT}`] },
      },
    });
  }

  narrow(): void {
    const rule = `meta length > ${LIMIT_BYTES} counter drop`;
    this.network.run(
      'box',
      `nft 'table ip narrow { chain f { type filter hook forward priority 0; ${rule}; }; }'`,
    );
  }

  widen(): void {
    this.network.run('box', 'nft delete table ip narrow');
  }

  /** Waits until both nodes send packets of so many bytes and look no further; returns how long that took, ms. */
  async carries(bytes: number): Promise<number> {
    const fromMs = performance.now();
    for (const [node, peer] of [
      [this.na, 'nb'],
      [this.nb, 'na'],
    ] as const) {
      let seen = '';
      await until(
        () => `${node.node} finds ${bytes}: ${seen} ${node.program.output}`,
        async () => {
          const [{ paths }] = (await node.call('paths', { peer })).peers;
          seen = JSON.stringify(paths);
          return paths.some(({ inUse, mtu, mtuSearching }) => inUse && mtu === bytes && !mtuSearching);
        },
      );
    }
    return Math.round(performance.now() - fromMs);
  }
}

rootTest('a middlebox drops packets over 1,300 bytes: everything passes nevertheless', async (t) => {
  const line = new Boxed(t);
  line.narrow();
  await line.start();
  t.log(`known after ${await line.carries(MTU)} ms`);
  const events = line.na.events('path-mtu');
  t.like(events[0], { peer: 'nb', from: FULL });
  t.regex(String(events[0].why), /^packets of 1468 bytes do not arrive, small ones do$/);
  t.like(events.at(-1), { to: MTU, why: 'packets of 1292 bytes arrive, of 1308 bytes do not' });

  const tooBig = await line.network.try('ha', `ping -n -c 2 -W 2 -M do -s ${MTU - 27} ${HB}`);
  t.regex(tooBig.output, /From 172\.16\.10\.1 .*[Ff]rag needed and DF set \(mtu = 1232\)/);
  t.is((await line.na.status()).drops['too-big'], 1);
  const fits = await line.network.try('ha', `ping -n -c 1 -W 2 -M do -s ${MTU - 28} ${HB}`);
  t.is(fits.code, 0, fits.output);
  await startEcho(line.network, 'hb');
  await stream(line.network, 'ha', HB);
  // Less than IPv6 asks of a link: the MSS of TCP alone follows.
  await stream(line.network, 'ha', HB6);
  // Datagrams may be fragmented, up to the largest.
  await datagrams(line.network, 'ha', HB);
});

rootTest('the path becomes narrower under a transfer, and wide again: the transfer goes on', async (t) => {
  const line = new Boxed(t);
  await line.start();
  await line.carries(FULL);
  t.deepEqual(line.na.events('path-mtu'), [], 'nothing to say');
  await ping(line.network, 'ha', HB);
  await startEcho(line.network, 'hb');
  const transfer = stream(line.network, 'ha', HB, 200 << 20);
  await until('it flows', async () => (await line.na.peer('nb')).txBytes > 10 << 20);
  line.narrow();
  const fromMs = performance.now();
  await until('it is seen', () => [line.na, line.nb].every((node) => node.has('path-mtu')));
  t.log(`narrow: smaller packets after ${Math.round(performance.now() - fromMs)} ms`);
  t.log(`narrow: known after ${await line.carries(MTU)} ms`);
  t.regex(
    String(line.na.events('path-mtu')[0].why),
    /^packets of 1468 bytes no longer arrive, small ones do$/,
  );
  await transfer;
  line.widen();
  t.log(`wide: known after ${await line.carries(FULL)} ms`);
  // Of whatever size was known last: the transfer may have cost probes of the narrow one, too.
  t.like(line.na.events('path-mtu').at(-1), { to: FULL, why: 'packets of 1468 bytes arrive' });
  await stream(line.network, 'ha', HB);
});

rootTest(
  'the local link becomes narrower under a transfer: seen, and its socket keeps its trains',
  async (t) => {
    const line = new Boxed(t);
    await line.start();
    await line.carries(FULL);
    await ping(line.network, 'ha', HB);
    await startEcho(line.network, 'hb');
    const resize = (bytes: number): void => {
      line.network.run('na', `ip link set wan0 mtu ${bytes}`);
      line.network.run('box', `ip link set to-na mtu ${bytes}`);
    };
    const transfer = stream(line.network, 'ha', HB, 100 << 20);
    await until('it flows', async () => (await line.na.peer('nb')).txBytes > 10 << 20);
    resize(LIMIT_BYTES);
    t.log(`narrow: known after ${await line.carries(MTU)} ms`);
    await transfer;
    resize(1_500);
    t.log(`wide: known after ${await line.carries(FULL)} ms`);
    await stream(line.network, 'ha', HB);
    const { offloads, drops } = await line.na.status();
    t.true(offloads.find(({ name }) => name === 'udpGso')?.on, JSON.stringify(offloads));
    t.is(drops['send-error'], undefined);
  },
);
