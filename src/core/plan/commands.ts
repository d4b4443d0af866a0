/**
 * The argument vectors of `ip`, `nft` and `sysctl`, one function for each kind of change. Nothing is ever passed
 * through a shell. Deletions repeat every attribute, our protocol number included: the kernel then refuses to
 * delete an entry that merely looks like ours.
 */
import type { HostAddress, HostLink, HostRoute, HostRule } from './host.js';
import { familyOf, NFT_TABLE, OWN_PROTOCOL, routeMetric, TABLE_MAIN } from './host.js';

/** `ip` for a family; IPv4 is its default. */
function ip(text: string): string[] {
  return familyOf(text) === 6 ? ['ip', '-6'] : ['ip'];
}

function optional(word: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [word, String(value)];
}

/** `ip link set` for those properties of `link` that differ from `seen`; undefined if none does. */
export function linkCommand(link: HostLink, seen: HostLink | undefined): string[] | undefined {
  const words: string[] = [];
  if (link.mtu !== seen?.mtu) words.push(...optional('mtu', link.mtu));
  if (link.txQueueLength !== seen?.txQueueLength) words.push(...optional('txqueuelen', link.txQueueLength));
  if (link.up && seen?.up !== true) words.push('up');
  return words.length === 0 ? undefined : ['ip', 'link', 'set', 'dev', link.device, ...words];
}

/** Adds an address, or refreshes its lifetime. */
export function addressCommand(verb: 'add' | 'replace', address: HostAddress): string[] {
  const lifetime = address.lifetimeSeconds === undefined ? 'forever' : String(address.lifetimeSeconds);
  const words = [...ip(address.address), 'addr', verb, address.address, 'dev', address.device];
  words.push(...optional('scope', address.scope));
  // An IPv6 VIP has to work at once (no duplicate detection: the partner may still hold it for a moment) and, being
  // deprecated, is not chosen as a source. IPv4 has no such thing: there the order of addresses decides.
  if (familyOf(address.address) === 6)
    return [...words, 'valid_lft', lifetime, 'preferred_lft', '0', 'nodad'];
  if (lifetime !== 'forever' || verb === 'replace') {
    words.push('valid_lft', lifetime, 'preferred_lft', lifetime);
  }
  return words;
}

/** Removes an address. */
export function addressDelete(address: HostAddress): string[] {
  return [...ip(address.address), 'addr', 'del', address.address, 'dev', address.device];
}

function routeWords(route: HostRoute): string[] {
  const type = route.type === undefined || route.type === 'unicast' ? [] : [route.type];
  const table = route.table === TABLE_MAIN ? undefined : route.table;
  return [
    ...type,
    route.prefix,
    ...optional('via', route.via),
    ...optional('dev', route.device),
    ...optional('table', table),
    ...optional('metric', routeMetric(route) || undefined),
    ...optional('src', route.source),
    'proto',
    String(OWN_PROTOCOL),
    ...(route.onLink === true ? ['onlink'] : []),
  ];
}

/** `add` fails where somebody else has that entry, which `replace` would take away; so new routes are added. */
export function routeCommand(verb: 'add' | 'replace' | 'del', route: HostRoute): string[] {
  return [...ip(route.prefix), 'route', verb, ...routeWords(route)];
}

/** Adds or removes a rule. */
export function ruleCommand(verb: 'add' | 'del', rule: HostRule): string[] {
  return [
    ...(rule.family === 6 ? ['ip', '-6'] : ['ip']),
    'rule',
    verb,
    'priority',
    String(rule.priority),
    ...optional('from', rule.from),
    ...optional('to', rule.to),
    ...optional('iif', rule.iif),
    ...optional('oif', rule.oif),
    ...optional('fwmark', rule.mark === undefined ? undefined : `0x${rule.mark.toString(16)}`),
    ...optional('lookup', rule.table === 0 ? undefined : rule.table),
    ...optional('suppress_prefixlength', rule.suppressPrefixLength),
    'protocol',
    String(OWN_PROTOCOL),
  ];
}

/** Sets a sysctl, as an operator would type it. */
export function sysctlCommand(key: string, value: string): string[] {
  return ['sysctl', '-w', `${key}=${value}`];
}

/** Input of `nft -f -`: one transaction that puts `table` in place of whatever was there, or of nothing. */
export function nftReplaceInput(table: string): string {
  return `table inet ${NFT_TABLE}\ndelete table inet ${NFT_TABLE}\n${table}\n`;
}

/** Removes our nft table. */
export function nftDelete(): string[] {
  return ['nft', 'delete', 'table', 'inet', NFT_TABLE];
}
