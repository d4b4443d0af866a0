/** The data of the scenarios agrees with itself and with the published tables. */
import test from 'ava';
import { attachments } from '../../../src/app/lab/plan/network.js';
import { addressOf, hostNamed } from '../../../src/app/lab/scenario.js';
import { SCENARIOS, scenarioNamed } from '../../../src/app/lab/scenarios/index.js';

/** An address with prefix length as network number and length. */
function networkOf(cidr: string): string {
  const [address, length] = cidr.split('/');
  const value = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return `${Math.floor(value / 2 ** (32 - Number(length)))}/${length}`;
}

for (const scenario of SCENARIOS) {
  test(`${scenario.name}: names are unique and every interface is on a segment`, (t) => {
    const names = [...scenario.hosts, ...scenario.segments.filter((one) => one.kind === 'switch')].map(
      (one) => one.name,
    );
    t.is(new Set(names).size, names.length);
    const segments = new Set(scenario.segments.map((one) => one.name));
    for (const host of scenario.hosts) {
      t.true(
        host.interfaces.every((one) => segments.has(one.segment)),
        host.name,
      );
    }
  });

  test(`${scenario.name}: a segment is one subnet without duplicate addresses, a cable has two ends`, (t) => {
    for (const segment of scenario.segments) {
      const attached = attachments(scenario, segment);
      const addresses = attached.map((one) => one.interface.address);
      t.is(new Set(addresses).size, addresses.length, segment.name);
      t.is(new Set(addresses.map(networkOf)).size, 1, segment.name);
      if (segment.kind === 'cable') t.is(attached.length, 2, segment.name);
    }
  });

  test(`${scenario.name}: the overlay names hosts, clusters and addresses that exist`, (t) => {
    const { overlay } = scenario;
    const nodes = scenario.hosts.filter((host) => host.kind === 'node').map((host) => host.name);
    t.deepEqual(overlay.clusters.flatMap((cluster) => cluster.members).toSorted(), nodes.toSorted());
    const clusters = new Set(overlay.clusters.map((cluster) => cluster.name));
    t.true(overlay.routes.every((route) => clusters.has(route.to)));
    for (const nat of overlay.insideNat) {
      t.true(clusters.has(nat.at));
      const host = scenario.hosts.find((one) => `${addressOf(one)}/32` === nat.local);
      t.truthy(host, `${nat.local} is nobody's address`);
    }
    for (const ready of scenario.ready) t.truthy(hostNamed(scenario, ready.from), ready.from);
  });
}

test('the ways of firewalls and the uplinks of nodes are cables or switches of their own, with a gateway there', (t) => {
  let ways = 0;
  for (const scenario of SCENARIOS) {
    for (const host of scenario.hosts) {
      const uplinks = host.firewall?.ways ?? host.node?.uplinks ?? [];
      const segments = uplinks.map(
        ({ device }) => host.interfaces.find(({ name }) => name === device)?.segment,
      );
      t.is(new Set(segments).size, uplinks.length, host.name);
      for (const [place, uplink] of uplinks.entries()) {
        const gateway = uplink.gateway ?? host.routes.find(({ to }) => to === 'default')?.via;
        if (gateway === undefined) continue;
        const segment = scenario.segments.find(({ name }) => name === segments[place])!;
        const there = attachments(scenario, segment).map((one) => one.interface.address.split('/')[0]);
        t.true(there.includes(gateway), `${host.name} ${uplink.name}`);
        ways++;
      }
    }
  }
  t.true(ways > 20);
});

test('every published layout of two ISPs is a scenario', (t) => {
  const layouts = ['single-behind-firewall', 'single-interface', 'cluster-behind-firewall', 'cluster-direct'];
  for (const name of [...layouts, 'cluster-dmz', 'cluster-mixed'])
    t.truthy(scenarioNamed(`wan-${name}`), name);
});

test('ha-edge-to-aws has the published routes and inside NATs', (t) => {
  const { overlay } = scenarioNamed('ha-edge-to-aws')!;
  t.is(overlay.cidr, '10.100.0.0/16');
  t.deepEqual(
    overlay.routes.map((route) => `${route.cidr} ${route.to}`),
    [
      '10.100.100.0/24 AWSCluster',
      '10.100.10.0/24 EdgeCluster1',
      '10.100.20.0/24 EdgeCluster2',
      '10.100.30.0/24 EdgeCluster3',
    ],
  );
  t.deepEqual(
    overlay.insideNat.map((nat) => `${nat.local} ${nat.network} ${nat.at}`),
    [
      '192.168.10.15/32 10.100.100.15/32 AWSCluster',
      '172.16.10.15/32 10.100.10.15/32 EdgeCluster1',
      '172.16.20.15/32 10.100.20.15/32 EdgeCluster2',
      '172.16.20.20/32 10.100.20.20/32 EdgeCluster2',
      '172.16.30.15/32 10.100.30.15/32 EdgeCluster3',
    ],
  );
});
