/**
 * What this program wants of the host, and what it sees there, as plain values. A change of the host is never a
 * sequence somebody wrote down: it is the difference of two HostStates (plan.ts), so start, repair, reload, take-over
 * and stop are one piece of code, and a second start on a half-configured host is nothing special.
 *
 * Ownership. After a crash the next start must find its leftovers and must not touch what others made:
 *
 *   routes, rules   carry our protocol number (OWN_PROTOCOL)
 *   nft table       is ours by name (NFT_TABLE in family inet)
 *   addresses       common iproute2 releases cannot tag an address, so ours are the ones the configuration can
 *                   name: those on our TUNs, and every VIP (DesiredHost.ownAddresses) on any device
 *   links, sysctls  are shared; we change them, remember what was there before, and never delete
 *
 * An observed state holds only what is ours or what the desired state names. All texts are in the form in which `ip`
 * prints them: prefixes always with a length, defaults as 0.0.0.0/0 and ::/0.
 */
import type { Family } from '../base/prefix.js';

/** rtm_protocol / FRA_PROTOCOL of everything we make; unassigned in /etc/iproute2/rt_protos. */
export const OWN_PROTOCOL = 84;
/** Our nft table, in family inet. */
export const NFT_TABLE = 'twinspan';
/** RT_TABLE_MAIN, the table of a route that names none. */
export const TABLE_MAIN = 254;
/** The metric the kernel gives an IPv6 route that names none (IP6_RT_PRIO_USER). */
const METRIC_DEFAULT_IPV6 = 1024;

export interface HostLink {
  readonly device: string;
  readonly mtu?: number;
  /** Packets the kernel queues towards the device (txqueuelen). */
  readonly txQueueLength?: number;
  readonly up: boolean;
}

export interface HostAddress {
  readonly device: string;
  /** With its length, for example 172.16.10.215/32. */
  readonly address: string;
  /** `host` = never chosen as a source for traffic that leaves the machine; absent = global. */
  readonly scope?: 'host';
  /** Seconds after which the kernel drops the address by itself unless it is refreshed; absent = for ever. */
  readonly lifetimeSeconds?: number;
}

export interface HostRoute {
  readonly prefix: string;
  /** Absent for the types that have none, and for a foreign shape such as a multipath route. */
  readonly device?: string;
  readonly via?: string;
  /** Absent = TABLE_MAIN. */
  readonly table?: number;
  readonly metric?: number;
  /** Preferred source address for traffic of this machine itself. */
  readonly source?: string;
  /** Absent = unicast; else unreachable, blackhole, prohibit … */
  readonly type?: string;
  /** The next hop is a neighbour although no subnet of the device holds it. */
  readonly onLink?: boolean;
}

export interface HostRule {
  readonly family: Family;
  readonly priority: number;
  readonly from?: string;
  readonly to?: string;
  readonly iif?: string;
  /** Device to which the sending socket is bound. */
  readonly oif?: string;
  readonly mark?: number;
  readonly table: number;
  /** Routes of this prefix length or shorter do not count. */
  readonly suppressPrefixLength?: number;
}

export interface HostSysctl {
  /** Path under /proc/sys; slashes, since a device name may contain dots. */
  readonly key: string;
  readonly value: string;
  /** Desired only: no problem where the kernel lacks the key. */
  readonly optional?: boolean;
  /** Desired only: change it only from one of these values; any other is the operator's choice. */
  readonly replaces?: readonly string[];
}

export interface HostState {
  readonly links: readonly HostLink[];
  readonly addresses: readonly HostAddress[];
  readonly routes: readonly HostRoute[];
  readonly rules: readonly HostRule[];
  readonly sysctls: readonly HostSysctl[];
  /** The whole of `table inet twinspan { … }`; undefined = no table. */
  readonly nft: string | undefined;
}

export interface DesiredHost extends HostState {
  /** Addresses that are ours on whatever device they are seen (VIPs, held or not), with their length. */
  readonly ownAddresses: readonly string[];
}

/** A sysctl we changed: enough to put it back, and to see that somebody else has changed it since. */
export interface SysctlChange {
  readonly key: string;
  readonly before: string;
  readonly after: string;
}

/** The family of an address or prefix text. */
export function familyOf(text: string): Family {
  return text.includes(':') ? 6 : 4;
}

/** What the kernel takes for the same route: one entry for each prefix, table and metric. */
export function routeKey(route: HostRoute): string {
  return `${route.prefix} table ${route.table ?? TABLE_MAIN} metric ${routeMetric(route)}`;
}

/** The metric a route has in the kernel. */
export function routeMetric(route: HostRoute): number {
  return route.metric || (familyOf(route.prefix) === 6 ? METRIC_DEFAULT_IPV6 : 0);
}

/** Text that two routes share if, and only if, they say the same. */
export function routeIdentity(route: HostRoute, key = routeKey(route)): string {
  const to = `${route.type ?? 'unicast'} ${route.via ?? ''} ${route.device ?? ''} ${route.source ?? ''} ${route.onLink ?? ''}`;
  return `${key} ${to}`;
}

/** Text that two rules share if, and only if, they say the same. */
export function ruleIdentity(rule: HostRule): string {
  const selector = `${rule.from ?? ''} ${rule.to ?? ''} ${rule.iif ?? ''} ${rule.oif ?? ''} ${rule.mark ?? ''}`;
  return `${rule.family} ${rule.priority} ${selector} ${rule.table} ${rule.suppressPrefixLength ?? ''}`;
}

/** Text that names an address on a device. */
export function addressKey(address: HostAddress): string {
  return `${address.address} ${address.device}`;
}

/** nft text without its layout, for comparison. */
export function nftNormal(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
