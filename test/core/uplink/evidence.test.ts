/** What follows from the evidence of one moment: a table of cases, and a property over all of them. */
import test from 'ava';
import fc from 'fast-check';
import { type Evidence, judge, type LinkFacts, type PeerReach } from '../../../src/core/uplink/evidence.js';

const LINK: LinkFacts = {
  present: true,
  up: true,
  carrier: true,
  addresses: ['198.51.100.2/24'],
  gateways: ['198.51.100.1'],
};
const WELL: Evidence = {
  device: 'eth0',
  link: LINK,
  gatewaySilent: false,
  gatewayAnswers: false,
  peers: [],
  probes: new Map(),
};

function peer(name: string, change: Partial<PeerReach> = {}): PeerReach {
  return { name, state: 'up', proven: true, overdue: true, elsewhere: undefined, ...change };
}
const up = peer('aws-a');
const lost = peer('aws-a', { state: 'down' });
const lostToo = peer('aws-b', { state: 'down' });
const lostHere = peer('aws-a', { state: 'down', elsewhere: 'isp2' });
const poor = peer('aws-b', { state: 'degraded' });
const never = peer('aws-c', { state: 'down', proven: false });
const probes = (...values: (boolean | undefined)[]) =>
  new Map(values.map((value, i) => [`probe${i}`, value]));

/** Title, evidence, state, and the reasons as texts. */
const CASES: [string, Partial<Evidence>, string, string[]][] = [
  ['all is well', { peers: [up] }, 'up', []],
  ['nothing is known', {}, 'up', []],
  [
    'no device',
    { link: { ...LINK, present: false, up: false, carrier: false }, peers: [lost] },
    'DOWN',
    ['device-missing: the device eth0 does not exist'],
  ],
  [
    'set down',
    { link: { ...LINK, up: false, carrier: false } },
    'DOWN',
    ['device-down: the device eth0 is set down'],
  ],
  [
    'no carrier',
    { link: { ...LINK, carrier: false }, peers: [up] },
    'DOWN',
    ['no-carrier: eth0 has no carrier'],
  ],
  ['no address', { link: { ...LINK, addresses: [] } }, 'DOWN', ['no-address: eth0 has no address']],
  [
    'the configured address is not there',
    { link: { ...LINK, lacks: '198.51.100.9' } },
    'DOWN',
    ['no-address: eth0 does not have the configured address 198.51.100.9'],
  ],
  [
    'the gateway answers, and nothing beyond it does',
    { gatewayAnswers: true, peers: [lostHere], probes: probes(false) },
    'down',
    [
      'paths-down: aws-a cannot be reached by it, though aws-a is by isp2; its gateway answers: the fault is beyond it',
      'probes-failed: no answer from probe0',
    ],
  ],
  ['the gateway answers, and all is well', { gatewayAnswers: true, peers: [up] }, 'up', []],
  ['no gateway', { link: { ...LINK, gateways: [] } }, 'degraded', ['no-gateway: eth0 has no default route']],
  [
    'the gateway is silent and nothing else is known',
    { gatewaySilent: true },
    'down',
    ['gateway-silent: the gateway 198.51.100.1 does not answer'],
  ],
  [
    'the gateway is silent, and no peer answers: the cause goes first',
    { gatewaySilent: true, peers: [lostHere] },
    'down',
    [
      'gateway-silent: the gateway 198.51.100.1 does not answer',
      'paths-down: aws-a cannot be reached by it, though aws-a is by isp2',
    ],
  ],
  ['the gateway is silent, but a path works', { gatewaySilent: true, peers: [up] }, 'up', []],
  [
    'one peer is silent, and nobody can say whose fault it is',
    { peers: [lost] },
    'degraded',
    ['paths-down: aws-a cannot be reached by it'],
  ],
  [
    'one peer is silent here and answers elsewhere',
    { peers: [lostHere] },
    'down',
    ['paths-down: aws-a cannot be reached by it, though aws-a is by isp2'],
  ],
  [
    'all peers are silent',
    { peers: [lost, lostToo] },
    'down',
    ['paths-down: aws-a, aws-b cannot be reached by it'],
  ],
  [
    'all peers are silent, but the internet answers',
    { peers: [lost, lostToo], probes: probes(true, false) },
    'degraded',
    ['paths-down: aws-a, aws-b cannot be reached by it', 'some-probes-failed: no answer from probe1'],
  ],
  ['a peer that never answered proves nothing', { peers: [never] }, 'up', []],
  [
    'a peer that never answered here, and does elsewhere',
    { peers: [{ ...never, elsewhere: 'isp2' }] },
    'down',
    ['paths-down: aws-c cannot be reached by it, though aws-c is by isp2'],
  ],
  [
    'the same, but it was only just tried',
    { peers: [{ ...never, elsewhere: 'isp2', overdue: false }] },
    'up',
    [],
  ],
  ['a dead peer among living ones', { peers: [peer('aws-b'), lost] }, 'up', []],
  [
    'a peer is silent here alone, among living ones',
    { peers: [peer('aws-b'), lostHere] },
    'degraded',
    ['some-paths-down: aws-a cannot be reached by it, though aws-a is by isp2'],
  ],
  ['half of the paths are poor', { peers: [up, poor] }, 'up', []],
  [
    'more than half are poor',
    { peers: [poor] },
    'degraded',
    ['paths-degraded: packets to aws-b are lost or late'],
  ],
  [
    'many are poor',
    { peers: ['a', 'b', 'c', 'd', 'e'].map((name) => peer(name, { state: 'degraded' })) },
    'degraded',
    ['paths-degraded: packets to a, b, c and 2 more are lost or late'],
  ],
  ['a probe is not known yet', { probes: probes(undefined) }, 'up', []],
  [
    'every probe fails',
    { probes: probes(false, false) },
    'down',
    ['probes-failed: no answer from probe0, probe1'],
  ],
  [
    'every probe fails, but a path works',
    { probes: probes(false), peers: [up] },
    'degraded',
    ['probes-failed: no answer from probe0'],
  ],
  [
    'an uplink without a device is judged by paths alone',
    {
      device: undefined,
      link: { ...LINK, present: false, addresses: [], gateways: [] },
      gatewaySilent: true,
    },
    'up',
    [],
  ],
  [
    'the worst stands first',
    { link: { ...LINK, gateways: [] }, peers: [lost, lostToo] },
    'down',
    ['paths-down: aws-a, aws-b cannot be reached by it', 'no-gateway: eth0 has no default route'],
  ],
];

for (const [title, change, state, reasons] of CASES) {
  test(title, (t) => {
    const verdict = judge({ ...WELL, ...change });
    t.is(verdict.hard ? verdict.state.toUpperCase() : verdict.state, state);
    t.deepEqual(
      verdict.reasons.map(({ code, text }) => `${code}: ${text}`),
      reasons,
    );
  });
}

const peerArbitrary = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  state: fc.constantFrom('up' as const, 'degraded' as const, 'down' as const),
  proven: fc.boolean(),
  overdue: fc.boolean(),
  elsewhere: fc.option(fc.constant('isp2'), { nil: undefined }),
});

test('property: a path that works keeps an uplink from being down, and more evidence against never helps', (t) => {
  fc.assert(
    fc.property(
      fc.array(peerArbitrary, { maxLength: 4 }),
      fc.array(fc.option(fc.boolean(), { nil: undefined }), { maxLength: 3 }),
      fc.boolean(),
      (peers, works, gatewaySilent) => {
        const evidence = { ...WELL, peers, probes: probes(...works), gatewaySilent };
        const { state, reasons } = judge(evidence);
        if (peers.some((one) => one.state === 'up')) t.not(state, 'down');
        t.is(state === 'up', reasons.length === 0);
        const order = ['up', 'degraded', 'down'];
        const worse = judge({ ...evidence, gatewaySilent: true });
        t.true(order.indexOf(worse.state) >= order.indexOf(state));
        t.is(judge({ ...evidence, link: { ...LINK, carrier: false } }).hard, true);
      },
    ),
  );
});
