/**
 * A scenario is a network written down as data: segments (layer 2), hosts with their interfaces and routes, the
 * programs that run on them and the Twinspan configuration they share. It holds no commands: plan/ turns it into
 * steps, run/ carries them out. What may fail follows from the data too (plan/failures.ts): every node, program,
 * link and ISP.
 */

/** A layer-2 segment. A `switch` is a bridge in a namespace of its own; a `cable` joins exactly two interfaces. */
export interface Segment {
  readonly name: string;
  readonly kind: 'switch' | 'cable';
}

/** An interface of a host; `address` is IPv4 with prefix length, as in 172.16.10.15/24. */
export interface Interface {
  readonly name: string;
  readonly segment: string;
  readonly address: string;
}

export interface StaticRoute {
  readonly to: string;
  readonly via: string;
}

/** What kind of machine a host plays; it decides sysctls and which failures apply. */
export type HostKind = 'host' | 'router' | 'isp' | 'firewall' | 'node';

export interface Host {
  readonly name: string;
  readonly kind: HostKind;
  readonly interfaces: readonly Interface[];
  readonly routes: readonly StaticRoute[];
  readonly programs: readonly Program[];
  /** For an ISP or a firewall: its interfaces towards the internet, behind which everybody else is masqueraded. */
  readonly outside?: readonly string[];
  /** For a firewall that has several ways out. */
  readonly firewall?: FirewallRole;
  /** For a node: how Twinspan uses its interfaces. */
  readonly node?: NodeRole;
  /** One line for `list` and `status`. */
  readonly about: string;
}

/** Real programs that a host can run; plan/programs.ts knows how each is started and when it is ready. */
export type Program = 'mariadb' | 'sftp' | 'app-server' | 'redis';

/** A way of a firewall to the internet. */
export interface FirewallWay {
  readonly name: string;
  readonly device: string;
  readonly gateway: string;
}

/** How a firewall chooses among its ways: each is tried by itself (carrier, and a ping through it). */
export interface FirewallRole {
  /** The preferred one first. */
  readonly ways: readonly FirewallWay[];
  /** Addresses inside that prefer a way of their own, while it works. */
  readonly own: readonly { readonly address: string; readonly way: string }[];
  /** Address on the internet that it pings. */
  readonly probe: string;
}

export interface NodeUplink {
  readonly name: string;
  readonly device: string;
  readonly cost: number;
  /** Its provider, for people. */
  readonly isp?: string;
  /** Where it is not that of the host's default route. */
  readonly gateway?: string;
  /** Address on the internet that is pinged to see whether the uplink works. */
  readonly ping?: string;
}

export interface NodeRole {
  readonly lan: string;
  readonly uplinks: readonly NodeUplink[];
  /** Endpoints that others may dial, as host:port. */
  readonly endpoints: readonly string[];
}

export interface Cluster {
  readonly name: string;
  /** One word for the place, in the names of failures: site1. */
  readonly place: string;
  readonly members: readonly string[];
  readonly site: string;
  /** Host whose Redis keeps the cluster's epoch register; a single node needs none. */
  readonly redis?: string;
  /** Address of the site LAN that follows the active member. */
  readonly vip?: string;
}

/** The overlay: what network.yaml says (the keys are made when the lab is built). */
export interface Overlay {
  readonly name: string;
  readonly cidr: string;
  readonly clusters: readonly Cluster[];
  readonly routes: readonly { readonly cidr: string; readonly to: string }[];
  readonly insideNat: readonly {
    readonly local: string;
    readonly network: string;
    readonly at: string;
    readonly description: string;
  }[];
}

/**
 * A VPC whose routes to the overlay follow the active member of a cluster: `host` is its router and answers for the EC2
 * API. Where no EC2 emulator is installed the route stands fixed towards the first interface's node.
 */
export interface Cloud {
  readonly host: string;
  readonly cluster: string;
  readonly region: string;
  readonly vpc: string;
  readonly table: string;
  /** Each member's network interface: eni-… */
  readonly interfaces: readonly { readonly id: string; readonly node: string }[];
}

/** A TCP service reached through the overlay: `up` waits until `from` can connect to it. */
export interface Reachable {
  readonly from: string;
  readonly address: string;
  readonly port: number;
  readonly service: string;
}

/** Something to try once the lab is up: the words after `npm run lab --`. */
export interface Suggestion {
  readonly about: string;
  readonly command: string;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly segments: readonly Segment[];
  readonly hosts: readonly Host[];
  readonly overlay: Overlay;
  readonly cloud?: Cloud;
  readonly ready: readonly Reachable[];
  readonly suggestions: readonly Suggestion[];
}

/** The host called `name`, or undefined. */
export function hostNamed(scenario: Scenario, name: string): Host | undefined {
  return scenario.hosts.find((host) => host.name === name);
}

/** The address of an interface without its prefix length. */
export function addressOf(host: Host, device = host.interfaces[0].name): string {
  const found = host.interfaces.find((candidate) => candidate.name === device) ?? host.interfaces[0];
  return found.address.split('/')[0];
}
