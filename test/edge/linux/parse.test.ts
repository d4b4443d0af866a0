import test from 'ava';
import fc from 'fast-check';
import {
  parseAddresses,
  parseArrays,
  parseLinks,
  parseRoutes,
  parseRules,
} from '../../../src/edge/linux/parse.js';

/** As printed by iproute2 6.1 with -N -j -d, shortened. */
const ADDR =
  '[{"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"txqlen":1000,"addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"254","valid_life_time":4294967295}]},' +
  '{"ifname":"eth1","flags":["BROADCAST"],"mtu":1500,"txqlen":1000,"addr_info":[{"family":"inet","local":"172.16.10.200","prefixlen":24,"scope":"0","valid_life_time":4294967295},' +
  '{"family":"inet","local":"172.16.10.215","prefixlen":32,"scope":"0","valid_life_time":2},' +
  '{"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"253","tentative":true,"valid_life_time":4294967295}]}]\n';
const ROUTES4 =
  '[{"type":"1","dst":"10.98.0.0/16","gateway":"172.16.10.1","dev":"eth1","table":"100","scope":"0","flags":[]},' +
  '{"type":"1","dst":"default","dev":"ts-lan","table":"254","prefsrc":"172.16.10.200","metric":5,"flags":["linkdown"]},' +
  '{"type":"1","dst":"10.100.10.15","dev":"ts-lan","table":"254"},' +
  '{"type":"7","dst":"10.97.0.0/16","table":"254","metric":7,"flags":[]}]\n';
const RULES6 =
  '[{"priority":0,"src":"all","table":"255","protocol":"2"},{"priority":8401,"src":"all","dst":"fd00::","dstlen":16,"table":"1000","protocol":"84"},' +
  '{"priority":8402,"src":"fd00::1","iif":"ts-wan","iif_detached":null,"fwmark":"0x54","table":"100","protocol":"84"}]\n';

function one(text: string) {
  const arrays = parseArrays(text);
  if (arrays?.length !== 1) throw new Error('one array expected');
  return arrays[0];
}

test('links and addresses of ip', (t) => {
  t.deepEqual(parseLinks(one(ADDR)), [
    { device: 'lo', mtu: 65536, txQueueLength: 1000, up: true },
    { device: 'eth1', mtu: 1500, txQueueLength: 1000, up: false },
  ]);
  const base = { family: 4, global: true, secondary: false } as const;
  t.deepEqual(parseAddresses(one(ADDR)), [
    { ...base, device: 'lo', address: '127.0.0.1/8', global: false, scope: 'host' },
    { ...base, device: 'eth1', address: '172.16.10.200/24' },
    { ...base, device: 'eth1', address: '172.16.10.215/32', lifetimeSeconds: 2 },
    { ...base, device: 'eth1', address: 'fe80::1/64', family: 6, global: false },
  ]);
});

test('routes of ip: default, host routes, tables, types', (t) => {
  t.deepEqual(parseRoutes(one(ROUTES4), 4), [
    { prefix: '10.98.0.0/16', device: 'eth1', via: '172.16.10.1', table: 100 },
    { prefix: '0.0.0.0/0', device: 'ts-lan', metric: 5, source: '172.16.10.200' },
    { prefix: '10.100.10.15/32', device: 'ts-lan' },
    { prefix: '10.97.0.0/16', metric: 7, type: 'unreachable' },
  ]);
});

test('rules of ip: only ours', (t) => {
  t.deepEqual(parseRules(one(RULES6), 6), [
    { family: 6, priority: 8401, to: 'fd00::/16', table: 1000 },
    { family: 6, priority: 8402, from: 'fd00::1/128', iif: 'ts-wan', mark: 0x54, table: 100 },
  ]);
});

test('a batch gives an array for each command; anything else is refused', (t) => {
  t.is(parseArrays('[]\n[{"a":1}]\n')?.length, 2);
  t.deepEqual(parseArrays(''), []);
  for (const bad of ['{}', '[', 'Object "x" is unknown', '[]\nnull']) t.is(parseArrays(bad), undefined);
});

test('no JSON of any shape makes a reader throw', (t) => {
  const names = [
    'ifname',
    'flags',
    'addr_info',
    'dst',
    'dev',
    'table',
    'metric',
    'priority',
    'protocol',
    'src',
    'mtu',
  ];
  const field = fc.oneof(fc.jsonValue(), fc.constantFrom('84', 84, 'all', 'default'));
  const entry = fc.dictionary(fc.constantFrom(...names), field);
  fc.assert(
    fc.property(fc.array(fc.oneof(entry, fc.jsonValue())), (value) => {
      const entries = one(JSON.stringify(value));
      t.notThrows(() => [
        parseLinks(entries),
        parseAddresses(entries),
        parseRoutes(entries, 4),
        parseRules(entries, 6),
      ]);
    }),
    { numRuns: 1000 },
  );
});
