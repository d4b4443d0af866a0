/**
 * The difference of two HostStates as a list of commands.
 *
 * Order: links, sysctls, addresses, routes, rules, nft, and only then what has to go, in the reverse order. Things are
 * added before others are deleted because a moment without the old route is an outage, while a moment with both is
 * not: the more specific or cheaper one wins, and both lead somewhere. A route of which only the way changes is
 * replaced, which the kernel does in one step. Sysctls come before anything that attracts packets, so that the first
 * packet already finds forwarding on.
 *
 * Planning on the result of a plan gives an empty plan. A plan that fails half-way leaves a state from which the next
 * plan goes on. Nothing here looks at what is not in the observed state, so entries of others are never touched.
 */
import * as command from './commands.js';
import type { HostAddress, HostRoute, HostState, SysctlChange } from './host.js';
import { addressKey, nftNormal, routeIdentity, routeKey, ruleIdentity } from './host.js';

export type StepKind = 'link' | 'sysctl' | 'address' | 'route' | 'rule' | 'nft';

export interface Step {
  readonly kind: StepKind;
  /** Argument vector. A sysctl's may be carried out by a write to /proc/sys/KEY. */
  readonly command: readonly string[];
  /** Standard input of the command. */
  readonly input?: string;
  /** What takes it back, where the plan alone can know that. */
  readonly undo?: readonly string[];
  readonly why: string;
  /** Of a sysctl step. */
  readonly change?: SysctlChange;
}

/** The steps from `observed` to `desired`; [] when nothing differs. */
export function planHost(desired: HostState, observed: HostState): Step[] {
  const routes = { desired: named(desired.routes), observed: named(observed.routes) };
  return [
    ...planLinks(desired, observed),
    ...planSysctls(desired, observed),
    ...addAddresses(desired, observed),
    ...addRoutes(routes),
    ...addRules(desired, observed),
    ...addNft(desired, observed),
    ...planDeletions(desired, observed, routes),
  ];
}

/**
 * The steps that take back everything of ours in `observed`, then put back the sysctls in `changes`, last change
 * first. A sysctl that somebody else has changed since stays as it is. Links stay: our TUNs go with their owner.
 */
export function planUndo(observed: HostState, changes: readonly SysctlChange[]): Step[] {
  const nothing: HostState = {
    links: [],
    addresses: [],
    routes: [],
    rules: [],
    sysctls: [],
    nft: undefined,
  };
  const seen = new Map(observed.sysctls.map((sysctl) => [sysctl.key, sysctl.value]));
  const steps = planDeletions(nothing, observed, { desired: [], observed: named(observed.routes) });
  for (const { key, before, after } of [...changes].reverse()) {
    if (before === after || seen.get(key) !== after) continue;
    const change = { key, before: after, after: before };
    const why = 'as it was before';
    steps.push({ kind: 'sysctl', command: command.sysctlCommand(key, before), why, change });
  }
  return steps;
}

function planLinks(desired: HostState, observed: HostState): Step[] {
  const steps: Step[] = [];
  for (const link of desired.links) {
    const seen = observed.links.find((candidate) => candidate.device === link.device);
    const set = command.linkCommand(link, seen);
    if (set === undefined) continue;
    const back = seen && command.linkCommand(seen, link);
    const why = seen === undefined ? 'device is missing' : 'device differs';
    steps.push({ kind: 'link', command: set, ...(back && { undo: back }), why });
  }
  return steps;
}

function planSysctls(desired: HostState, observed: HostState): Step[] {
  const steps: Step[] = [];
  const seen = new Map(observed.sysctls.map((sysctl) => [sysctl.key, sysctl.value]));
  for (const { key, value, optional, replaces } of desired.sysctls) {
    const before = seen.get(key);
    if (before === value || (before === undefined && optional === true)) continue;
    if (replaces !== undefined && (before === undefined || !replaces.includes(before))) continue;
    const set = command.sysctlCommand(key, value);
    const step: Step = { kind: 'sysctl', command: set, why: `was ${before ?? 'missing'}` };
    if (before === undefined) steps.push(step);
    else {
      const undo = command.sysctlCommand(key, before);
      steps.push({ ...step, undo, change: { key, before, after: value } });
    }
  }
  return steps;
}

function addAddresses(desired: HostState, observed: HostState): Step[] {
  const steps: Step[] = [];
  const seen = new Map(observed.addresses.map((address) => [addressKey(address), address]));
  for (const address of desired.addresses) {
    const there = seen.get(addressKey(address));
    if (there !== undefined && !needsRefresh(address, there)) continue;
    const verb = there === undefined ? 'add' : 'replace';
    const why = there === undefined ? 'address is missing' : 'lifetime differs';
    const undo = command.addressDelete(address);
    steps.push({ kind: 'address', command: command.addressCommand(verb, address), undo, why });
  }
  return steps;
}

/** A lifetime runs down; it is set again at its half, and at once where it is of the wrong kind or too long. */
function needsRefresh(wanted: HostAddress, seen: HostAddress): boolean {
  if (wanted.lifetimeSeconds === undefined || seen.lifetimeSeconds === undefined) {
    return wanted.lifetimeSeconds !== seen.lifetimeSeconds;
  }
  return seen.lifetimeSeconds > wanted.lifetimeSeconds || seen.lifetimeSeconds <= wanted.lifetimeSeconds / 2;
}

/** A route with its texts (host.ts), which are made once: there may be ten thousand. */
interface NamedRoute {
  readonly route: HostRoute;
  readonly key: string;
  readonly identity: string;
}

interface NamedRoutes {
  readonly desired: readonly NamedRoute[];
  readonly observed: readonly NamedRoute[];
}

function named(routes: readonly HostRoute[]): NamedRoute[] {
  return routes.map((route) => {
    const key = routeKey(route);
    return { route, key, identity: routeIdentity(route, key) };
  });
}

function addRoutes({ desired, observed }: NamedRoutes): Step[] {
  const steps: Step[] = [];
  const same = new Set(observed.map(({ identity }) => identity));
  const sameKey = new Map(observed.map(({ key, route }) => [key, route]));
  for (const { route, key, identity } of desired) {
    if (same.has(identity)) continue;
    const old = sameKey.get(key);
    const undo =
      old === undefined ? command.routeCommand('del', route) : command.routeCommand('replace', old);
    const set = command.routeCommand(old === undefined ? 'add' : 'replace', route);
    const why = old === undefined ? 'route is missing' : 'route leads elsewhere';
    steps.push({ kind: 'route', command: set, undo, why });
  }
  return steps;
}

function addRules(desired: HostState, observed: HostState): Step[] {
  const seen = new Set(observed.rules.map(ruleIdentity));
  return desired.rules
    .filter((rule) => !seen.has(ruleIdentity(rule)))
    .map((rule) => {
      const undo = command.ruleCommand('del', rule);
      return { kind: 'rule', command: command.ruleCommand('add', rule), undo, why: 'rule is missing' };
    });
}

function addNft(desired: HostState, observed: HostState): Step[] {
  const wanted = desired.nft;
  if (wanted === undefined) return [];
  if (observed.nft !== undefined && nftNormal(observed.nft) === nftNormal(wanted)) return [];
  const why = observed.nft === undefined ? 'table is missing' : 'table differs';
  const input = command.nftReplaceInput(wanted);
  return [{ kind: 'nft', command: ['nft', '-f', '-'], input, undo: command.nftDelete(), why }];
}

function planDeletions(desired: HostState, observed: HostState, routes: NamedRoutes): Step[] {
  const steps: Step[] = [];
  const why = 'ours and no longer wanted';
  if (desired.nft === undefined && observed.nft !== undefined) {
    steps.push({ kind: 'nft', command: command.nftDelete(), why });
  }
  const rules = new Set(desired.rules.map(ruleIdentity));
  for (const rule of observed.rules) {
    if (rules.has(ruleIdentity(rule))) continue;
    const undo = command.ruleCommand('add', rule);
    steps.push({ kind: 'rule', command: command.ruleCommand('del', rule), undo, why });
  }
  for (const route of routesToDelete(routes)) {
    const undo = command.routeCommand('add', route);
    steps.push({ kind: 'route', command: command.routeCommand('del', route), undo, why });
  }
  const addresses = new Set(desired.addresses.map(addressKey));
  for (const address of observed.addresses) {
    if (addresses.has(addressKey(address))) continue;
    const undo = command.addressCommand('add', address);
    steps.push({ kind: 'address', command: command.addressDelete(address), undo, why });
  }
  return steps;
}

/** Observed routes that neither stay nor are replaced; a key seen twice (an appended twin) is replaced once. */
function routesToDelete({ desired, observed }: NamedRoutes): HostRoute[] {
  const stay = new Set(desired.map(({ identity }) => identity));
  const there = new Set(observed.map(({ identity }) => identity));
  const replaced = new Set(desired.filter(({ identity }) => !there.has(identity)).map(({ key }) => key));
  return observed
    .filter(({ key, identity }) => !stay.has(identity) && !replaced.delete(key))
    .map(({ route }) => route);
}
