/**
 * Virtual machines: which hosts of the scenario share one, with which networks, memory and processors. This is what
 * vagrant/topology.json says and the Vagrantfile reads.
 */
import type { Host, Scenario } from '../scenario.js';

export interface Nic {
  readonly segment: string;
  readonly device: string;
  readonly mac: string;
  /** With prefix length; none where hosts inside the machine have them. */
  readonly addresses: readonly string[];
}

export interface Machine {
  readonly name: string;
  readonly about: string;
  /** Hosts of the scenario that it plays. */
  readonly hosts: readonly string[];
  readonly memoryMb: number;
  readonly cpus: number;
  /** Whether Twinspan's package is installed: as a node, or for programs of the lab. */
  readonly package: boolean;
  readonly nics: readonly Nic[];
}

const NODE = { memoryMb: 512, cpus: 2, package: true };
const SITE = { memoryMb: 512, cpus: 1, package: false };
const INTERNET = { memoryMb: 384, cpus: 1, package: false };
const APP = { memoryMb: 512, cpus: 1, package: true };
const VPC = { memoryMb: 512, cpus: 1, package: true };

/** A locally administered address that says which machine and which of its cards (counted from 1). */
function macOf(machine: number, nic: number): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return `02:54:53:00:${hex(machine)}:${hex(nic)}`;
}

function nicsOf(hosts: readonly Host[], machine: number): Nic[] {
  const segments = [...new Set(hosts.flatMap((host) => host.interfaces.map((one) => one.segment)))];
  return segments.map((segment, index) => {
    const on = hosts.flatMap((host) => host.interfaces.filter((one) => one.segment === segment));
    // The machine of the ISPs has bridges and namespaces; its own cards are named after their networks.
    const isps = hosts.every((host) => host.kind === 'isp');
    return {
      segment,
      device: isps ? segment : on[0].name,
      mac: macOf(machine, index + 1),
      addresses: isps ? [] : on.map((one) => one.address),
    };
  });
}

/** Whom a host shares a machine with, and what the machine is. */
function placeOf(scenario: Scenario, host: Host): Omit<Machine, 'hosts' | 'nics'> {
  if (host.kind === 'node') return { name: host.name, about: host.about, ...NODE };
  if (host.kind === 'isp')
    return { name: 'internet', about: 'two ISPs that masquerade their customers', ...INTERNET };
  if (host.kind === 'router') return { name: host.name, about: 'VPC router and EC2 API', ...VPC };
  const { segment } = host.interfaces[0];
  if (segment === 'vpc-subnet') return { name: 'app', about: 'application server; Redis of the VPC', ...APP };
  const site = segment.slice('lan'.length);
  const programs = scenario.hosts
    .filter((one) => one.kind === 'host' && one.interfaces[0].segment === segment)
    .flatMap((one) => one.programs);
  return { name: `site${site}`, about: `hosts of site ${site}: ${programs.join(', ')}, iperf3`, ...SITE };
}

/** The machines that play a scenario. */
export function machinesOf(scenario: Scenario): Machine[] {
  const groups = new Map<string, Host[]>();
  for (const host of scenario.hosts) {
    const { name } = placeOf(scenario, host);
    groups.set(name, [...(groups.get(name) ?? []), host]);
  }
  return [...groups.values()].map((hosts, index) => ({
    ...placeOf(scenario, hosts[0]),
    hosts: hosts.map((host) => host.name),
    nics: nicsOf(hosts, index + 1),
  }));
}
