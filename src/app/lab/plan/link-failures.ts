/**
 * Failures of wires: carrier loss by taking the far end down, silence by nftables where the wire ends: in the namespace
 * of the switch (bridge family, so that ARP goes too) or, on a cable, of whoever is at the other end.
 */
import { type Layout, namespaceOf } from '../layout.js';
import type { Host, Interface, Scenario, Segment } from '../scenario.js';
import type { Failure } from './failures.js';
import { attachments, planInterfaces, portOf } from './network.js';
import type { Step } from './step.js';

/** Of a brown-out. */
const LOSS_PERCENT = 30;

/** Where a host's interface is plugged in. */
export interface Port {
  readonly host: string;
  readonly segment: Segment;
  /** Name of the switch port. */
  readonly port: string;
}

function plugOf(scenario: Scenario, host: Host, device: string): { mine: Interface; segment: Segment } {
  const mine = host.interfaces.find((one) => one.name === device)!;
  return { mine, segment: scenario.segments.find((one) => one.name === mine.segment)! };
}

/** The switch port of an interface. */
export function portAt(scenario: Scenario, host: Host, device: string): Port {
  const { mine, segment } = plugOf(scenario, host, device);
  return { host: host.name, segment, port: portOf({ host, interface: mine }) };
}

function down(layout: Layout, where: string, device: string): Step {
  return { do: 'ip', namespace: namespaceOf(layout, where), args: `link set ${device} down` };
}

/** A table of drop rules, one chain a hook; taken away as a whole. */
function silence(
  layout: Layout,
  what: string,
  where: string,
  family: 'ip' | 'bridge',
  table: string,
  chains: Readonly<Record<string, readonly string[]>>,
): Failure {
  const nft = (command: string): Step => ({
    do: 'run',
    argv: ['ip', 'netns', 'exec', namespaceOf(layout, where), 'nft', command],
  });
  const rules = Object.entries(chains).map(
    ([hook, list]) =>
      `chain ${hook} { type filter hook ${hook} priority -300; ${list.map((one) => `${one};`).join(' ')} };`,
  );
  return {
    what,
    fail: [nft(`table ${family} ${table} { ${rules.join(' ')} };`)],
    heal: [nft(`delete table ${family} ${table}`)],
  };
}

/** Carrier loss. */
export function linkFailure(
  scenario: Scenario,
  layout: Layout,
  what: string,
  host: Host,
  device: string,
): Failure {
  const { mine, segment } = plugOf(scenario, host, device);
  if (segment.kind === 'switch') {
    const port = portOf({ host, interface: mine });
    const up: Step = { do: 'ip', namespace: namespaceOf(layout, segment.name), args: `link set ${port} up` };
    return { what, fail: [down(layout, segment.name, port)], heal: [up] };
  }
  const far = attachments(scenario, segment).find((one) => one.host !== host)!;
  return {
    what,
    fail: [down(layout, far.host.name, far.interface.name)],
    heal: planInterfaces(layout, far.host, far.interface.name),
  };
}

/** Nothing passes and the carrier stays. */
export function silentLinkFailure(
  scenario: Scenario,
  layout: Layout,
  what: string,
  host: Host,
  device: string,
): Failure {
  const { mine, segment } = plugOf(scenario, host, device);
  if (segment.kind === 'switch') {
    const port = portOf({ host, interface: mine });
    const rules = [`iifname "${port}" drop`, `oifname "${port}" drop`];
    return silence(layout, what, segment.name, 'bridge', `silent-${port}`, { forward: rules });
  }
  const far = attachments(scenario, segment).find((one) => one.host !== host)!;
  return silence(layout, what, far.host.name, 'ip', `silent-${far.interface.name}`, {
    prerouting: [`iifname "${far.interface.name}" drop`],
    postrouting: [`oifname "${far.interface.name}" drop`],
  });
}

/** Two hosts on one switch do not reach each other; everybody else reaches both. */
export function cutFailure(layout: Layout, what: string, a: Port, b: Port): Failure {
  const rule = (from: Port, to: Port) => `iifname "${from.port}" oifname "${to.port}" drop`;
  return silence(layout, what, a.segment.name, 'bridge', `cut-${a.port}-${b.port}`, {
    forward: [rule(a, b), rule(b, a)],
  });
}

/** A router without power. */
export function ispFailure(layout: Layout, what: string, host: Host): Failure {
  return {
    what,
    fail: host.interfaces.map((one) => down(layout, host.name, one.name)),
    heal: planInterfaces(layout, host),
  };
}

/** An ISP that loses packets at random, in both directions. */
export function lossyIspFailure(layout: Layout, what: string, host: Host): Failure {
  const rule = `numgen random mod 100 < ${LOSS_PERCENT} drop`;
  return silence(layout, what, host.name, 'ip', 'loss', { forward: [rule] });
}

/** A switch without power: no port has a carrier. */
export function switchFailure(scenario: Scenario, layout: Layout, what: string, segment: Segment): Failure {
  const ports = attachments(scenario, segment).map(portOf);
  const namespace = namespaceOf(layout, segment.name);
  return {
    what,
    fail: ports.map((port) => down(layout, segment.name, port)),
    heal: ports.map((port): Step => ({ do: 'ip', namespace, args: `link set ${port} up` })),
  };
}

/** An ISP that forwards nothing. */
export function silentIspFailure(layout: Layout, what: string, host: Host): Failure {
  return silence(layout, what, host.name, 'ip', 'silence', { prerouting: ['drop'], output: ['drop'] });
}
