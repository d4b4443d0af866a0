/**
 * What the kernel says of devices that are uplinks: link, addresses, and the default routes by which they lead on. Read
 * with `ip` when the link monitor nudges; the carrier alone is asked of the kernel directly, since it must be known at once.
 */
import type { Family } from '../../core/base/prefix.js';
import { OWN_PROTOCOL, TABLE_MAIN } from '../../core/plan/host.js';
import { type Host, hasIpv6 } from './observe.js';
import { parseAddresses, parseArrays } from './parse.js';

/** The next hop of a device's default route; `via` is undefined where the device has no neighbours. */
export interface DeviceGateway {
  readonly family: Family;
  readonly via: string | undefined;
}

export interface DeviceFacts {
  /** Interface index: another one means another device of the same name. */
  readonly index: number;
  /** It has a link layer on which a gateway can be asked (ARP, neighbour discovery). */
  readonly ethernet: boolean;
  /** Global ones, with their lengths, in the kernel's order. */
  readonly addresses: readonly string[];
  /** At most one for each family: the one that the kernel would use first. */
  readonly gateways: readonly DeviceGateway[];
}

/** ARPHRD_ETHER, with and without -N. */
const ETHERNET: ReadonlySet<string> = new Set(['ether', '[1]']);

type Entry = Readonly<Record<string, unknown>>;

interface DefaultRoute extends DeviceGateway {
  readonly device: string;
  readonly order: number;
}

/** Facts by device; one that does not exist is left out. Undefined where the kernel does not answer. */
export async function readDeviceFacts(host: Host): Promise<Map<string, DeviceFacts> | undefined> {
  const [links, ...routes] = await Promise.all([
    readArray(host, ['addr', 'show']),
    readArray(host, ['-4', 'route', 'show', 'table', 'all', 'default']),
    hasIpv6(host) ? readArray(host, ['-6', 'route', 'show', 'table', 'all', 'default']) : [],
  ]);
  if (links === undefined || routes.includes(undefined)) return undefined;
  const [routes4 = [], routes6 = []] = routes;
  const defaults = [...parseDefaults(routes4, 4), ...parseDefaults(routes6, 6)];
  const addresses = parseAddresses(links);
  const facts = new Map<string, DeviceFacts>();
  for (const link of links) {
    const device = String(link['ifname']);
    facts.set(device, {
      index: Number(link['ifindex']),
      ethernet: ETHERNET.has(String(link['link_type'])),
      addresses: addresses
        .filter((seen) => seen.device === device && seen.global)
        .map(({ address }) => address),
      gateways: ([4, 6] as const).flatMap((family) => firstOf(defaults, device, family)),
    });
  }
  return facts;
}

async function readArray(host: Host, words: readonly string[]): Promise<Entry[] | undefined> {
  const [family] = words;
  const options = family.startsWith('-') ? [family] : [];
  const argv = ['ip', ...options, '-N', '-j', '-d', ...words.slice(options.length)];
  const { status, stdout } = await host.runner.run(argv);
  // No route at all is no output at all.
  return status === 0 ? (parseArrays(stdout)?.flat() ?? []) : undefined;
}

function firstOf(defaults: readonly DefaultRoute[], device: string, family: Family): DeviceGateway[] {
  const own = defaults.filter((route) => route.device === device && route.family === family);
  const [first] = own.sort((a, b) => a.order - b.order);
  return first === undefined ? [] : [{ family, via: first.via }];
}

/** Every next hop of default routes that are not ours, the main table's first, then by metric. */
function parseDefaults(entries: readonly Entry[], family: Family): DefaultRoute[] {
  return entries.flatMap((entry) => {
    if (Number(entry['protocol']) === OWN_PROTOCOL || String(entry['type'] ?? '1') !== '1') return [];
    const table = Number(entry['table'] ?? TABLE_MAIN);
    const order = (table === TABLE_MAIN ? 0 : 2 ** 32) + Number(entry['metric'] ?? 0);
    const hops = Array.isArray(entry['nexthops']) ? (entry['nexthops'] as Entry[]) : [entry];
    return hops.flatMap((hop) => {
      const device = hop['dev'];
      const via = hop['gateway'];
      if (typeof device !== 'string') return [];
      return [{ family, device, order, via: typeof via === 'string' ? via : undefined }];
    });
  });
}
