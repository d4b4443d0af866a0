/**
 * The JSON of `ip -N -j -d`, read defensively: an entry of a shape not known here is left out or kept with what is
 * known of it, and never makes the reader fail. `-N` prints tables and protocols as numbers, whatever names
 * /etc/iproute2 gives them.
 */
import type { Family } from '../../core/base/prefix.js';
import type { HostAddress, HostLink, HostRoute, HostRule } from '../../core/plan/host.js';
import { OWN_PROTOCOL, TABLE_MAIN } from '../../core/plan/host.js';

/** How `ip` prints a lifetime without end. */
const FOREVER = 0xffff_ffff;
const TABLES: Readonly<Record<string, number>> = { default: 253, main: TABLE_MAIN, local: 255 };
/** rtm_type by number, which -N prints, and by the word a command wants. */
const TYPES: Readonly<Record<string, string>> = {
  '1': 'unicast',
  '2': 'local',
  '6': 'blackhole',
  '7': 'unreachable',
  '8': 'prohibit',
};

type Entry = Readonly<Record<string, unknown>>;

/** An address with what a choice among several needs. */
export interface SeenAddress extends HostAddress {
  readonly family: Family;
  readonly global: boolean;
  readonly secondary: boolean;
}

/** The arrays in the output of `ip -j`, one for each command of a batch; undefined if it is not that. */
export function parseArrays(text: string): Entry[][] | undefined {
  const arrays: Entry[][] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    try {
      const value: unknown = JSON.parse(line);
      if (!Array.isArray(value)) return undefined;
      arrays.push(value.filter(isEntry));
    } catch {
      return undefined;
    }
  }
  return arrays;
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

function number(value: unknown): number | undefined {
  const parsed = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined;
}

function tableOf(value: unknown): number | undefined {
  return typeof value === 'string' && value in TABLES ? TABLES[value] : number(value);
}

/** `default`, an address or a prefix, as a prefix. */
function prefixOf(value: unknown, family: Family, length?: unknown): string | undefined {
  const dst = text(value);
  if (dst === undefined) return undefined;
  if (dst === 'default' || dst === 'all') return family === 6 ? '::/0' : '0.0.0.0/0';
  return dst.includes('/') ? dst : `${dst}/${number(length) ?? (family === 6 ? 128 : 32)}`;
}

/** Links of `ip addr show`. */
export function parseLinks(entries: readonly Entry[]): HostLink[] {
  const links: HostLink[] = [];
  for (const entry of entries) {
    const device = text(entry['ifname']);
    if (device === undefined) continue;
    const mtu = number(entry['mtu']);
    const txQueueLength = number(entry['txqlen']);
    const up = Array.isArray(entry['flags']) && entry['flags'].includes('UP');
    links.push({
      device,
      ...(mtu !== undefined && { mtu }),
      ...(txQueueLength !== undefined && { txQueueLength }),
      up,
    });
  }
  return links;
}

/** Addresses of `ip addr show`, in the kernel's order. */
export function parseAddresses(entries: readonly Entry[]): SeenAddress[] {
  const addresses: SeenAddress[] = [];
  for (const entry of entries) {
    const device = text(entry['ifname']);
    const infos = entry['addr_info'];
    if (device === undefined || !Array.isArray(infos)) continue;
    for (const info of infos.filter(isEntry)) {
      const family = info['family'] === 'inet6' ? 6 : 4;
      const address = prefixOf(info['local'], family, info['prefixlen']);
      if (address === undefined) continue;
      const scope = text(info['scope']);
      const lifetime = number(info['valid_life_time']);
      addresses.push({
        device,
        address,
        family,
        global: scope === '0' || scope === 'global',
        secondary: info['secondary'] === true,
        ...((scope === '254' || scope === 'host') && { scope: 'host' }),
        ...(lifetime !== undefined && lifetime < FOREVER && { lifetimeSeconds: lifetime }),
      });
    }
  }
  return addresses;
}

/** Routes of `ip route show table all proto OWN_PROTOCOL`. */
export function parseRoutes(entries: readonly Entry[], family: Family): HostRoute[] {
  const routes: HostRoute[] = [];
  for (const entry of entries) {
    const prefix = prefixOf(entry['dst'], family);
    if (prefix === undefined) continue;
    const typeText = text(entry['type']);
    const type = typeText === undefined ? 'unicast' : (TYPES[typeText] ?? typeText);
    const table = tableOf(entry['table']);
    const metric = number(entry['metric']);
    // The kernel names `lo` as the device of IPv6 routes that have none.
    const device = type === 'unicast' ? text(entry['dev']) : undefined;
    const via = text(entry['gateway']);
    const source = text(entry['prefsrc']);
    routes.push({
      prefix,
      ...(device !== undefined && { device }),
      ...(via !== undefined && { via }),
      ...(table !== undefined && table !== TABLE_MAIN && { table }),
      ...(metric !== undefined && metric !== 0 && { metric }),
      ...(source !== undefined && { source }),
      ...(type !== 'unicast' && { type }),
      ...(Array.isArray(entry['flags']) && entry['flags'].includes('onlink') && { onLink: true }),
    });
  }
  return routes;
}

/** Those rules of `ip rule show` that carry our protocol number. */
export function parseRules(entries: readonly Entry[], family: Family): HostRule[] {
  const rules: HostRule[] = [];
  for (const entry of entries) {
    const priority = number(entry['priority']);
    if (number(entry['protocol']) !== OWN_PROTOCOL || priority === undefined) continue;
    const from = entry['src'] === 'all' ? undefined : prefixOf(entry['src'], family, entry['srclen']);
    const to = entry['dst'] === 'all' ? undefined : prefixOf(entry['dst'], family, entry['dstlen']);
    const iif = text(entry['iif']);
    const oif = text(entry['oif']);
    const mark = number(entry['fwmark']);
    const suppressed = number(entry['suppress_prefixlen']);
    rules.push({
      family,
      priority,
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(iif !== undefined && { iif }),
      ...(oif !== undefined && { oif }),
      ...(mark !== undefined && { mark }),
      table: tableOf(entry['table']) ?? 0,
      ...(suppressed !== undefined && { suppressPrefixLength: suppressed }),
    });
  }
  return rules;
}
