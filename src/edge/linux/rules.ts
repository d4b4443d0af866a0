/**
 * Routing rules by rtnetlink itself: when an uplink dies every millisecond counts, and a process of its own (`ip`) takes
 * many on a busy machine. This only runs ahead of applyHost, which looks at the outcome and mends what differs.
 */
import { endianness } from 'node:os';
import { type HostRule, OWN_PROTOCOL, ruleIdentity } from '../../core/plan/host.js';
import type { Native } from '../native.js';

const LITTLE = endianness() === 'LE';
const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;
const FR_ACT_TO_TBL = 1;
const AF_INET = 2;
const AF_INET6 = 10;
/** struct nlmsghdr, struct fib_rule_hdr. */
const HEADER = 16;
const RULE_HEADER = 12;
const FRA_IIFNAME = 3;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_OIFNAME = 17;
const FRA_PROTOCOL = 21;

let sequence = 0;

/**
 * Leads the kernel from the rules `before` to `after`: what is new first, then what goes. Rules that select by prefix are
 * left to applyHost. What the kernel refuses is passed over.
 */
export function switchRules(native: Native, before: readonly HostRule[], after: readonly HostRule[]): void {
  const selectable = (rule: HostRule): boolean => rule.from === undefined && rule.to === undefined;
  const missingIn = (rules: readonly HostRule[]): ((rule: HostRule) => boolean) => {
    const there = new Set(rules.map(ruleIdentity));
    return (rule) => selectable(rule) && !there.has(ruleIdentity(rule));
  };
  for (const rule of after.filter(missingIn(before))) native.netlinkRequest(encodeRule('add', rule));
  for (const rule of before.filter(missingIn(after))) native.netlinkRequest(encodeRule('del', rule));
}

/** RTM_NEWRULE or RTM_DELRULE of a rule without prefixes, with our protocol number. */
export function encodeRule(verb: 'add' | 'del', rule: HostRule): Uint8Array {
  const attributes: (readonly [number, Uint8Array])[] = [
    [FRA_PRIORITY, word(rule.priority)],
    [FRA_TABLE, word(rule.table)],
    [FRA_PROTOCOL, Uint8Array.of(OWN_PROTOCOL)],
  ];
  if (rule.iif !== undefined) attributes.push([FRA_IIFNAME, name(rule.iif)]);
  if (rule.oif !== undefined) attributes.push([FRA_OIFNAME, name(rule.oif)]);
  if (rule.mark !== undefined) attributes.push([FRA_FWMARK, word(rule.mark)]);
  if (rule.suppressPrefixLength !== undefined) {
    attributes.push([FRA_SUPPRESS_PREFIXLEN, word(rule.suppressPrefixLength)]);
  }
  const padded = (length: number): number => (length + 3) & ~3;
  const length = attributes.reduce((sum, [, value]) => sum + 4 + padded(value.length), HEADER + RULE_HEADER);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, LITTLE);
  view.setUint16(4, verb === 'add' ? RTM_NEWRULE : RTM_DELRULE, LITTLE);
  const flags = NLM_F_REQUEST | NLM_F_ACK | (verb === 'add' ? NLM_F_CREATE | NLM_F_EXCL : 0);
  view.setUint16(6, flags, LITTLE);
  view.setUint32(8, ++sequence >>> 0, LITTLE);
  bytes[HEADER] = rule.family === 6 ? AF_INET6 : AF_INET;
  bytes[HEADER + 7] = FR_ACT_TO_TBL;
  let at = HEADER + RULE_HEADER;
  for (const [kind, value] of attributes) {
    view.setUint16(at, 4 + value.length, LITTLE);
    view.setUint16(at + 2, kind, LITTLE);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  return bytes;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, LITTLE);
  return bytes;
}

/** With the terminating zero. */
function name(text: string): Uint8Array {
  return Uint8Array.from([...Buffer.from(text), 0]);
}
