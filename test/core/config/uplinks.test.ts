/** What is refused of uplinks and their probes. */
import test from 'ava';
import { formatProblem } from '../../../src/core/config/problem.js';
import { edit, loadTexts, SEED_NETWORK, SEED_NODE } from '../../support/seed_config.js';

/** What was done to the seed's node.yaml, and what is said about it. */
const CASES: [title: string, from: string, to: string, said: string][] = [
  [
    'two uplinks of one name',
    'cost: 10 } ]',
    'cost: 10 }, { name: isp1, device: eth2 } ]',
    "6:60: uplinks[1].name: uplink 'isp1' is named twice.",
  ],
  [
    'two uplinks on one device',
    'cost: 10 } ]',
    'cost: 10 }, { name: isp2, device: eth0 } ]',
    "6:74: uplinks[1].device: 'eth0' is also the device of uplink 'isp1'. Two ISPs behind one device are told apart by their router, not here.",
  ],
  [
    'one of several uplinks without a device',
    'cost: 10 } ]',
    'cost: 10 }, { name: isp2 } ]',
    "6:52: uplinks[1]: uplink 'isp2' has no device, and is one of several. Name its device.",
  ],
  [
    'an uplink on a TUN device of our own',
    'device: eth0, cost: 10',
    'device: ts-wan, cost: 10',
    "6:34: uplinks[0].device: 'ts-wan' is a TUN device of Twinspan itself.",
  ],
  [
    'a gateway without a device',
    'device: eth0, cost: 10',
    'gateway: 192.0.2.1, cost: 10',
    "6:35: uplinks[0].gateway: uplink 'isp1' has a gateway but no device. Name its device.",
  ],
  [
    'a probe that asks nobody',
    'cost: 10 } ]',
    'cost: 10, probes: [ {} ] } ]',
    '6:60: uplinks[0].probes[0]: asks nobody. Write ping: ADDRESS, tcp: ADDRESS:PORT, or dns: ADDRESS.',
  ],
  [
    'a probe that asks two things',
    'cost: 10 } ]',
    'cost: 10, probes: [ { ping: 192.0.2.7, dns: 192.0.2.7 } ] } ]',
    '6:60: uplinks[0].probes[0]: asks more than one thing. Write ping: ADDRESS, tcp: ADDRESS:PORT, or dns: ADDRESS.',
  ],
  [
    'a probe that needs DNS before it can ask',
    'cost: 10 } ]',
    'cost: 10, probes: [ { tcp: "example.com:443" } ] } ]',
    '6:67: uplinks[0].probes[0].tcp: must be address:port or [IPv6 address]:port.',
  ],
  [
    'a name for a probe that is no DNS probe',
    'cost: 10 } ]',
    'cost: 10, probes: [ { ping: 192.0.2.7, name: example.com } ] } ]',
    '6:85: uplinks[0].probes[0].name: only a dns probe has a name.',
  ],
];

for (const [title, from, to, said] of CASES) {
  test(`refused: ${title}`, (t) => {
    const loaded = loadTexts(SEED_NETWORK, edit(SEED_NODE, from, to));
    t.deepEqual(loaded.ok ? [] : loaded.problems.map(formatProblem), [`/etc/twinspan/node.yaml:${said}`]);
  });
}
