/**
 * Highly available edges to AWS: three edge sites and one VPC, each with a pair of nodes, each edge node behind an
 * ISP of its own that masquerades it; the AWS nodes have public addresses. The addresses of the sites, the overlay's
 * routes and its inside NATs are the published example's; the internet uses documentation ranges (RFC 5737) and the
 * ISPs' customer links shared address space (RFC 6598).
 */
import type { Cluster, Host, Scenario, Segment } from '../scenario.js';

const OVERLAY = '10.100.0.0/16';
const VPC_ROUTER = '192.168.10.1';
const SITES = [1, 2, 3];
/** Each edge node, numbered 1–6 like its ISP. */
const EDGES = SITES.flatMap((site) =>
  ['a', 'b'].map((letter, index) => ({ site, letter, isp: 2 * site - 1 + index })),
);

function siteNet(site: number): string {
  return `172.16.${site}0`;
}

/** A plain host at an edge site: the overlay is behind the cluster's VIP. */
function siteHost(name: string, site: number, last: number, about: string, programs: Host['programs']): Host {
  return {
    name,
    kind: 'host',
    interfaces: [{ name: 'eth0', segment: `lan${site}`, address: `${siteNet(site)}.${last}/24` }],
    routes: [{ to: OVERLAY, via: `${siteNet(site)}.215` }],
    programs,
    about,
  };
}

function redisHost(name: string, segment: string, net: string): Host {
  return {
    name,
    kind: 'host',
    interfaces: [{ name: 'eth0', segment, address: `${net}.250/24` }],
    routes: [],
    programs: ['redis'],
    about: 'Redis with the epoch register',
  };
}

function edgeNode(edge: (typeof EDGES)[number]): Host {
  const { site, letter, isp } = edge;
  return {
    name: `edge${site}-${letter}`,
    kind: 'node',
    interfaces: [
      { name: 'eth0', segment: `wan${isp}`, address: `100.64.${isp}.2/30` },
      { name: 'eth1', segment: `lan${site}`, address: `${siteNet(site)}.${letter === 'a' ? 200 : 201}/24` },
    ],
    routes: [{ to: 'default', via: `100.64.${isp}.1` }],
    programs: [],
    node: { lan: 'eth1', uplinks: [{ name: `isp${isp}`, device: 'eth0', cost: 10 }], endpoints: [] },
    about: `member of EdgeCluster${site}, behind isp${isp}`,
  };
}

function isp(number: number): Host {
  return {
    name: `isp${number}`,
    kind: 'isp',
    interfaces: [
      { name: 'eth0', segment: `wan${number}`, address: `100.64.${number}.1/30` },
      { name: 'eth1', segment: 'internet', address: `203.0.113.${100 + number}/24` },
    ],
    routes: [],
    programs: [],
    outside: ['eth1'],
    about: 'ISP that masquerades its customer',
  };
}

function awsNode(letter: string, last: number, publicLast: number): Host {
  const address = `203.0.113.${publicLast}`;
  return {
    name: `aws-${letter}`,
    kind: 'node',
    interfaces: [
      { name: 'eth0', segment: 'internet', address: `${address}/24` },
      { name: 'eth1', segment: 'vpc-subnet', address: `192.168.10.${last}/24` },
    ],
    routes: [],
    programs: [],
    node: {
      lan: 'eth1',
      uplinks: [{ name: 'internet', device: 'eth0', cost: 10 }],
      endpoints: [`${address}:51820`],
    },
    about: 'member of AWSCluster, public address',
  };
}

const HOSTS: readonly Host[] = [
  {
    name: 'app',
    kind: 'host',
    interfaces: [{ name: 'eth0', segment: 'vpc-subnet', address: '192.168.10.15/24' }],
    routes: [{ to: 'default', via: VPC_ROUTER }],
    programs: ['app-server'],
    about: 'application server in the VPC, client of the databases',
  },
  {
    name: 'vpc',
    kind: 'router',
    interfaces: [{ name: 'eth0', segment: 'vpc-subnet', address: `${VPC_ROUTER}/24` }],
    routes: [],
    programs: [],
    about: 'VPC router, follows the route table of the EC2 API that it also answers for',
  },
  awsNode('a', 200, 10),
  awsNode('b', 201, 11),
  ...SITES.map((site) => siteHost(`mysql${site}`, site, 15, `database at site ${site}`, ['mariadb'])),
  redisHost('redis-aws', 'vpc-subnet', '192.168.10'),
  ...SITES.map((site) => redisHost(`redis${site}`, `lan${site}`, siteNet(site))),
  siteHost('sftp2', 2, 20, 'SFTP server at site 2', ['sftp']),
  ...SITES.map((site) => siteHost(`host${site}`, site, 77, `host at site ${site} without an inside NAT`, [])),
  ...EDGES.map(edgeNode),
  ...EDGES.map((edge) => isp(edge.isp)),
];

const SEGMENTS: readonly Segment[] = [
  { name: 'internet', kind: 'switch' },
  { name: 'vpc-subnet', kind: 'switch' },
  ...SITES.map((site): Segment => ({ name: `lan${site}`, kind: 'switch' })),
  ...EDGES.map((edge): Segment => ({ name: `wan${edge.isp}`, kind: 'cable' })),
];

const CLUSTERS: readonly Cluster[] = [
  {
    name: 'AWSCluster',
    place: 'aws',
    redis: 'redis-aws',
    members: ['aws-a', 'aws-b'],
    site: '192.168.10.0/24',
  },
  ...SITES.map((site) => ({
    name: `EdgeCluster${site}`,
    place: `site${site}`,
    redis: `redis${site}`,
    members: [`edge${site}-a`, `edge${site}-b`],
    site: `${siteNet(site)}.0/24`,
    vip: `${siteNet(site)}.215/24`,
  })),
];

export const haEdgeToAws: Scenario = {
  name: 'ha-edge-to-aws',
  title: 'three edge sites and a VPC, a pair of nodes each, every edge node behind its own ISP with NAT',
  segments: SEGMENTS,
  hosts: HOSTS,
  overlay: {
    name: 'acme',
    cidr: OVERLAY,
    clusters: CLUSTERS,
    routes: [
      { cidr: '10.100.100.0/24', to: 'AWSCluster' },
      ...SITES.map((site) => ({ cidr: `10.100.${site}0.0/24`, to: `EdgeCluster${site}` })),
    ],
    insideNat: [
      {
        local: '192.168.10.15/32',
        network: '10.100.100.15/32',
        at: 'AWSCluster',
        description: 'Application server behind AWSCluster nodes',
      },
      ...SITES.flatMap((site) => [
        {
          local: `${siteNet(site)}.15/32`,
          network: `10.100.${site}0.15/32`,
          at: `EdgeCluster${site}`,
          description: `MySQL server behind EdgeCluster${site} nodes`,
        },
        ...(site === 2
          ? [
              {
                local: '172.16.20.20/32',
                network: '10.100.20.20/32',
                at: 'EdgeCluster2',
                description: 'SFTP server behind EdgeCluster2 nodes',
              },
            ]
          : []),
      ]),
    ],
  },
  cloud: {
    host: 'vpc',
    cluster: 'AWSCluster',
    region: 'us-east-1',
    vpc: '192.168.10.0/24',
    table: 'rtb-0a1b2c3d',
    interfaces: [
      { id: 'eni-0a0a0a0a', node: 'aws-a' },
      { id: 'eni-0b0b0b0b', node: 'aws-b' },
    ],
  },
  ready: [
    ...SITES.map((site) => ({
      from: 'app',
      address: `10.100.${site}0.15`,
      port: 3306,
      service: `database at site ${site}`,
    })),
    { from: 'app', address: '10.100.20.20', port: 22, service: 'SFTP at site 2' },
    ...SITES.map((site) => ({
      from: `mysql${site}`,
      address: '10.100.100.15',
      port: 80,
      service: `application from site ${site}`,
    })),
  ],
  suggestions: [
    ...SITES.map((site) => ({
      about: `the database at site ${site}, from the application server`,
      command: `exec app -- mariadb -h 10.100.${site}0.15 -u lab -plab -e 'select @@hostname'`,
    })),
    { about: 'files at site 2 (get, put, ls)', command: 'exec app -- sftp lab@10.100.20.20' },
    {
      about: 'the application server, which says whom it sees',
      command: 'exec mysql1 -- curl -s http://10.100.100.15/',
    },
    {
      about: 'the same server as a client of all databases',
      command: 'exec app -- curl -s http://192.168.10.15/check',
    },
    {
      about: 'a host without an inside NAT: the ICMP error says so',
      command: 'exec host1 -- ping -c 1 10.100.100.15',
    },
    {
      about: 'what the router would do with a packet',
      command: 'exec aws-a -- twinspan explain 192.168.10.15 10.100.10.15 tcp/3306',
    },
    { about: 'what an ISP sees: WireGuard and nothing else', command: 'exec isp1 -- tcpdump -c 10 -ni eth1' },
    { about: 'kill a node, then start it again', command: 'fail node:edge1-b   (and: heal node:edge1-b)' },
  ],
};
