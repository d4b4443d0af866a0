/** The VPC of a scenario as its two halves have it: the EC2 API's route table, and the kernel route of its router. */
import { readFileSync } from 'node:fs';
import { ec2Calls, ec2Of, vpcAddress } from '../plan/services.js';
import type { Lab } from './check.js';

/** Whether the scenario has a VPC whose routes can move on this machine. */
export function hasCloud(lab: Lab): boolean {
  return ec2Of(lab.scenario, lab.layout) !== undefined;
}

/** The node that the route table leads to, and the one that the router's kernel leads to; '' for nobody. */
export async function vpcLeadsTo(lab: Lab): Promise<{ table: string; kernel: string }> {
  const cloud = lab.scenario.cloud!;
  const { host, port } = ec2Of(lab.scenario, lab.layout)!.spec;
  const [asked, route] = await Promise.all([
    lab.exec(cloud.host, ['curl', '-sS', '-m', '5', `http://${host}:${port}/lab/routes`]),
    lab.exec(cloud.host, ['ip', 'route', 'show', lab.scenario.overlay.cidr]),
  ]);
  const routes = asked.code === 0 ? (JSON.parse(asked.stdout) as { interface: string; cidr: string }[]) : [];
  const eni = routes.find((one) => one.cidr === lab.scenario.overlay.cidr)?.interface;
  const via = / via (\S+)/.exec(route.stdout)?.[1];
  const byAddress = cloud.interfaces.find(({ node }) => vpcAddress(lab.scenario, node) === via);
  return {
    table: cloud.interfaces.find(({ id }) => id === eni)?.node ?? '',
    kernel: byAddress?.node ?? '',
  };
}

interface Call {
  readonly atMs: number;
  readonly action: string | null;
  readonly dryRun: boolean;
  readonly interface: string | null;
}

/** When the EC2 API was first asked, at or after `sinceMs`, to lead the routes to `node` (Unix time, ms). */
export function firstMoveMs(lab: Lab, node: string, sinceMs: number): number | undefined {
  const cloud = lab.scenario.cloud!;
  const eni = cloud.interfaces.find((one) => one.node === node)?.id;
  const calls = readFileSync(ec2Calls(lab.layout, cloud), 'utf8').trim().split('\n');
  return calls
    .map((line) => JSON.parse(line) as Call)
    .find(({ atMs, action, dryRun, interface: target }) => {
      return atMs >= sinceMs && !dryRun && target === eni && action?.endsWith('Route');
    })?.atMs;
}
