/**
 * What the host must look like for this node to route: two TUNs up, the overlay's prefixes on the LAN TUN, and, where
 * this member is active, the cluster's VIP on the LAN device.
 *
 * rp_filter. The kernel applies max(all, device), and what comes out of a TUN has sources that the kernel itself would
 * look for elsewhere: our own ICMP errors carry the node's LAN address (which also needs accept_local), and local
 * breakout carries site addresses. Strict mode (1) drops those, so the TUN is 0; where `all` is not 0 that has no
 * effect, and 2 (loose) is the least that overrules a strict `all`. Even loose mode drops such packets on a device
 * without any address (fib_validate_source, label last_resort). So each TUN gets TUN_ADDRESS, the IPv4 dummy address
 * of RFC 7600, in scope host: it satisfies the kernel and is never chosen as a source.
 *
 * send_redirects. The kernel uses all OR device, so both are 0: a site host that reaches us and the overlay by one
 * device must not be told to go round us.
 *
 * The VIP is a /32 (or /128), whatever length the configuration gives: with the subnet's length the kernel would make
 * it either a secondary of the node's own address, which dies with that one, or, if it came first, the primary with
 * the connected route, which would take the node's own address along when the role moves. As a /32 it brings no
 * connected route, comes and goes alone, and the connected route keeps the node's own address as its source. Neighbours
 * are told by gratuitous ARP, which is the caller's part.
 */
import { overlap, type Prefix } from '../base/prefix.js';
import type { DesiredHost, HostAddress, HostLink, HostRoute, HostSysctl } from './host.js';
import { addressText, prefixText } from './text.js';
import { GUARD_METRIC, type UplinkWay, uplinkHost } from './uplink-host.js';

/** RFC 7600, section 4.8: the IPv4 dummy address. */
export const TUN_ADDRESS = '192.0.0.8/32';
/**
 * What waits for a worker that is away. Small packets come by the hundred thousand a second, and a thread on a shared core
 * is away for ten milliseconds and more: the kernel's 500 are lost in 5 ms, 1000 in 10. Streams fill no queue of this
 * length, their windows are smaller.
 */
export const TX_QUEUE_LENGTH = 4096;

/** A cluster's virtual address: 4 or 16 bytes; `prefixLength` is that of its subnet. */
export interface Vip {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

export interface HostInput {
  readonly lanTun: string;
  readonly wanTun: string;
  readonly mtu: number;
  readonly txQueueLength?: number;
  /** The device on the site side; undefined on a node without one. */
  readonly lanDevice: string | undefined;
  /** Everything that is reached through the overlay: the network's CIDR and the routes to other clusters. */
  readonly overlayPrefixes: readonly Prefix[];
  /** Preferred source of this machine's own traffic into the overlay (4 or 16 bytes). */
  readonly overlaySource?: Uint8Array;
  /** Whether this member holds its cluster's role now. */
  readonly active: boolean;
  readonly vip?: Vip;
  /** Seconds until the kernel drops the VIP unless it is refreshed; absent = it stays. */
  readonly vipLifetimeSeconds?: number;
  /** Devices that may take their IPv6 default route from router advertisements. */
  readonly uplinkDevices?: readonly string[];
  /** net/ipv4/conf/all/rp_filter as it is. */
  readonly rpFilterAll: number;
  /** Whether the kernel has IPv6; without it IPv6 prefixes are left out. */
  readonly ipv6: boolean;
  /** Uplinks that need routes of their own, as they are now; absent = none. */
  readonly ways?: readonly UplinkWay[];
  /** Destinations of `via: wan` routes; absent = no local breakout. */
  readonly breakoutPrefixes?: readonly Prefix[];
  /** Place of the uplink that breakout takes; absent = none can. */
  readonly breakoutUplink?: number;
}

/** The host as this node needs it. Pure: the same input gives the same value. */
export function desiredHost(input: HostInput): DesiredHost {
  const tuns = [input.lanTun, input.wanTun];
  const overlay = input.overlayPrefixes.filter((prefix) => prefix.family === 4 || input.ipv6);
  const prefixes = (input.breakoutPrefixes ?? []).filter((prefix) => prefix.family === 4 || input.ipv6);
  const usesIpv6 = [...overlay, ...prefixes].some((prefix) => prefix.family === 6);
  const uplinks = uplinkHost({ ...input, prefixes, ways: input.ways ?? [], best: input.breakoutUplink });
  const vip = input.vip && addressText(input.vip.address);
  return {
    links: tuns.map((device) => tunLink(device, input)),
    addresses: [...tuns.map(tunAddress), ...vipAddress(input)],
    routes: [...overlayRoutes(overlay, input), ...uplinks.routes],
    rules: uplinks.rules,
    sysctls: [...ipv4Sysctls(tuns, input), ...uplinks.sysctls, ...ipv6Sysctls(tuns, input, usesIpv6)],
    nft: uplinks.nft,
    ownAddresses: vip === undefined ? [] : [vip],
  };
}

function tunLink(device: string, input: HostInput): HostLink {
  return { device, mtu: input.mtu, txQueueLength: input.txQueueLength ?? TX_QUEUE_LENGTH, up: true };
}

function tunAddress(device: string): HostAddress {
  return { device, address: TUN_ADDRESS, scope: 'host' };
}

function vipAddress(input: HostInput): HostAddress[] {
  const { vip, lanDevice, vipLifetimeSeconds } = input;
  if (!input.active || vip === undefined || lanDevice === undefined) return [];
  if (vip.address.length === 16 && !input.ipv6) return [];
  const lifetime = vipLifetimeSeconds === undefined ? {} : { lifetimeSeconds: vipLifetimeSeconds };
  return [{ device: lanDevice, address: addressText(vip.address), ...lifetime }];
}

function overlayRoutes(overlay: readonly Prefix[], input: HostInput): HostRoute[] {
  const source = input.overlaySource;
  const sourceText = source && addressText(source).split('/')[0];
  const seen = new Set<string>();
  const routes: HostRoute[] = [];
  for (const prefix of overlay) {
    const text = prefixText(prefix);
    if (seen.has(text)) continue;
    seen.add(text);
    const withSource = sourceText !== undefined && source?.length === prefix.bytes.length;
    routes.push({ prefix: text, device: input.lanTun, ...(withSource && { source: sourceText }) });
    if (overlay.some((other) => other.length < prefix.length && overlap(other, prefix))) continue;
    routes.push({ prefix: text, type: 'unreachable', metric: GUARD_METRIC });
  }
  return routes;
}

function ipv4Sysctls(tuns: readonly string[], input: HostInput): HostSysctl[] {
  // ip_forward first: writing it resets the per-device values that depend on it.
  const sysctls: HostSysctl[] = [{ key: 'net/ipv4/ip_forward', value: '1' }];
  const rpFilter = input.rpFilterAll === 0 ? '0' : '2';
  for (const tun of tuns) {
    const conf = `net/ipv4/conf/${tun}`;
    sysctls.push({ key: `${conf}/forwarding`, value: '1' });
    sysctls.push({ key: `${conf}/rp_filter`, value: rpFilter });
    sysctls.push({ key: `${conf}/accept_local`, value: '1' });
  }
  sysctls.push({ key: 'net/ipv4/conf/all/send_redirects', value: '0' });
  if (input.lanDevice !== undefined) {
    sysctls.push({ key: `net/ipv4/conf/${input.lanDevice}/forwarding`, value: '1' });
    sysctls.push({ key: `net/ipv4/conf/${input.lanDevice}/send_redirects`, value: '0' });
  }
  return sysctls;
}

function ipv6Sysctls(tuns: readonly string[], input: HostInput, used: boolean): HostSysctl[] {
  const sysctls: HostSysctl[] = [];
  if (!input.ipv6) return sysctls;
  // Without IPv6 in the overlay the TUNs stay free of router solicitations and listener reports.
  for (const tun of tuns) {
    sysctls.push({ key: `net/ipv6/conf/${tun}/disable_ipv6`, value: used ? '0' : '1', optional: true });
  }
  if (!used) return sysctls;
  // Turning forwarding on drops default routes learnt from advertisements unless accept_ra is 2 by then.
  for (const uplink of input.uplinkDevices ?? []) {
    sysctls.push({ key: `net/ipv6/conf/${uplink}/accept_ra`, value: '2', replaces: ['1'] });
  }
  sysctls.push({ key: 'net/ipv6/conf/all/forwarding', value: '1' });
  return sysctls;
}
