import test from 'ava';
import { formatProblem } from '../../../src/core/config/problem.js';
import { edit, loadTexts, SEED_NETWORK, SEED_NODE } from '../../support/seed_config.js';

/** Every refusal: what was done to the seed's node.yaml, and all that is said about it. */
const NODE_CASES: [title: string, from: string, to: string, ...said: string[]][] = [
  [
    'an unknown node',
    'node: edge1-a',
    'node: edge1-c',
    "1:7: node: node 'edge1-c' is not known. Did you mean 'edge1-a'?",
  ],
  [
    'one name for two devices',
    'tun: ts-lan',
    'tun: ts-wan',
    "4:27: lan.tun: 'ts-wan' is also the name of the WAN TUN device.",
  ],
  [
    'a device name that the kernel refuses',
    'tun: ts-lan',
    'tun: a-name-that-is-too-long',
    '4:27: lan.tun: must be a network device name: 1 to 15 characters, no space, slash or colon.',
  ],
  [
    'no uplink',
    '[ { name: isp1, device: eth0, cost: 10 } ]',
    '[]',
    '6:1: uplinks: must have at least one uplink.',
  ],
  [
    'a Redis URL of another kind',
    'redis://172',
    'http://172',
    '7:15: redis.url: must be redis[s]://[user:password@]host[:port][/database] or redis[s]+sentinel://[user:password@]host[:port][,…]/master[/database].',
  ],
  [
    'a preshared key with a stranger',
    'wan: {',
    'presharedKeys: { edge9-a: x }\nwan: {',
    "5:27: presharedKeys.edge9-a: node 'edge9-a' is not known. Did you mean 'edge1-a'?",
  ],
  [
    'a preshared key with oneself',
    'wan: {',
    'presharedKeys: { edge1-a: x }\nwan: {',
    "5:27: presharedKeys.edge1-a: 'edge1-a' is this node itself, not a peer.",
  ],
  [
    'an offload switch that is no word',
    'wan: {',
    'offload: { udpGro: true }\nwan: {',
    '5:20: offload.udpGro: must be one of auto, on, off, not true.',
  ],
  [
    'true where only false has a meaning',
    'wan: {',
    'uapi: true\nwan: {',
    '5:7: uapi: must be a mapping or false, not true.',
  ],
  [
    'an unknown key inside a choice',
    'wan: {',
    'uapi: { nme: x }\nwan: {',
    "5:9: uapi.nme: is not a known key. Did you mean 'name'?",
  ],
];

for (const [title, from, to, ...said] of NODE_CASES) {
  test(`refused in node.yaml: ${title}`, (t) => {
    const loaded = loadTexts(SEED_NETWORK, edit(SEED_NODE, from, to));
    t.deepEqual(
      loaded.ok ? [] : loaded.problems.map(formatProblem),
      said.map((line) => `/etc/twinspan/node.yaml:${line}`),
    );
  });
}
