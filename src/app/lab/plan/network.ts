/**
 * Namespaces, cables, bridges, addresses, routes and the masquerading of ISPs and firewalls, as plain `ip`, `sysctl` and `nft`
 * commands. Sysctls come before the interfaces are up and IPv6 is off on every wire, so that a capture on an ISP's link
 * shows no neighbour discovery: what is left on the wire is the routers' own traffic and ARP.
 */
import { hostPath, type Layout, namespaceOf } from '../layout.js';
import type { Host, Interface, Scenario, Segment } from '../scenario.js';
import type { IpStep, Step } from './step.js';

const BRIDGE = 'br0';
/** Interface indices from here on. */
const INDEX = 1_000;

export interface Attachment {
  readonly host: Host;
  readonly interface: Interface;
}

/** The interfaces on a segment. */
export function attachments(scenario: Scenario, segment: Segment): Attachment[] {
  return scenario.hosts.flatMap((host) =>
    host.interfaces
      .filter((candidate) => candidate.segment === segment.name)
      .map((candidate) => ({ host, interface: candidate })),
  );
}

/** Name of the switch port that `attached` is plugged into. */
export function portOf(attached: Attachment): string {
  const many = attached.host.interfaces.length > 1;
  return many ? `${attached.host.name}.${attached.interface.name}` : attached.host.name;
}

/** Every namespace of a scenario: hosts, then switches. */
export function namespacesOf(scenario: Scenario, layout: Layout): string[] {
  return [
    ...scenario.hosts.map((host) => namespaceOf(layout, host.name)),
    ...switchesOf(scenario).map((segment) => namespaceOf(layout, segment.name)),
  ];
}

function switchesOf(scenario: Scenario): Segment[] {
  return scenario.segments.filter((segment) => segment.kind === 'switch');
}

/** Host (or switch) and device. */
type End = readonly [string, string];

function cablesOf(scenario: Scenario): [End, End][] {
  return scenario.segments.flatMap((segment) => {
    const attached = attachments(scenario, segment);
    const ends = attached.map((one): End => [one.host.name, one.interface.name]);
    if (segment.kind === 'cable') return [[ends[0], ends[1]]];
    return attached.map((one, place): [End, End] => [ends[place], [segment.name, portOf(one)]]);
  });
}

/**
 * Every end has an index of its own. Of ends with the same one the kernel would tell a lost carrier up to a second late:
 * like any machine it collects such news for a second after the last, and here all hosts are one machine.
 */
function planLinks(scenario: Scenario, layout: Layout): Step[] {
  return cablesOf(scenario).map((ends, place): Step => {
    const [a, b] = ends.map(([host, device], side) => {
      return `name ${device} index ${INDEX + 2 * place + side} netns ${namespaceOf(layout, host)}`;
    });
    return { do: 'ip', namespace: undefined, args: `link add ${a} type veth peer ${b}` };
  });
}

/** Switches have no addresses and must not speak: a bridge with IPv6 reports its multicast groups. */
function planSilence(layout: Layout, segment: Segment): Step {
  const argv = ['ip', 'netns', 'exec', namespaceOf(layout, segment.name), 'sysctl', '-qw'];
  return {
    do: 'run',
    argv: [...argv, 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'],
  };
}

function planSwitch(scenario: Scenario, layout: Layout, segment: Segment): Step[] {
  const ip = (args: string): IpStep => ({ do: 'ip', namespace: namespaceOf(layout, segment.name), args });
  return [
    ip(`link add ${BRIDGE} type bridge stp_state 0 forward_delay 0`),
    ip(`link set ${BRIDGE} up`),
    ...attachments(scenario, segment).map((one) => ip(`link set ${portOf(one)} master ${BRIDGE} up`)),
  ];
}

/**
 * Sysctls of a host. Every value is set, because a new namespace inherits the machine's. Forwarding on a node is the
 * daemon's own business and starts out off; rp_filter 2 is what Debian ships.
 */
function planSysctls(layout: Layout, host: Host): Step {
  const forwards = host.kind === 'router' || host.kind === 'isp' || host.kind === 'firewall';
  const devices = host.interfaces.map((one) => one.name);
  const values = [
    `net.ipv4.ip_forward=${forwards ? 1 : 0}`,
    ...['all', 'default', ...devices].flatMap((scope) => [
      `net.ipv4.conf.${scope}.rp_filter=2`,
      `net.ipv4.conf.${scope}.send_redirects=0`,
      `net.ipv4.conf.${scope}.accept_redirects=0`,
    ]),
    ...devices.map((device) => `net.ipv6.conf.${device}.disable_ipv6=1`),
  ];
  return {
    do: 'run',
    argv: ['ip', 'netns', 'exec', namespaceOf(layout, host.name), 'sysctl', '-qw', ...values],
  };
}

/** Brings up what a host has: also the way back after a failure took it down, hence `replace`. */
export function planInterfaces(layout: Layout, host: Host, only?: string): IpStep[] {
  const ip = (args: string): IpStep => ({ do: 'ip', namespace: namespaceOf(layout, host.name), args });
  const wanted = host.interfaces.filter((one) => only === undefined || one.name === only);
  return [
    ...(only === undefined ? [ip('link set lo up')] : []),
    ...wanted.flatMap((one) => [
      ip(`addr replace ${one.address} dev ${one.name}`),
      ip(`link set ${one.name} up`),
    ]),
    ...host.routes.map((route) => ip(`route replace ${route.to} via ${route.via}`)),
  ];
}

/** Those inside go out under the router's own address, and nothing comes in that they did not ask for. */
export function natRules(outside: readonly string[]): string {
  const devices = outside.map((device) => `"${device}"`).join(', ');
  return `table ip nat {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname { ${devices} } ct state established,related accept
    iifname { ${devices} } drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname { ${devices} } masquerade
  }
}
`;
}

function planNat(layout: Layout, host: Host): Step[] {
  if (host.outside === undefined) return [];
  const path = hostPath(layout, host.name, 'nat.nft');
  return [
    { do: 'write', path, mode: 0o644, text: natRules(host.outside) },
    { do: 'run', argv: ['ip', 'netns', 'exec', namespaceOf(layout, host.name), 'nft', '-f', path] },
  ];
}

/** The lane that builds the whole network. */
export function planNetwork(scenario: Scenario, layout: Layout): Step[] {
  return [
    ...namespacesOf(scenario, layout).map(
      (name): Step => ({ do: 'ip', namespace: undefined, args: `netns add ${name}` }),
    ),
    ...planLinks(scenario, layout),
    ...scenario.hosts.map((host) => planSysctls(layout, host)),
    ...switchesOf(scenario).map((segment) => planSilence(layout, segment)),
    ...switchesOf(scenario).flatMap((segment) => planSwitch(scenario, layout, segment)),
    ...scenario.hosts.flatMap((host) => planNat(layout, host)),
    ...scenario.hosts.flatMap((host) => planInterfaces(layout, host)),
  ];
}
