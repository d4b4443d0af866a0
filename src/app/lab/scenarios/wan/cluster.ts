/**
 * Pairs of nodes whose WANs lead to different networks: each member has an ISP of its own, directly or behind a firewall, or
 * both members have both ISPs. The LAN alone joins the members.
 */
import type { Host, Scenario, Segment } from '../../scenario.js';
import {
  cablesOf,
  direct,
  firewallOf,
  HUB_HOSTS,
  HUB_SEGMENTS,
  ispOf,
  lineOf,
  memberOf,
  overlayOf,
  PAIR,
  PAIR_HOSTS,
  READY,
  SITE,
  suggestionsFor,
  type Wan,
} from './surroundings.js';

const LAN: Segment = { name: 'lan', kind: 'switch' };

type Failures = Parameters<typeof suggestionsFor>[1];

function scenarioOf(
  name: string,
  title: string,
  segments: readonly Segment[],
  hosts: readonly Host[],
  failures: Failures,
): Scenario {
  return {
    name,
    title,
    segments: [...HUB_SEGMENTS, LAN, ...segments],
    hosts: [...HUB_HOSTS, ...hosts, ...PAIR_HOSTS],
    overlay: overlayOf(PAIR, `${SITE}.15`),
    ready: READY,
    suggestions: [
      ...suggestionsFor('edge-a', failures),
      { about: 'who is active, and why', command: 'exec edge-b -- twinspan cluster' },
    ],
  };
}

export const wanClusterDirect: Scenario = scenarioOf(
  'wan-cluster-direct',
  'first member = ISP 1, second member = ISP 2, public addresses, no DMZ',
  [...cablesOf('isp1', 'edge-a'), ...cablesOf('isp2', 'edge-b')],
  [
    ispOf('isp1', 'edge-a'),
    ispOf('isp2', 'edge-b'),
    memberOf('edge-a', [direct('isp1', 'edge-a')], 'first member, public address of ISP 1'),
    memberOf('edge-b', [direct('isp2', 'edge-b')], 'second member, public address of ISP 2'),
  ],
  [
    ['ISP 1 loses its carrier: the second member takes over', 'isp:isp1'],
    ['ISP 1 forwards nothing and says nothing', 'isp:isp1:silent'],
  ],
);

/** A DMZ of its own and the member's place in it. */
function dmz(number: 1 | 2): { firewall: { segment: string; address: string }; wan: Wan } {
  const segment = `dmz${number}`;
  const address = `10.0.${number}.1`;
  return {
    firewall: { segment, address },
    wan: { segment, address: `10.0.${number}.11/24`, gateway: address, uplink: segment },
  };
}

export const wanClusterDmz: Scenario = scenarioOf(
  'wan-cluster-dmz',
  'first member → DMZ 1 → firewall 1 ⇒ ISP 1; second member → DMZ 2 → firewall 2 ⇒ ISP 2',
  [
    { name: 'dmz1', kind: 'switch' },
    { name: 'dmz2', kind: 'switch' },
    ...cablesOf('isp1', 'fw1'),
    ...cablesOf('isp2', 'fw2'),
  ],
  [
    ispOf('isp1', 'fw1'),
    ispOf('isp2', 'fw2'),
    firewallOf('fw1', dmz(1).firewall, [{ isp: 'isp1' }]),
    firewallOf('fw2', dmz(2).firewall, [{ isp: 'isp2' }]),
    memberOf('edge-a', [dmz(1).wan], 'first member, private address in DMZ 1'),
    memberOf('edge-b', [dmz(2).wan], 'second member, private address in DMZ 2'),
  ],
  [
    ['firewall 1 dies', 'firewall:fw1'],
    ['the switch of DMZ 1 dies', 'switch:dmz1'],
    ['ISP 1 forwards nothing and says nothing', 'isp:isp1:silent'],
  ],
);

export const wanClusterMixed: Scenario = scenarioOf(
  'wan-cluster-mixed',
  'first member → DMZ 1 → firewall 1 ⇒ ISP 1 (private address); second member = ISP 2 (public address)',
  [{ name: 'dmz1', kind: 'switch' }, ...cablesOf('isp1', 'fw1'), ...cablesOf('isp2', 'edge-b')],
  [
    ispOf('isp1', 'fw1'),
    ispOf('isp2', 'edge-b'),
    firewallOf('fw1', dmz(1).firewall, [{ isp: 'isp1' }]),
    memberOf('edge-a', [dmz(1).wan], 'first member, private address in DMZ 1'),
    memberOf('edge-b', [direct('isp2', 'edge-b')], 'second member, public address of ISP 2', [
      `${lineOf('isp2', 'edge-b').address.split('/')[0]}:51820`,
    ]),
  ],
  [
    ['firewall 1 dies', 'firewall:fw1'],
    ['ISP 2 forwards nothing and says nothing', 'isp:isp2:silent'],
  ],
);

const MEMBERS = ['edge-a', 'edge-b'] as const;

export const wanDualUplink: Scenario = scenarioOf(
  'wan-dual-uplink',
  'each member has both ISPs, ISP 1 preferred',
  [...cablesOf('isp1', ...MEMBERS), ...cablesOf('isp2', ...MEMBERS)],
  [
    ispOf('isp1', ...MEMBERS),
    ispOf('isp2', ...MEMBERS),
    ...MEMBERS.map((name, place) =>
      memberOf(
        name,
        [direct('isp1', name, place), direct('isp2', name, place)],
        `${place === 0 ? 'first' : 'second'} member, public addresses of both ISPs`,
      ),
    ),
  ],
  [
    ['ISP 1 loses its carrier: both members go to ISP 2, no role moves', 'isp:isp1'],
    ['a brown-out: ISP 1 loses 30 % of all packets', 'isp:isp1:loss'],
    ['one cable of one member', 'link:edge-a/wan'],
  ],
);
