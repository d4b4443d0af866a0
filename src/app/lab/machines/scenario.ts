/**
 * The same sites for virtual machines: everything of ha-edge-to-aws but the ISPs, of which there are two. Devices are named
 * after what they are for, since a virtual machine has one more, by which it is managed and reaches the Debian mirrors.
 *
 *   full    two members a site, each behind an ISP of its own
 *   small   one member a site, which has both ISPs
 */
import type { Host, Interface, Scenario, Segment } from '../scenario.js';
import { haEdgeToAws } from '../scenarios/ha-edge-to-aws.js';

export const PROFILES = ['small', 'full'] as const;
export type Profile = (typeof PROFILES)[number];

const ISPS = [1, 2];

function deviceOn(segment: string): string {
  return segment.startsWith('lan') || segment === 'vpc-subnet' ? 'lan' : segment;
}

function renamed(host: Host): Host {
  const interfaces = host.interfaces.map((one): Interface => ({ ...one, name: deviceOn(one.segment) }));
  return { ...host, interfaces };
}

/** A plain host: its default route is the one by which it is managed, so it has one into the overlay instead. */
function plainHost(host: Host): Host {
  const { cidr } = haEdgeToAws.overlay;
  const routes = host.routes.map(({ to, via }) => ({ to: to === 'default' ? cidr : to, via }));
  return { ...renamed(host), routes };
}

function isp(number: number): Host {
  return {
    name: `isp${number}`,
    kind: 'isp',
    interfaces: [
      { name: 'inside', segment: `wan${number}`, address: `100.64.${number}.1/24` },
      { name: 'outside', segment: 'internet', address: `203.0.113.${100 + number}/24` },
    ],
    routes: [],
    programs: [],
    outside: ['outside'],
    about: 'ISP that masquerades its customers',
  };
}

/** An edge node with its uplinks: `place` 0 for the first member of its site, 1 for the second. */
function edge(host: Host, place: number, profile: Profile): Host {
  const lan = host.interfaces.find((one) => one.segment.startsWith('lan'))!;
  const site = Number(lan.segment.slice('lan'.length));
  const isps = profile === 'small' ? ISPS : [ISPS[place]];
  const gateway = (number: number) => `100.64.${number}.1`;
  return {
    ...host,
    interfaces: [
      ...isps.map((number) => ({
        name: `isp${number}`,
        segment: `wan${number}`,
        address: `100.64.${number}.${10 * site + place}/24`,
      })),
      { ...lan, name: 'lan' },
    ],
    routes: [{ to: 'default', via: gateway(isps[0]) }],
    node: {
      lan: 'lan',
      uplinks: isps.map((number) => ({
        name: `isp${number}`,
        device: `isp${number}`,
        cost: 10 * number,
        gateway: gateway(number),
      })),
      endpoints: [],
    },
    about: `edge node of site ${site}, behind ${isps.map((number) => `isp${number}`).join(' and ')}`,
  };
}

function aws(host: Host): Host {
  const uplinks = [{ name: 'internet', device: 'internet', cost: 10 }];
  return { ...renamed(host), node: { ...host.node!, lan: 'lan', uplinks } };
}

/** The scenario of a profile. */
export function machineScenario(profile: Profile): Scenario {
  const { overlay, cloud, hosts } = haEdgeToAws;
  const clusters = overlay.clusters.map((cluster) => ({
    ...cluster,
    members: profile === 'small' ? cluster.members.slice(0, 1) : cluster.members,
  }));
  const members = clusters.flatMap((cluster) => cluster.members);
  const admitted = new Set(overlay.insideNat.map((nat) => nat.local.split('/')[0]));
  // Hosts that only show what is refused would cost an address and show nothing new.
  const isWanted = (host: Host) =>
    host.programs.includes('redis') || host.interfaces.some((one) => admitted.has(one.address.split('/')[0]));
  const nodes = hosts
    .filter((host) => members.includes(host.name))
    .map((host) => {
      const cluster = clusters.find((one) => one.members.includes(host.name))!;
      return cluster.name === cloud!.cluster
        ? aws(host)
        : edge(host, cluster.members.indexOf(host.name), profile);
    });
  const segments: Segment[] = ['internet', 'vpc-subnet', 'lan1', 'lan2', 'lan3', 'wan1', 'wan2'].map(
    (name) => ({ name, kind: 'switch' }),
  );
  return {
    ...haEdgeToAws,
    name: `machines-${profile}`,
    title: `ha-edge-to-aws as virtual machines, ${profile}`,
    segments,
    hosts: [
      ...ISPS.map(isp),
      ...hosts.filter((host) => host.kind === 'host' && isWanted(host)).map(plainHost),
      ...hosts.filter((host) => host.kind === 'router').map(renamed),
      ...nodes,
    ],
    overlay: { ...overlay, clusters },
    cloud: { ...cloud!, interfaces: cloud!.interfaces.filter(({ node }) => members.includes(node)) },
    ready: haEdgeToAws.ready,
    suggestions: [],
  };
}
