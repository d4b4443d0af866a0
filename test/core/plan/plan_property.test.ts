/**
 * Random hosts and random wishes: carrying the plan out on a model of the host gives what was wished, entries of
 * others stay as they were, and at no moment is a prefix without a route that had one before and has one after.
 */
import test from 'ava';
import fc from 'fast-check';
import {
  addressKey,
  type DesiredHost,
  type HostAddress,
  type HostRoute,
  type HostRule,
  OWN_PROTOCOL,
  routeIdentity,
  routeKey,
  ruleIdentity,
} from '../../../src/core/plan/host.js';
import { planHost, planUndo } from '../../../src/core/plan/plan.js';
import { bring, execute } from './fixtures.js';
import { ModelHost, type Owned } from './model.js';

const DEVICES = ['ts-lan', 'ts-wan', 'eth1'];
const KEYS = [
  'net/ipv4/ip_forward',
  'net/ipv4/conf/eth1/send_redirects',
  'net/ipv6/conf/ts-lan/disable_ipv6',
];
const OWN_ADDRESSES = ['172.16.10.215/32', '172.16.10.216/32'];

const device = fc.constantFrom(...DEVICES);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const clean = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;

const link = fc.record({
  mtu: fc.constantFrom(1280, 1408),
  txQueueLength: fc.constantFrom(500, 1000),
  up: fc.boolean(),
});
const links = fc
  .tuple(link, link, link)
  .map((properties) => properties.map((property, index) => ({ device: DEVICES[index], ...property })));
const ownAddress = fc
  .record({
    device,
    address: fc.constantFrom(...OWN_ADDRESSES),
    lifetimeSeconds: maybe(fc.constantFrom(2, 8)),
  })
  .map(clean) as fc.Arbitrary<HostAddress>;
const route = fc
  .record({
    prefix: fc.constantFrom('0.0.0.0/0', '10.100.0.0/16', '10.100.1.0/24', 'fd00::/64', '::/0'),
    device,
    via: maybe(fc.constantFrom('172.16.10.1', '172.16.10.2')),
    table: maybe(fc.constantFrom(84, 85)),
    metric: maybe(fc.constantFrom(10, 20)),
    source: maybe(fc.constant('172.16.10.200')),
    type: maybe(fc.constant('unreachable')),
  })
  .map(({ type, ...way }) =>
    clean(type ? { ...way, device: undefined, via: undefined, source: undefined, type } : way),
  ) as fc.Arbitrary<HostRoute>;
const rule = fc
  .record({
    family: fc.constantFrom(4, 6),
    priority: fc.constantFrom(8400, 8401),
    iif: maybe(device),
    mark: maybe(fc.constantFrom(1, 2)),
    table: fc.constantFrom(84, 85),
  })
  .map(clean) as fc.Arbitrary<HostRule>;
const nft = maybe(fc.constantFrom('table inet twinspan { }', 'table inet twinspan { chain a { } }'));
const value = fc.constantFrom('0', '1');

const desiredArbitrary: fc.Arbitrary<DesiredHost> = fc.record({
  links: links.map((all) => all.map((one) => ({ ...one, up: true }))),
  addresses: fc.uniqueArray(ownAddress, { selector: addressKey, maxLength: 3 }),
  routes: fc.uniqueArray(route, { selector: routeKey, maxLength: 6 }),
  rules: fc.uniqueArray(rule, { selector: ruleIdentity, maxLength: 4 }),
  sysctls: fc.tuple(value, value, value).map((values) => values.map((v, i) => ({ key: KEYS[i], value: v }))),
  nft,
  ownAddresses: fc.constant(OWN_ADDRESSES),
});

const protocol = fc.constantFrom(OWN_PROTOCOL, 4);

const hostArbitrary: fc.Arbitrary<ModelHost> = fc
  .record({
    links,
    addresses: fc.uniqueArray(ownAddress, { selector: addressKey, maxLength: 3 }),
    routes: fc.uniqueArray(fc.tuple(route, protocol), { selector: ([r]) => routeKey(r), maxLength: 6 }),
    rules: fc.uniqueArray(fc.tuple(rule, protocol), {
      selector: ([r, p]) => ruleIdentity(r) + p,
      maxLength: 4,
    }),
    sysctls: fc.tuple(value, value, value),
    nft,
  })
  .map((seen) => {
    const host = new ModelHost();
    host.links = seen.links;
    host.addresses = [{ device: 'eth1', address: '172.16.10.200/24' }, ...seen.addresses];
    host.routes = seen.routes.map(([r, p]) => ({ ...r, protocol: p }));
    host.rules = seen.rules.map(([r, p]) => ({ ...r, protocol: p }));
    for (const [index, key] of KEYS.entries()) host.sysctls.set(key, seen.sysctls[index]);
    host.sysctls.set('kernel/panic', '7');
    host.tables.set('filter', 'table inet filter { }');
    if (seen.nft !== undefined) host.tables.set('twinspan', seen.nft);
    return host;
  });

/** A wish may not collide with an entry of others: that is refused, and tested elsewhere. */
function withoutCollisions(desired: DesiredHost, host: ModelHost): DesiredHost {
  const taken = new Set(host.routes.filter((r) => r.protocol !== OWN_PROTOCOL).map(routeKey));
  return { ...desired, routes: desired.routes.filter((r) => !taken.has(routeKey(r))) };
}

test('a plan leads from any state to any wish, in one go, and touches nothing of others', (t) => {
  fc.assert(
    fc.property(hostArbitrary, desiredArbitrary, (host, wish) => {
      const desired = withoutCollisions(wish, host);
      const foreign = host.foreign(desired);
      bring(desired, host);
      const result = host.observe(desired);
      t.deepEqual(planHost(desired, result), []);
      t.deepEqual(
        result.routes.map((r) => routeIdentity(r)).sort(),
        desired.routes.map((r) => routeIdentity(r)).sort(),
      );
      t.deepEqual(result.rules.map(ruleIdentity).sort(), desired.rules.map(ruleIdentity).sort());
      t.deepEqual(result.addresses.map(addressKey).sort(), desired.addresses.map(addressKey).sort());
      t.is(result.nft, desired.nft);
      t.is(host.foreign(desired), foreign);
    }),
    { numRuns: 1000 },
  );
});

const routed = (routes: readonly Owned<HostRoute>[]) =>
  new Set(routes.map((r) => `${r.prefix} ${r.table ?? 254}`));

test('no prefix that is routed before and after is unrouted in between', (t) => {
  fc.assert(
    fc.property(hostArbitrary, desiredArbitrary, (host, wish) => {
      const desired = withoutCollisions(wish, host);
      const before = routed(host.routes);
      const steps = planHost(desired, host.observe(desired));
      const snapshots = steps.map((step) => {
        execute([step], host);
        return routed(host.routes);
      });
      const after = routed(host.routes);
      for (const prefix of before) {
        if (after.has(prefix)) t.true(snapshots.every((snapshot) => snapshot.has(prefix)));
      }
    }),
    { numRuns: 500 },
  );
});

test('a plan cut short anywhere leaves a state from which the next plan goes on', (t) => {
  fc.assert(
    fc.property(hostArbitrary, desiredArbitrary, fc.nat(30), (host, wish, cut) => {
      const desired = withoutCollisions(wish, host);
      execute(planHost(desired, host.observe(desired)).slice(0, cut), host);
      bring(desired, host);
      t.deepEqual(planHost(desired, host.observe(desired)), []);
    }),
    { numRuns: 500 },
  );
});

test('undo leaves nothing of ours and the old sysctls, whatever was applied', (t) => {
  fc.assert(
    fc.property(hostArbitrary, desiredArbitrary, (host, wish) => {
      const desired = withoutCollisions(wish, host);
      const foreign = host.foreign(desired);
      const sysctls = JSON.stringify([...host.sysctls]);
      const changes = bring(desired, host).flatMap((step) => step.change ?? []);
      execute(planUndo(host.observe(desired), changes), host);
      const left = host.observe(desired);
      t.deepEqual([left.routes, left.rules, left.addresses, left.nft], [[], [], [], undefined]);
      t.is(JSON.stringify([...host.sysctls]), sysctls);
      t.is(host.foreign(desired), foreign);
    }),
    { numRuns: 500 },
  );
});
