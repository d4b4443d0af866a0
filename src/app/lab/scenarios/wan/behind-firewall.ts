/**
 * Sites behind one firewall with two ISPs. The firewall decides which ISP: nodes have private addresses in its DMZ and see
 * nothing but silence when it changes its mind, and the hub sees them speak from another public address.
 */
import type { Cluster, Host, Scenario, Segment } from '../../scenario.js';
import {
  CORE,
  cablesOf,
  firewallOf,
  HUB_HOSTS,
  HUB_SEGMENTS,
  ispOf,
  memberOf,
  overlayBy,
  overlayOf,
  PAIR,
  PAIR_HOSTS,
  READY,
  SITE,
  serverOf,
  suggestionsFor,
} from './surroundings.js';

const DMZ = '10.0.1';
const A = `${DMZ}.11`;
const B = `${DMZ}.12`;

const BOTH = [{ isp: 'isp1' }, { isp: 'isp2' }] as const;
const FIREWALL = { segment: 'dmz', address: `${DMZ}.1` };

/** Everything beyond the DMZ. */
const OUTSIDE: readonly Host[] = [...HUB_HOSTS, ispOf('isp1', 'fw'), ispOf('isp2', 'fw')];

const SEGMENTS: readonly Segment[] = [
  ...HUB_SEGMENTS,
  { name: 'dmz', kind: 'switch' },
  ...cablesOf('isp1', 'fw'),
  ...cablesOf('isp2', 'fw'),
];

const WAY = { about: 'which ISP the firewall takes', command: 'exec fw -- ip route show default' };

const TRY = [
  ['ISP 1 loses its carrier: the firewall goes to ISP 2', 'isp:isp1'],
  ['ISP 1 forwards nothing and says nothing', 'isp:isp1:silent'],
] as const;

/** A site with one node: `lan` is the device that faces it. */
function edgeOf(interfaces: Host['interfaces'], lan: string): Host {
  return {
    name: 'edge',
    kind: 'node',
    interfaces,
    routes: [{ to: 'default', via: FIREWALL.address }],
    programs: [],
    node: {
      lan,
      uplinks: [{ name: 'dmz', device: 'eth0', cost: 10, ping: CORE }],
      endpoints: [],
    },
    about: 'single node of the site, private address',
  };
}

function single(site: string): Cluster {
  return { name: 'Site', place: 'site', members: ['edge'], site: `${site}.0/24` };
}

export const wanSingleBehindFirewall: Scenario = {
  name: 'wan-single-behind-firewall',
  title: 'one node → DMZ → firewall (NAT) ⇒ ISP 1, else ISP 2',
  segments: [...SEGMENTS, { name: 'lan', kind: 'cable' }],
  hosts: [
    ...OUTSIDE,
    firewallOf('fw', FIREWALL, BOTH),
    edgeOf(
      [
        { name: 'eth0', segment: 'dmz', address: `${A}/24` },
        { name: 'eth1', segment: 'lan', address: `${SITE}.200/24` },
      ],
      'eth1',
    ),
    serverOf('lan', `${SITE}.15`, [overlayBy(`${SITE}.200`)]),
  ],
  overlay: overlayOf(single(SITE), `${SITE}.15`),
  ready: READY,
  suggestions: [...suggestionsFor('edge', TRY), WAY],
};

export const wanSingleInterface: Scenario = {
  name: 'wan-single-interface',
  title:
    'one node with a single interface in the DMZ, no internal network → firewall (NAT) ⇒ ISP 1, else ISP 2',
  segments: SEGMENTS,
  hosts: [
    ...OUTSIDE,
    firewallOf('fw', FIREWALL, BOTH),
    edgeOf([{ name: 'eth0', segment: 'dmz', address: `${A}/24` }], 'eth0'),
    serverOf('dmz', `${DMZ}.15`, [{ to: 'default', via: FIREWALL.address }, overlayBy(A)]),
  ],
  overlay: overlayOf(single(DMZ), `${DMZ}.15`, [[A, '10.100.10.11', 'The node itself']]),
  ready: READY,
  suggestions: [
    ...suggestionsFor('edge', TRY),
    WAY,
    { about: 'the node itself is a host of the overlay too', command: 'exec app -- ping -c 3 10.100.10.11' },
  ],
};

/** The pair; `own`: which member the firewall sends by which ISP, while that works. */
function pairBehindFirewall(
  name: string,
  title: string,
  own: readonly { readonly address: string; readonly way: string }[],
): Scenario {
  const wan = (address: string) => ({
    segment: 'dmz',
    address: `${address}/24`,
    gateway: FIREWALL.address,
    uplink: 'dmz',
  });
  return {
    name,
    title,
    segments: [...SEGMENTS, { name: 'lan', kind: 'switch' }],
    hosts: [
      ...OUTSIDE,
      firewallOf('fw', FIREWALL, BOTH, own),
      memberOf('edge-a', [wan(A)], 'first member, private address'),
      memberOf('edge-b', [wan(B)], 'second member, private address'),
      ...PAIR_HOSTS,
    ],
    overlay: overlayOf(PAIR, `${SITE}.15`),
    ready: READY,
    suggestions: [
      ...suggestionsFor('edge-a', [...TRY, ['the active member dies', 'node:edge-a']]),
      own.length === 0
        ? WAY
        : { about: WAY.about, command: `exec fw -- ip route get ${CORE} from ${A} iif eth0` },
    ],
  };
}

export const wanClusterBehindFirewall: Scenario = pairBehindFirewall(
  'wan-cluster-behind-firewall',
  'two members → one DMZ → firewall (NAT) ⇒ ISP 1, else ISP 2',
  [],
);

export const wanClusterSplitFirewall: Scenario = pairBehindFirewall(
  'wan-cluster-split-firewall',
  'two members → one DMZ → firewall (NAT) that sends each member by an ISP of its own, while that works',
  [
    { address: A, way: 'isp1' },
    { address: B, way: 'isp2' },
  ],
);
