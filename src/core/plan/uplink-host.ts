/**
 * Uplinks and local breakout as parts of the desired host.
 *
 * Every uplink has a routing table of its own, with its default route. Two kinds of rule lead there:
 *
 *   oif DEVICE          after the main table: what a socket bound to the device finds where the main table has no route by
 *                       that device. Without one the kernel would take every address for a neighbour on the link.
 *   iif WAN-TUN         the best uplink's table: local breakout. Switching is one rule: the new one is added behind the old
 *                       one, which stays in force until it is deleted, in one step.
 *
 * The way of a packet of local breakout, and of its answer:
 *
 *   site → LAN device → [1] LAN TUN → router → WAN TUN → [2] masquerade, uplink → internet
 *   site ← LAN device ← LAN TUN ← router ← WAN TUN ← [3] uplink ← internet
 *
 * [1] What comes from the site and has no better route than the default of the main table goes into the LAN TUN as far as a
 * `via: wan` route covers it. Beneath lies the guard: without its TUN the site's packets must not leave unmasqueraded.
 *
 * [2] The kernel meets a flow twice, once on each side of the router, with the same addresses. Connection tracking would take
 * the second meeting for the first, whose fate (no NAT) is sealed. So what comes from the WAN TUN is tracked in a zone of
 * its own, in the original direction alone: answers, which come to the uplink's address, are looked up in the zone of
 * everything else, and nobody else's tracking changes.
 *
 * [3] The kernel would give an answer, once translated back, to the LAN device. A mark on the connection brings it to the
 * WAN TUN, so that the router sees both directions. A flow belongs to the uplink by which it began: the mark says which,
 * and while that uplink is usable the flow stays there, so a return to a cheaper uplink disturbs nobody. When it is not,
 * the flow falls to the best uplink, where it cannot live (its address is another): TCP is reset at once, and for anything
 * else the kernel forgets the masqueraded connection by itself and makes a new one (nf_nat_oif_changed). Nothing is
 * searched or deleted by us, so this costs the same for one flow and for a million.
 */
import { type Family, overlap, type Prefix } from '../base/prefix.js';
import { breakoutTable, MARK } from './breakout-nft.js';
import { type HostRoute, type HostRule, type HostState, type HostSysctl, TABLE_MAIN } from './host.js';
import { prefixText } from './text.js';

/** Table of the uplink in place 0; the others follow. */
const TABLE_UPLINK = 8401;
/** Answers to the WAN TUN; the site's breakout to the LAN TUN; nowhere. */
const TABLE_BACK = 8420;
const TABLE_SITE = 8421;
const TABLE_NOWHERE = 8422;

const PRIORITY_FLOW = 8401;
const PRIORITY_BEST = 8420;
const PRIORITY_NOWHERE = 8429;
const PRIORITY_BACK = 8430;
const PRIORITY_SITE_MAIN = 8440;
const PRIORITY_SITE = 8441;
/** Behind the main table (32766). */
const PRIORITY_BOUND = 33_001;

/**
 * Metric of the guards: unreachable routes under the overlay's and under breakout's. A killed daemon takes its TUNs along, and
 * with them the routes; without guards the site's traffic would then leave by the default route, in the clear.
 */
export const GUARD_METRIC = 65_535;

/** The default route of an uplink for one family. */
export interface UplinkGateway {
  readonly family: Family;
  /** Address of the next hop; undefined on a device without neighbours (PPP). */
  readonly via: string | undefined;
  /** The next hop is in no subnet of the device. */
  readonly onLink: boolean;
}

/** An uplink as the host has it now. */
export interface UplinkWay {
  /** Its place in the configuration, from 0. */
  readonly place: number;
  /** Undefined: not bound; the main table decides. */
  readonly device: string | undefined;
  /** At most one for each family; empty while the device has no address, or is away. */
  readonly gateways: readonly UplinkGateway[];
  /** Its subnets, to see which uplinks share one. */
  readonly subnets: readonly Prefix[];
  /** Flows that began here may go on. */
  readonly usable: boolean;
}

export interface UplinkInput {
  readonly lanTun: string;
  readonly wanTun: string;
  readonly mtu: number;
  readonly lanDevice: string | undefined;
  /** Destinations of `via: wan` routes; empty: no local breakout. */
  readonly prefixes: readonly Prefix[];
  readonly ways: readonly UplinkWay[];
  /** Place of the uplink that breakout takes; undefined: none can. */
  readonly best: number | undefined;
  readonly rpFilterAll: number;
}

export type UplinkHost = Pick<HostState, 'routes' | 'rules' | 'sysctls' | 'nft'>;

/** What uplinks and local breakout need of the host. Pure. */
export function uplinkHost(input: UplinkInput): UplinkHost {
  const { prefixes, ways } = input;
  const families = ([4, 6] as const).filter((family) => prefixes.some((prefix) => prefix.family === family));
  return {
    routes: [...ways.flatMap(uplinkRoutes), ...families.flatMap((family) => breakoutRoutes(family, input))],
    rules: [...families.flatMap((family) => breakoutRules(family, input)), ...ways.flatMap(boundRules)],
    sysctls: uplinkSysctls(input),
    nft: prefixes.length === 0 ? undefined : breakoutTable(input),
  };
}

/** Places of uplinks of which another shares a subnet. */
export function sharingSubnet(ways: readonly UplinkWay[]): number[] {
  const shares = (a: UplinkWay, b: UplinkWay): boolean =>
    a.device !== b.device && a.subnets.some((one) => b.subnets.some((other) => overlap(one, other)));
  return ways
    .filter((way) => ways.some((other) => other !== way && shares(way, other)))
    .map((way) => way.place);
}

function everything(family: Family): string {
  return family === 4 ? '0.0.0.0/0' : '::/0';
}

function uplinkRoutes({ place, device, gateways }: UplinkWay): HostRoute[] {
  if (device === undefined) return [];
  return gateways.map(({ family, via, onLink }) => ({
    prefix: everything(family),
    device,
    table: TABLE_UPLINK + place,
    ...(via !== undefined && { via }),
    ...(onLink && { onLink }),
  }));
}

function breakoutRoutes(family: Family, input: UplinkInput): HostRoute[] {
  const texts = new Set(input.prefixes.filter((prefix) => prefix.family === family).map(prefixText));
  const prefix = everything(family);
  return [
    { prefix, device: input.wanTun, table: TABLE_BACK },
    ...[...texts].flatMap((text): HostRoute[] => [
      { prefix: text, device: input.lanTun, table: TABLE_SITE },
      { prefix: text, type: 'unreachable', table: TABLE_SITE, metric: GUARD_METRIC },
    ]),
    { prefix, type: 'unreachable', table: TABLE_NOWHERE },
  ];
}

function leads(way: UplinkWay, family: Family): boolean {
  return way.device === undefined || way.gateways.some((gateway) => gateway.family === family);
}

function tableOf(way: UplinkWay): number {
  return way.device === undefined ? TABLE_MAIN : TABLE_UPLINK + way.place;
}

function breakoutRules(family: Family, input: UplinkInput): HostRule[] {
  const { wanTun: iif, lanDevice, ways, best } = input;
  const leading = ways.filter((way) => leads(way, family));
  const bound = leading.filter((way) => way.usable && way.device !== undefined);
  const chosen = leading.find((way) => way.place === best);
  return [
    ...bound.map((way) => ({
      family,
      priority: PRIORITY_FLOW + way.place,
      iif,
      mark: MARK + way.place + 1,
      table: tableOf(way),
    })),
    ...(chosen === undefined ? [] : [{ family, priority: PRIORITY_BEST, iif, table: tableOf(chosen) }]),
    { family, priority: PRIORITY_NOWHERE, iif, table: TABLE_NOWHERE },
    { family, priority: PRIORITY_BACK, mark: MARK, table: TABLE_BACK },
    ...(lanDevice === undefined
      ? []
      : [
          {
            family,
            priority: PRIORITY_SITE_MAIN,
            iif: lanDevice,
            table: TABLE_MAIN,
            suppressPrefixLength: 0,
          },
          { family, priority: PRIORITY_SITE, iif: lanDevice, table: TABLE_SITE },
        ]),
  ];
}

function boundRules({ place, device, gateways }: UplinkWay): HostRule[] {
  if (device === undefined) return [];
  const priority = PRIORITY_BOUND + place;
  return gateways.map(({ family }) => ({ family, priority, oif: device, table: TABLE_UPLINK + place }));
}

/**
 * An answer comes by the uplink of its flow, which may not be the one that the main table prefers: strict rp_filter would
 * drop it. Uplinks in one subnet must not answer ARP for each other, or packets come by the wrong one.
 */
function uplinkSysctls(input: UplinkInput): HostSysctl[] {
  const { ways, prefixes, rpFilterAll } = input;
  const shared = sharingSubnet(ways);
  const sysctls: HostSysctl[] = [];
  const seen = new Set<string>();
  for (const { place, device } of ways) {
    if (device === undefined || seen.has(device)) continue;
    seen.add(device);
    const conf = `net/ipv4/conf/${device}`;
    const strict = rpFilterAll === 1 ? ['0', '1'] : ['1'];
    if (prefixes.length > 0 && device !== input.lanDevice) {
      sysctls.push({ key: `${conf}/forwarding`, value: '1', optional: true });
    }
    sysctls.push({ key: `${conf}/rp_filter`, value: '2', replaces: strict });
    if (!shared.includes(place)) continue;
    sysctls.push({ key: `${conf}/arp_ignore`, value: '1', replaces: ['0'] });
    sysctls.push({ key: `${conf}/arp_announce`, value: '2', replaces: ['0', '1'] });
  }
  return sysctls;
}
