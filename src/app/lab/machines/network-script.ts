/**
 * The script that sets up the network cards of a virtual machine; it runs at every boot and may run again at any time.
 * Cards are known by their hardware address, because what a card is called differs from provider to provider.
 */
import { natRules } from '../plan/network.js';
import type { Host, Scenario } from '../scenario.js';
import type { Machine, Nic } from './machines.js';

const BRIDGE = 'bridge';

function nicLines(nic: Nic): string[] {
  return [
    `card ${nic.mac} ${nic.device}`,
    ...nic.addresses.map((address) => `ip addr replace ${address} dev ${nic.device}`),
    `ip link set ${nic.device} up`,
  ];
}

/** An ISP in a namespace of its own: its customers' card is moved there, the internet is a bridge to the other card. */
function ispLines(host: Host): string[] {
  const { name } = host;
  const [inside, outside] = host.interfaces;
  const cable = `${name}-out`;
  return [
    `[ -e /run/netns/${name} ] || ip netns add ${name}`,
    `ip -n ${name} link show ${inside.name} >/dev/null 2>&1 || ip link set ${inside.segment} netns ${name} name ${inside.name}`,
    `there ${cable} || ip link add ${cable} type veth peer name ${outside.name} netns ${name}`,
    `ip link set ${cable} master ${BRIDGE} up`,
    `ip -n ${name} link set lo up`,
    ...host.interfaces.flatMap((one) => [
      `ip -n ${name} addr replace ${one.address} dev ${one.name}`,
      `ip -n ${name} link set ${one.name} up`,
    ]),
    `ip netns exec ${name} sysctl -qw net.ipv4.ip_forward=1`,
    `ip netns exec ${name} nft delete table ip nat 2>/dev/null || true`,
    `ip netns exec ${name} nft -f - <<'END'\n${natRules(host.outside!)}END`,
  ];
}

function internetLines(machine: Machine, isps: readonly Host[]): string[] {
  const internet = machine.nics.find((nic) => nic.segment === 'internet')!;
  const cards = isps.map((isp) => {
    const nic = machine.nics.find((one) => one.segment === isp.interfaces[0].segment)!;
    // One that an earlier run has moved is out of sight, and done.
    return `[ -e /run/netns/${isp.name} ] || card ${nic.mac} ${nic.device}`;
  });
  return [
    ...cards,
    ...nicLines(internet),
    `there ${BRIDGE} || ip link add ${BRIDGE} type bridge stp_state 0 forward_delay 0`,
    `ip link set ${BRIDGE} up`,
    `ip link set ${internet.device} master ${BRIDGE}`,
    ...isps.flatMap(ispLines),
  ];
}

/** Routes of the hosts that a machine plays, each once. A node's default route must not stand before the manager's. */
function routeLines(machine: Machine, hosts: readonly Host[]): string[] {
  const routes = hosts.flatMap((host) =>
    host.routes
      .filter(({ to }) => to !== 'default')
      .map(({ to, via }) => `ip route replace ${to} via ${via}`),
  );
  const gateways = hosts.flatMap((host) => host.node?.uplinks ?? []);
  return [
    ...new Set(routes),
    ...gateways
      .filter(({ gateway }) => gateway !== undefined)
      .map(
        ({ gateway, device }, index) =>
          `ip route replace default via ${gateway} dev ${device} metric ${2000 + index}`,
      ),
    ...(machine.hosts.some((name) => hosts.some((host) => host.name === name && host.kind === 'router'))
      ? ['sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0']
      : []),
  ];
}

/** The script of one machine. */
export function networkScript(scenario: Scenario, machine: Machine): string {
  const hosts = scenario.hosts.filter((host) => machine.hosts.includes(host.name));
  const isps = hosts.filter((host) => host.kind === 'isp');
  const lines = isps.length > 0 ? internetLines(machine, isps) : machine.nics.flatMap(nicLines);
  return `#!/bin/sh
# The network cards of ${machine.name}, written by: npm run lab -- machines
set -eu
export PATH=$PATH:/usr/sbin:/sbin

there() { ip link show "$1" >/dev/null 2>&1; }

# card MAC NAME: gives the card with this hardware address its name.
card() {
  if there "$2"; then return; fi
  device=$(ip -br link | awk -v mac="$1" '$3 == mac { sub(/@.*/, "", $1); print $1; exit }')
  if [ -z "$device" ]; then
    echo "network: this machine has no card $1 for $2; was it made by the Vagrantfile?" >&2
    exit 1
  fi
  ip link set "$device" down
  ip link set "$device" name "$2"
}

${lines.join('\n')}
${routeLines(machine, hosts).join('\n')}
`;
}
