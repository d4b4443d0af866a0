/**
 * A pair of nodes and nine single ones, all with public addresses on one network, and nobody who sends anything: what a
 * member costs that has ten peers and nothing to do. The single nodes have no endpoints, so each has the pair alone for
 * peers; the pair's members have each other and the nine.
 */
import type { Cluster, Host, Scenario } from '../scenario.js';

const OVERLAY = '10.100.0.0/16';
const SITE = '172.16.10';
const SINGLES = Array.from({ length: 9 }, (_, index) => index + 1);

const PAIR: Cluster = {
  name: 'Pair',
  place: 'pair',
  members: ['edge-a', 'edge-b'],
  site: `${SITE}.0/24`,
  vip: `${SITE}.215/24`,
};

function node(name: string, wan: string, lan: Host['interfaces'][number], about: string): Host {
  return {
    name,
    kind: 'node',
    interfaces: [{ name: 'eth0', segment: 'internet', address: `${wan}/24` }, lan],
    routes: [],
    programs: [],
    node: { lan: lan.name, uplinks: [{ name: 'internet', device: 'eth0', cost: 10 }], endpoints: [] },
    about,
  };
}

function member(letter: 'a' | 'b', last: number): Host {
  const wan = `198.51.100.${last}`;
  const lan = { name: 'eth1', segment: 'lan', address: `${SITE}.${last}/24` };
  const plain = node(`edge-${letter}`, wan, lan, 'member of the pair: ten peers');
  return { ...plain, node: { ...plain.node!, endpoints: [`${wan}:51820`] } };
}

function single(number: number): Host {
  const lan = { name: 'eth1', segment: `site${number}`, address: `172.16.${100 + number}.200/24` };
  return node(`edge${number}`, `198.51.100.${number}`, lan, 'single node: two peers');
}

export const idleTenPeers: Scenario = {
  name: 'idle-ten-peers',
  title: 'a pair of nodes and nine single ones that have nothing to do: what probing ten peers costs',
  segments: [
    { name: 'internet', kind: 'switch' },
    { name: 'lan', kind: 'switch' },
    ...SINGLES.map((number) => ({ name: `site${number}`, kind: 'cable' as const })),
  ],
  hosts: [
    member('a', 200),
    member('b', 201),
    ...SINGLES.map(single),
    {
      name: 'server',
      kind: 'host',
      interfaces: [{ name: 'eth0', segment: 'lan', address: `${SITE}.15/24` }],
      routes: [{ to: OVERLAY, via: `${SITE}.215` }],
      programs: ['app-server'],
      about: 'server at the site of the pair',
    },
    {
      name: 'sites',
      kind: 'host',
      interfaces: SINGLES.map((number) => ({
        name: `eth${number}`,
        segment: `site${number}`,
        address: `172.16.${100 + number}.15/24`,
      })),
      routes: [{ to: OVERLAY, via: '172.16.101.200' }],
      programs: [],
      about: 'a host on the LAN of each single node',
    },
  ],
  overlay: {
    name: 'acme',
    cidr: OVERLAY,
    clusters: [
      PAIR,
      ...SINGLES.map((number) => ({
        name: `Site${number}`,
        place: `site${number}`,
        members: [`edge${number}`],
        site: `172.16.${100 + number}.0/24`,
      })),
    ],
    routes: [
      { cidr: '10.100.10.0/24', to: 'Pair' },
      ...SINGLES.map((number) => ({ cidr: `10.100.${100 + number}.0/24`, to: `Site${number}` })),
    ],
    insideNat: [
      {
        local: `${SITE}.15/32`,
        network: '10.100.10.15/32',
        at: 'Pair',
        description: 'Server at the site of the pair',
      },
      {
        local: '172.16.101.15/32',
        network: '10.100.101.15/32',
        at: 'Site1',
        description: 'Host at the first single site',
      },
    ],
  },
  ready: [
    { from: 'sites', address: '10.100.10.15', port: 80, service: 'the server at the site of the pair' },
  ],
  suggestions: [
    { about: 'the ten peers of a member', command: 'exec edge-a -- twinspan status' },
    { about: 'their paths, as measured', command: 'exec edge-a -- twinspan paths' },
    { about: 'the server, from a single site', command: 'exec sites -- curl -s http://10.100.10.15/' },
  ],
};
