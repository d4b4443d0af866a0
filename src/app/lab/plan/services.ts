/**
 * What the clusters lean on: a Redis at each place, and the EC2 API with the VPC's router, which follows its route table.
 * A Redis keeps its data over a kill (an append-only file), so that coming back empty is a failure of its own.
 */
import { enter, hostPath, type Layout, namespaceOf } from '../layout.js';
import type { Ec2Spec } from '../programs/ec2.js';
import { addressOf, type Cloud, type Host, hostNamed, type Scenario } from '../scenario.js';
import { logFile, type ProgramPlan, readyTcp } from './program.js';
import type { Step } from './step.js';

export const REDIS_PORT = 6379;
export const EC2_PORT = 5000;
/** Names of the two processes on the VPC's host. */
export const EC2_PROCESS = 'ec2';
export const ROUTER_PROCESS = 'vpc-router';

/** Where a Redis keeps what must survive it. */
export function redisDir(layout: Layout, host: string): string {
  return hostPath(layout, host, 'data');
}

function redisConfig(layout: Layout, host: Host): string {
  return `bind 0.0.0.0
port ${REDIS_PORT}
protected-mode no
daemonize no
dir ${redisDir(layout, host.name)}
save ""
appendonly yes
appendfsync no
maxmemory 32mb
`;
}

/** The Redis of one place. */
export function planRedis(layout: Layout, host: Host): ProgramPlan {
  const config = hostPath(layout, host.name, 'redis.conf');
  return {
    prepare: [
      { do: 'directory', path: redisDir(layout, host.name) },
      { do: 'write', path: config, text: redisConfig(layout, host), mode: 0o644 },
    ],
    process: {
      name: host.name,
      host: host.name,
      argv: enter(layout, host.name, ['redis-server', config]),
      log: logFile(layout, host.name),
    },
    ready: readyTcp(layout, host, host.name, REDIS_PORT),
  };
}

/** File that says what is wrong with the EC2 API; see Ec2Spec.faults. */
export function ec2Faults(layout: Layout, cloud: Cloud): string {
  return hostPath(layout, cloud.host, 'faults');
}

/** File with one line of JSON for each call that the EC2 API has got; see Ec2Spec.calls. */
export function ec2Calls(layout: Layout, cloud: Cloud): string {
  return hostPath(layout, cloud.host, 'calls.jsonl');
}

/** The EC2 API of a scenario and its command; undefined where it has none, or this machine has no emulator. */
export function ec2Of(
  scenario: Scenario,
  layout: Layout,
): { readonly spec: Ec2Spec; readonly argv: readonly string[] } | undefined {
  const { cloud } = scenario;
  if (cloud === undefined) return undefined;
  const spec: Ec2Spec = {
    host: addressOf(hostNamed(scenario, cloud.host)!),
    port: EC2_PORT,
    region: cloud.region,
    vpc: cloud.vpc,
    tables: [cloud.table],
    interfaces: cloud.interfaces.map(({ id, node }) => ({ id, address: vpcAddress(scenario, node) })),
    faults: ec2Faults(layout, cloud),
    calls: ec2Calls(layout, cloud),
  };
  const argv = layout.ec2(spec);
  return argv === undefined ? undefined : { spec, argv };
}

/** A node's address in its site LAN. */
export function vpcAddress(scenario: Scenario, node: string): string {
  const host = hostNamed(scenario, node)!;
  return addressOf(host, host.node!.lan);
}

/** The EC2 API and the router that follows it; none where this machine has no emulator. */
export function planCloud(scenario: Scenario, layout: Layout): ProgramPlan[] {
  const { cloud, overlay } = scenario;
  const ec2 = ec2Of(scenario, layout);
  if (cloud === undefined || ec2 === undefined) return [];
  const host = hostNamed(scenario, cloud.host)!;
  const url = `http://${ec2.spec.host}:${ec2.spec.port}`;
  const plan = (name: string, argv: readonly string[]): ProgramPlan => ({
    prepare: [],
    process: { name, host: host.name, argv: enter(layout, host.name, argv), log: logFile(layout, name) },
    ready: readyTcp(layout, host, name, EC2_PORT),
  });
  const router = [...layout.program('vpc-router'), url, overlay.cidr];
  return [
    {
      ...plan(EC2_PROCESS, ec2.argv),
      prepare: [{ do: 'write', path: ec2.spec.faults!, text: '', mode: 0o644 }],
    },
    plan(ROUTER_PROCESS, router),
  ];
}

/** The route that the VPC has where nothing moves it: to the first member. */
export function planFixedRoute(scenario: Scenario, layout: Layout): Step[] {
  const { cloud, overlay } = scenario;
  if (cloud === undefined || ec2Of(scenario, layout) !== undefined) return [];
  const via = vpcAddress(scenario, cloud.interfaces[0].node);
  return [
    {
      do: 'ip',
      namespace: namespaceOf(layout, cloud.host),
      args: `route replace ${overlay.cidr} via ${via}`,
    },
  ];
}
