/** Peers by number, the endpoints they are dialled at, and the path slots in which workers find them. */
import test from 'ava';
import fc from 'fast-check';
import { Dialler } from '../../../src/app/control/dialler.js';
import { Directory, SPARE, targetCount, targetNumber } from '../../../src/app/control/directory.js';
import { createLogger } from '../../../src/app/control/log.js';
import { createSharedTables, PathSlots } from '../../../src/app/control/tables.js';
import { encodeEndpoint, endpointAddress, endpointPort } from '../../../src/core/base/endpoint.js';
import { parseAddress } from '../../../src/core/config/address.js';
import {
  configurationOf,
  EXTERNAL_NETWORK,
  EXTERNAL_NODE,
  edit,
  SEED_NETWORK,
  SEED_NODE,
  testKey,
} from '../../support/seed_config.js';

const numbersOf = (directory: Directory) =>
  Object.fromEntries([...directory.all].map(({ node, number }) => [node.name, number]));

const AWS_NODE = edit(SEED_NODE, 'node: edge1-a', 'node: aws-a');

test('an edge can meet whoever has endpoints, and its partner over the LAN', (t) => {
  const directory = new Directory(configurationOf());
  t.deepEqual(
    [...directory.all].map(({ node, endpoints, partner }) => [node.name, endpoints.length, partner]),
    [
      ['aws-a', 1, false],
      ['aws-b', 1, false],
      ['edge1-b', 1, true],
    ],
  );
  t.is([...directory.all].find(({ partner }) => partner)?.endpoints[0].host, '172.16.10.201');
});

test('a node with endpoints can be met by all, also by those it cannot dial', (t) => {
  const directory = new Directory(configurationOf(SEED_NETWORK, AWS_NODE));
  t.is([...directory.all].length, 7);
  t.is([...directory.all].filter(({ endpoints }) => endpoints.length === 0).length, 6);
});

test('a number belongs to a key: nodes that are added, removed, renamed or moved disturb no other', (t) => {
  const directory = new Directory(configurationOf());
  const before = numbersOf(directory);
  const without = edit(
    edit(SEED_NETWORK, 'members: [aws-a, aws-b]', 'members: [aws-b]'),
    `  aws-a:   { publicKey: "${testKey(1)}", endpoints: ["aws-a.example.net:51820"] }\n`,
    '',
  );
  directory.update(configurationOf(without));
  t.deepEqual(numbersOf(directory), { 'aws-b': before['aws-b'], 'edge1-b': before['edge1-b'] });
  t.is(directory.get(before['aws-a']), undefined);
  const renamed = SEED_NETWORK.replaceAll('aws-b', 'aws-z');
  directory.update(configurationOf(renamed));
  t.deepEqual(numbersOf(directory), {
    'aws-a': before['aws-a'],
    'aws-z': before['aws-b'],
    'edge1-b': before['edge1-b'],
  });
  directory.update(configurationOf(edit(SEED_NETWORK, testKey(1), testKey(77))));
  t.false(Object.values(before).includes(numbersOf(directory)['aws-a']), 'a new key is a new peer');
});

test('an external peer has a number and a target with the members that serve it, and is nobody elsewhere', (t) => {
  const configuration = configurationOf(EXTERNAL_NETWORK, EXTERNAL_NODE);
  const directory = new Directory(configuration);
  const [{ number, target, external }] = directory.externals;
  t.deepEqual([external.name, number, target], ['branch', 3, 5]);
  t.is(directory.nameOf(number), 'branch');
  t.is(directory.nameOf(0), 'aws-a');
  t.is(directory.get(number), undefined, 'it is none of our nodes');
  t.is(targetCount(configuration), 6);
  t.is(targetNumber(configuration, configuration.routes[0]), 5);
  const elsewhere = configurationOf(EXTERNAL_NETWORK, AWS_NODE);
  t.deepEqual(new Directory(elsewhere).externals, []);
  t.is(targetNumber(elsewhere, elsewhere.routes[0]), 1);
  directory.update(configurationOf());
  t.deepEqual(directory.externals, []);
});

test('room for new peers is known before they come', (t) => {
  const directory = new Directory(configurationOf());
  const key = (n: number) => Buffer.from(Uint8Array.of(...new Uint8Array(30), n >> 8, n)).toString('base64');
  const withMore = (count: number) => {
    const names = Array.from({ length: count }, (_, n) => `more${n}`);
    const nodes = names.map(
      (name, n) => `  ${name}: { publicKey: "${key(n + 1)}", endpoints: ["192.0.2.1:9"] }\n`,
    );
    const cluster = names.map((name) => `  C${name}: { members: [${name}] }\n`);
    const text = edit(SEED_NETWORK, 'nodes:\n', `${cluster.join('')}nodes:\n${nodes.join('')}`);
    return configurationOf(text);
  };
  const room = directory.capacity - [...directory.all].length;
  t.true(room >= SPARE);
  t.true(directory.hasRoomFor(withMore(room)));
  t.false(directory.hasRoomFor(withMore(room + 1)));
  directory.update(withMore(room));
  t.true(directory.hasRoomFor(withMore(room)), 'known peers need no room');
  t.is(Math.max(...Object.values(numbersOf(directory))), directory.capacity - 1);
});

const endpoint = (host: string, port: number) => ({ host, port, address: parseAddress(host) });
const log = createLogger('silent', 'test');
const shown = (record: Uint8Array | undefined) =>
  record && `${endpointAddress(record).join('.')}:${endpointPort(record)}/${record[1]}`;

test('endpoints get their turn one after another', (t) => {
  const dialler = new Dialler(
    log,
    () => 0,
    () => {},
  );
  t.is(dialler.next(1), undefined);
  dialler.set(1, [], 0);
  t.is(dialler.next(1), undefined, 'it dials us');
  const at = (host: string) => endpoint(host, 51_820);
  dialler.set(1, [at('192.0.2.1'), at('192.0.2.2'), at('192.0.2.3')], 2);
  t.deepEqual(
    Array.from({ length: 5 }, () => shown(dialler.next(1))),
    [1, 2, 3, 1, 2].map((host) => `192.0.2.${host}:51820/2`),
  );
  dialler.set(1, [at('192.0.2.9')], 0);
  t.is(shown(dialler.next(1)), '192.0.2.9:51820/0');
  dialler.delete(1);
  t.is(dialler.next(1), undefined);
});

test('a name that does not resolve is passed over', (t) => {
  const dialler = new Dialler(
    log,
    () => 0,
    () => {},
  );
  const hosts = ['nowhere.invalid', '192.0.2.1', 'nowhere-else.invalid'];
  dialler.set(
    1,
    hosts.map((host) => endpoint(host, 7)),
    0,
  );
  for (let i = 0; i < 4; i++) t.is(shown(dialler.next(1)), '192.0.2.1:7/0');
  dialler.set(2, [endpoint('nowhere.invalid', 7)], 0);
  t.is(dialler.next(2), undefined);
});

test('a name is dialled once it has resolved', async (t) => {
  const dialler = new Dialler(
    log,
    () => 0,
    () => {},
  );
  dialler.set(1, [endpoint('localhost', 7)], 0);
  for (let tries = 0; tries < 500 && dialler.next(1) === undefined; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.regex(String(shown(dialler.next(1))), /^(127\.0\.0\.1|0(\.0){14}\.1):7\/0$/);
});

test('path slots: the published record is found whole, and its slot is not the one in use before', (t) => {
  const record = fc
    .tuple(fc.nat(2), fc.nat(5), fc.integer({ min: 1, max: 3 }))
    .map(([peer, host, port]) => ({ peer, record: encodeEndpoint(Uint8Array.of(192, 0, 2, host), port, 0) }));
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60 }), (publications) => {
      const tables = createSharedTables(3, 1);
      const paths = new PathSlots(tables);
      const model = new Map<number, Uint8Array>();
      for (const publication of publications) {
        const { peer } = publication;
        const slot = tables.peers.path[peer];
        const old = model.get(peer);
        const same = old !== undefined && shown(old) === shown(publication.record);
        t.is(paths.publish(peer, publication.record), !same);
        if (same) t.is(tables.peers.path[peer], slot);
        else t.not(tables.peers.path[peer], slot);
        // A worker that still reads the old slot finds the old endpoint.
        if (old !== undefined) t.deepEqual(tables.paths.slice(slot * 32, slot * 32 + 32), old);
        model.set(peer, publication.record);
        for (const [other, expected] of model) t.deepEqual(paths.current(other)?.slice(), expected);
      }
      for (let peer = 0; peer < 3; peer++) if (!model.has(peer)) t.is(paths.current(peer), undefined);
    }),
  );
});
