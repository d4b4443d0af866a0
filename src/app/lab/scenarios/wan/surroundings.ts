/**
 * What the scenarios of WAN and ISP redundancy have in common: a hub with a public address and an application server behind
 * it, the internet, and two ISPs that lead to public addresses of their own (documentation ranges, RFC 5737). An ISP
 * translates nothing: whose address a packet has when it arrives at the hub says which ISP it came by.
 *
 *   app ── hub ── internet ─┬─ isp1 198.51.100.0/24 ── …
 *                           └─ isp2 192.0.2.0/24    ── …   the site under test
 */
import type { Cluster, FirewallWay, Host, Interface, NodeUplink, Overlay, Segment } from '../../scenario.js';

const OVERLAY = '10.100.0.0/16';
export const SITE = '172.16.10';
/** Address of the site's server in the overlay, and of the application server. */
export const SERVER_NETWORK = '10.100.10.15';
const APP_NETWORK = '10.100.100.15';
const HUB_PUBLIC = '203.0.113.10';
/** The router of the internet, which answers pings: what firewalls and nodes try their ISPs with. */
export const CORE = '203.0.113.1';

export type IspName = 'isp1' | 'isp2';
const ISPS: Readonly<
  Record<IspName, { readonly prefix: string; readonly address: string; readonly provider: string }>
> = {
  isp1: { prefix: '198.51.100', address: '203.0.113.101', provider: 'ISP 1' },
  isp2: { prefix: '192.0.2', address: '203.0.113.102', provider: 'ISP 2' },
};
const ISP_NAMES: readonly IspName[] = ['isp1', 'isp2'];

/** What a customer gets from an ISP: a cable, a public address and a gateway. */
export interface Line {
  readonly segment: string;
  readonly address: string;
  readonly gateway: string;
}

/** The line of the `place`-th customer (from 0) of an ISP. */
export function lineOf(isp: IspName, customer: string, place = 0): Line {
  const { prefix } = ISPS[isp];
  return {
    segment: `${isp}-${customer}`,
    address: `${prefix}.${4 * place + 2}/30`,
    gateway: `${prefix}.${4 * place + 1}`,
  };
}

/** An ISP with its customers, in the order of their places. */
export function ispOf(isp: IspName, ...customers: readonly string[]): Host {
  return {
    name: isp,
    kind: 'isp',
    interfaces: [
      { name: 'eth0', segment: 'internet', address: `${ISPS[isp].address}/24` },
      ...customers.map((customer, place): Interface => {
        const { segment, gateway } = lineOf(isp, customer, place);
        return { name: `eth${place + 1}`, segment, address: `${gateway}/30` };
      }),
    ],
    routes: [],
    programs: [],
    about: `ISP of ${customers.join(' and ')}: ${ISPS[isp].prefix}.0/24`,
  };
}

/** The cables of an ISP to its customers. */
export function cablesOf(isp: IspName, ...customers: readonly string[]): Segment[] {
  return customers.map((customer) => ({ name: `${isp}-${customer}`, kind: 'cable' }));
}

const TO_CUSTOMERS = ISP_NAMES.map((isp) => ({ to: `${ISPS[isp].prefix}.0/24`, via: ISPS[isp].address }));

/** The hub, its application server, and the internet's router. */
export const HUB_HOSTS: readonly Host[] = [
  {
    name: 'app',
    kind: 'host',
    interfaces: [{ name: 'eth0', segment: 'vpc', address: '192.168.10.15/24' }],
    routes: [{ to: OVERLAY, via: '192.168.10.200' }],
    programs: ['app-server'],
    about: 'application server behind the hub',
  },
  {
    name: 'hub',
    kind: 'node',
    interfaces: [
      { name: 'eth0', segment: 'internet', address: `${HUB_PUBLIC}/24` },
      { name: 'eth1', segment: 'vpc', address: '192.168.10.200/24' },
    ],
    routes: [{ to: 'default', via: CORE }],
    programs: [],
    node: {
      lan: 'eth1',
      uplinks: [{ name: 'internet', device: 'eth0', cost: 10 }],
      endpoints: [`${HUB_PUBLIC}:51820`],
    },
    about: 'single node with a public address',
  },
  {
    name: 'core',
    kind: 'router',
    interfaces: [{ name: 'eth0', segment: 'internet', address: `${CORE}/24` }],
    routes: TO_CUSTOMERS,
    programs: [],
    about: 'router of the internet, answers pings',
  },
];

/** The internet and the hub's LAN. */
export const HUB_SEGMENTS: readonly Segment[] = [
  { name: 'internet', kind: 'switch' },
  { name: 'vpc', kind: 'cable' },
];

/** The site's server, a plain host behind `gateway`. */
export function serverOf(segment: string, address: string, routes: Host['routes']): Host {
  return {
    name: 'server',
    kind: 'host',
    interfaces: [{ name: 'eth0', segment, address: `${address}/24` }],
    routes,
    programs: ['app-server'],
    about: 'server at the site',
  };
}

/** The route of a site host into the overlay. */
export function overlayBy(gateway: string): Host['routes'][number] {
  return { to: OVERLAY, via: gateway };
}

export const REDIS_HOST: Host = {
  name: 'redis',
  kind: 'host',
  interfaces: [{ name: 'eth0', segment: 'lan', address: `${SITE}.250/24` }],
  routes: [],
  programs: ['redis'],
  about: 'Redis with the epoch register',
};

/** The pair of nodes at the site. */
export const PAIR: Cluster = {
  name: 'Site',
  place: 'site',
  redis: 'redis',
  members: ['edge-a', 'edge-b'],
  site: `${SITE}.0/24`,
  vip: `${SITE}.215/24`,
};

/** Server and Redis of a site with a pair. */
export const PAIR_HOSTS: readonly Host[] = [
  serverOf('lan', `${SITE}.15`, [overlayBy(`${SITE}.215`)]),
  REDIS_HOST,
];

/** A network interface towards the WAN, as one of the site's nodes uses it. */
export interface Wan {
  readonly segment: string;
  readonly address: string;
  readonly gateway: string;
  readonly uplink: string;
  /** Who provides it, where the node is told. */
  readonly isp?: string;
}

/** A line as the WAN of a node. */
export function direct(isp: IspName, customer: string, place = 0): Wan {
  return { ...lineOf(isp, customer, place), uplink: isp, isp: ISPS[isp].provider };
}

/** A member of the pair: one WAN interface or several, the preferred first, and the LAN. */
export function memberOf(
  name: 'edge-a' | 'edge-b',
  wans: readonly Wan[],
  about: string,
  endpoints: readonly string[] = [],
): Host {
  const lan = `eth${wans.length}`;
  return {
    name,
    kind: 'node',
    interfaces: [
      ...wans.map((wan, place) => ({ name: `eth${place}`, segment: wan.segment, address: wan.address })),
      { name: lan, segment: 'lan', address: `${SITE}.${name === 'edge-a' ? 200 : 201}/24` },
    ],
    routes: [{ to: 'default', via: wans[0].gateway }],
    programs: [],
    node: {
      lan,
      uplinks: wans.map(({ uplink, gateway, isp }, place): NodeUplink => {
        const provider = isp === undefined ? {} : { isp };
        const cost = 10 * (place + 1);
        const common = { name: uplink, device: `eth${place}`, cost, ...provider, ping: CORE };
        return place === 0 ? common : { ...common, gateway };
      }),
      endpoints,
    },
    about,
  };
}

/** A firewall between a DMZ and one ISP or several; with several it chooses by itself. */
export function firewallOf(
  name: string,
  dmz: { readonly segment: string; readonly address: string },
  lines: readonly { readonly isp: IspName; readonly place?: number }[],
  own: readonly { readonly address: string; readonly way: string }[] = [],
): Host {
  const ways = lines.map(({ isp, place }, index): FirewallWay & { readonly line: Line } => {
    const line = lineOf(isp, name, place);
    return { name: isp, device: `eth${index + 1}`, gateway: line.gateway, line };
  });
  const plain = ways.map(({ line: _, ...way }) => way);
  return {
    name,
    kind: 'firewall',
    interfaces: [
      { name: 'eth0', segment: dmz.segment, address: `${dmz.address}/24` },
      ...ways.map(({ device, line }) => ({ name: device, segment: line.segment, address: line.address })),
    ],
    routes: ways.length > 1 ? [] : [{ to: 'default', via: ways[0].gateway }],
    programs: [],
    outside: ways.map(({ device }) => device),
    ...(ways.length > 1 && { firewall: { ways: plain, own, probe: CORE } }),
    about: `firewall that masquerades ${dmz.segment} behind ${lines.map(({ isp }) => isp).join(' or ')}`,
  };
}

/** The overlay of the hub and one site; `nats`: further addresses of the site, local to network. */
export function overlayOf(
  site: Cluster,
  server: string,
  nats: readonly [string, string, string][] = [],
): Overlay {
  return {
    name: 'acme',
    cidr: OVERLAY,
    clusters: [{ name: 'Hub', place: 'hub', members: ['hub'], site: '192.168.10.0/24' }, site],
    routes: [
      { cidr: '10.100.100.0/24', to: 'Hub' },
      { cidr: '10.100.10.0/24', to: 'Site' },
    ],
    insideNat: [
      {
        local: '192.168.10.15/32',
        network: `${APP_NETWORK}/32`,
        at: 'Hub',
        description: 'Application server',
      },
      {
        local: `${server}/32`,
        network: `${SERVER_NETWORK}/32`,
        at: 'Site',
        description: 'Server at the site',
      },
      ...nats.map(([local, network, description]) => ({
        local: `${local}/32`,
        network: `${network}/32`,
        at: 'Site',
        description,
      })),
    ],
  };
}

/** What must work once such a lab is up. */
export const READY = [
  { from: 'app', address: SERVER_NETWORK, port: 80, service: 'the server at the site' },
  { from: 'server', address: APP_NETWORK, port: 80, service: 'the application server' },
];

/** What to try in any of them; `node`: one of the site's, `failures`: what to break. */
export function suggestionsFor(node: string, failures: readonly (readonly [string, string])[]) {
  return [
    {
      about: 'the site, from the application server',
      command: `exec app -- curl -s http://${SERVER_NETWORK}/`,
    },
    { about: 'the ways out of a node, and why one is bad', command: `exec ${node} -- twinspan uplinks` },
    { about: 'the paths of a node, as measured', command: `exec ${node} -- twinspan paths` },
    { about: 'from where the hub hears the site', command: 'exec hub -- twinspan paths' },
    { about: 'watch while something is broken', command: `exec app -- ping -i 0.2 ${SERVER_NETWORK}` },
    ...failures.map(([about, what]) => ({ about, command: `fail ${what}   (and: heal ${what})` })),
  ];
}
