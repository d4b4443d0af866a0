/** An uplink's facts in the terms of those who want them: the tracker (what is there) and the host plan (ways out). */
import { covers, type Prefix, prefixOf } from '../../core/base/prefix.js';
import { formatAddress, parseAddress } from '../../core/config/address.js';
import type { UplinkConfiguration } from '../../core/config/configuration.js';
import type { UplinkGateway, UplinkWay } from '../../core/plan/uplink-host.js';
import type { LinkFacts } from '../../core/uplink/evidence.js';
import type { DeviceFacts } from '../../edge/linux/uplink-facts.js';

const IFF_UP = 1;
const IFF_LOWER_UP = 1 << 16;
const LINK_LOCAL: Prefix = prefixOf(Uint8Array.of(0xfe, 0x80, ...new Uint8Array(14)), 10);

/** Whom to ask whether the gateway lives, and as whom. */
export interface GatewayQuestion {
  readonly source: Uint8Array;
  readonly gateway: Uint8Array;
}

/** The prefix of an address with its length, as `ip` prints it. */
function subnetOf(text: string): Prefix[] {
  const [address, length] = text.split('/');
  const bytes = parseAddress(address);
  return bytes === undefined ? [] : [prefixOf(bytes, Number(length))];
}

/**
 * The default routes of an uplink: the configured gateway for its family, the kernel's for the other; none for a family of
 * which the device has no address.
 */
export function gatewaysOf(uplink: UplinkConfiguration, facts: DeviceFacts | undefined): UplinkGateway[] {
  if (facts === undefined) return [];
  const subnets = facts.addresses.flatMap(subnetOf);
  return ([4, 6] as const).flatMap((family) => {
    if (!subnets.some((subnet) => subnet.family === family)) return [];
    const wanted = uplink.gateway?.length === (family === 4 ? 4 : 16) ? uplink.gateway : undefined;
    const found = facts.gateways.find((gateway) => gateway.family === family);
    if (wanted === undefined && found === undefined) return [];
    const via = wanted === undefined ? found?.via : formatAddress(wanted);
    const bytes = via === undefined ? undefined : parseAddress(via);
    const near = [...subnets, LINK_LOCAL].some((subnet) => bytes !== undefined && covers(subnet, bytes));
    return [{ family, via, onLink: via !== undefined && !near }];
  });
}

/** What the tracker is told. `flags`: of the device, as `linkFlags` answers. */
export function linkOf(
  uplink: UplinkConfiguration,
  flags: number,
  facts: DeviceFacts | undefined,
  except: readonly string[],
): LinkFacts {
  const present = flags >= 0;
  const up = present && (flags & IFF_UP) !== 0;
  const addresses = (facts?.addresses ?? []).filter((address) => !except.includes(address));
  const wanted = uplink.address === undefined ? undefined : formatAddress(uplink.address);
  const has = wanted === undefined || addresses.some((address) => address.split('/')[0] === wanted);
  return {
    present,
    up,
    carrier: up && (flags & IFF_LOWER_UP) !== 0,
    addresses,
    ...(!has && { lacks: wanted }),
    gateways: gatewaysOf(uplink, facts).map(({ via }) => via ?? 'on-link'),
  };
}

/** What the host plan is told. */
export function wayOf(
  uplink: UplinkConfiguration,
  place: number,
  link: LinkFacts,
  facts: DeviceFacts | undefined,
  usable: boolean,
): UplinkWay {
  const gateways = link.up ? gatewaysOf(uplink, facts) : [];
  return { place, device: uplink.device, gateways, subnets: link.addresses.flatMap(subnetOf), usable };
}

/** How the gateway of an uplink can be asked; undefined: it has none, or no link layer on which to ask. */
export function questionOf(
  uplink: UplinkConfiguration,
  facts: DeviceFacts | undefined,
): GatewayQuestion | undefined {
  if (facts?.ethernet !== true) return undefined;
  for (const { via, family } of gatewaysOf(uplink, facts)) {
    const gateway = via === undefined ? undefined : parseAddress(via);
    const own = facts.addresses.find((address) => address.includes(':') === (family === 6));
    const source = own === undefined ? undefined : parseAddress(own.split('/')[0]);
    if (gateway !== undefined && source !== undefined) return { source, gateway };
  }
  return undefined;
}
