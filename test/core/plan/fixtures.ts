/** The node edge1-a of the seed's network, and a host that has its devices. */
import { prefixOf } from '../../../src/core/base/prefix.js';
import { desiredHost, type HostInput } from '../../../src/core/plan/desired.js';
import type { DesiredHost, HostState } from '../../../src/core/plan/host.js';
import { planHost, planUndo, type Step } from '../../../src/core/plan/plan.js';
import { ModelHost } from './model.js';

export function prefix(text: string) {
  const [address, length] = text.split('/');
  return prefixOf(Uint8Array.from(address.split('.').map(Number)), Number(length));
}

export const edge1a: HostInput = {
  lanTun: 'ts-lan',
  wanTun: 'ts-wan',
  mtu: 1408,
  lanDevice: 'eth1',
  overlayPrefixes: ['10.100.0.0/16', '10.100.100.0/24'].map(prefix),
  active: true,
  vip: { address: Uint8Array.of(172, 16, 10, 215), prefixLength: 24 },
  rpFilterAll: 0,
  ipv6: true,
};

/** A machine as it is before the first start: devices there, sysctls at their defaults, entries of others. */
export function freshHost(input: HostInput = edge1a): ModelHost {
  const host = new ModelHost();
  host.links = [
    { device: 'eth1', mtu: 1500, txQueueLength: 1000, up: true },
    { device: input.lanTun, mtu: 1500, txQueueLength: 500, up: false },
    { device: input.wanTun, mtu: 1500, txQueueLength: 500, up: false },
  ];
  host.addresses = [{ device: 'eth1', address: '172.16.10.200/24' }];
  host.routes = [
    { prefix: '172.16.10.0/24', device: 'eth1', protocol: 2 },
    { prefix: '0.0.0.0/0', device: 'eth1', via: '172.16.10.1', protocol: 16 },
  ];
  host.rules = [{ family: 4, priority: 32766, table: 254, protocol: 2 }];
  for (const { key } of desiredHost(input).sysctls) {
    host.sysctls.set(key, key.endsWith('send_redirects') ? '1' : '0');
  }
  host.tables.set('filter', 'table inet filter { }');
  return host;
}

/** A plan as text, a line for each command, input indented below. */
export function planText(steps: readonly Step[]): string {
  const lines = steps.flatMap(({ command, input }) => [
    command.join(' '),
    ...(input === undefined
      ? []
      : input
          .trimEnd()
          .split('\n')
          .map((line) => `  ${line}`)),
  ]);
  return lines.join('\n');
}

/** Carries a plan out on the model; throws on the first command that the model refuses. */
export function execute(steps: readonly Step[], host: ModelHost): void {
  for (const { command, input } of steps) {
    const refusal = host.execute(command, input);
    if (refusal !== undefined) throw new Error(`${command.join(' ')}: ${refusal}`);
  }
}

/** Plans on the model's state, carries it out, and returns the plan. */
export function bring(desired: DesiredHost, host: ModelHost): Step[] {
  const steps = planHost(desired, host.observe(desired));
  execute(steps, host);
  return steps;
}

/** Undoes on the model what `steps` changed. */
export function takeBack(desired: DesiredHost, steps: readonly Step[], host: ModelHost): Step[] {
  const observed: HostState = host.observe(desired);
  const undo = planUndo(
    observed,
    steps.flatMap((step) => step.change ?? []),
  );
  execute(undo, host);
  return undo;
}

/** A host of which nothing is wanted. */
export const NOTHING: DesiredHost = {
  links: [],
  addresses: [],
  routes: [],
  rules: [],
  sysctls: [],
  nft: undefined,
  ownAddresses: [],
};
