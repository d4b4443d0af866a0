/**
 * Runs on a thread of its own: it loads the AWS SDK, which takes a second or more of pure computation, and makes the
 * calls one by one as they come, side by side. On the control thread that would delay heartbeats past their detection
 * time. The SDK's own retries are off: after each call the updater decides anew, and whether its epoch still stands.
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  CreateRouteCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  EC2Client,
  ReplaceRouteCommand,
  type Route,
} from '@aws-sdk/client-ec2';
import type { VpcRoute } from '../../core/plan/vpc.js';
import type { VpcAnswer, VpcCall } from '../../core/plan/vpc-updater.js';
import { CALL_TIMEOUT_MS, type Ec2Options } from './ec2.js';

const options = workerData as Ec2Options;
const client = new EC2Client({
  ...(options.region !== undefined && { region: options.region }),
  ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
  maxAttempts: 1,
});

async function perform(call: VpcCall, abortSignal: AbortSignal): Promise<VpcAnswer> {
  if (call.kind === 'interfaces') return await findInterface(abortSignal);
  if (call.kind === 'describe') {
    const observed = new Map<string, VpcRoute[]>();
    let token: string | undefined;
    do {
      // A filter, since RouteTableIds fails as a whole where one table is missing.
      const input = { Filters: [{ Name: 'route-table-id', Values: [...call.tables] }], NextToken: token };
      const page = await client.send(new DescribeRouteTablesCommand(input), { abortSignal });
      for (const { RouteTableId, Routes } of page.RouteTables ?? []) {
        if (RouteTableId !== undefined) observed.set(RouteTableId, (Routes ?? []).map(routeOf));
      }
      token = page.NextToken;
    } while (token !== undefined);
    return { ok: true, observed };
  }
  const { table, cidr, eni, dryRun } = call;
  const destination = cidr.includes(':')
    ? { DestinationIpv6CidrBlock: cidr }
    : { DestinationCidrBlock: cidr };
  const input = {
    RouteTableId: table,
    NetworkInterfaceId: eni,
    ...destination,
    ...(dryRun && { DryRun: true }),
  };
  if (call.kind === 'replace') await client.send(new ReplaceRouteCommand(input), { abortSignal });
  else await client.send(new CreateRouteCommand(input), { abortSignal });
  return { ok: true };
}

async function findInterface(abortSignal: AbortSignal): Promise<VpcAnswer> {
  const by = async (name: string, value: string | undefined) => {
    if (value === undefined) return undefined;
    const input = { Filters: [{ Name: name, Values: [value] }] };
    const { NetworkInterfaces } = await client.send(new DescribeNetworkInterfacesCommand(input), {
      abortSignal,
    });
    // VPCs of one account may use the same addresses: several are none.
    return NetworkInterfaces?.length === 1 ? NetworkInterfaces[0] : undefined;
  };
  const found =
    (await by('mac-address', options.mac)) ?? (await by('addresses.private-ip-address', options.address));
  if (found?.NetworkInterfaceId === undefined) return { ok: true, eni: undefined };
  return {
    ok: true,
    eni: { id: found.NetworkInterfaceId, sourceDestCheck: found.SourceDestCheck !== false },
  };
}

function routeOf(route: Route): VpcRoute {
  const target =
    route.NetworkInterfaceId ??
    route.GatewayId ??
    route.NatGatewayId ??
    route.TransitGatewayId ??
    route.VpcPeeringConnectionId ??
    route.InstanceId;
  return {
    cidr: route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock ?? route.DestinationPrefixListId ?? '',
    target,
    state: route.State === 'blackhole' ? 'blackhole' : 'active',
    propagated: route.Origin === 'EnableVgwRoutePropagation',
  };
}

function refusalOf(error: unknown): VpcAnswer {
  if (!(error instanceof Error)) return { ok: false, code: 'Unknown', message: String(error) };
  const { code, syscall } = error as NodeJS.ErrnoException;
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  // Without an HTTP answer there is no word of EC2's: a socket's error, a name that is not known, our own timeout.
  const unanswered = $metadata?.httpStatusCode === undefined;
  const isNetwork =
    error.name === 'AbortError' || (unanswered && (syscall !== undefined || code !== undefined));
  if (isNetwork) return { ok: false, code: 'Unreachable', message: error.message || String(code) };
  return { ok: false, code: error.name, message: error.message };
}

parentPort?.on('message', ({ id, call }: { id: number; call: VpcCall }) => {
  const signal = AbortSignal.timeout(options.timeoutMs ?? CALL_TIMEOUT_MS);
  void perform(call, signal)
    .catch((error: unknown) =>
      signal.aborted
        ? { ok: false as const, code: 'Unreachable', message: 'no answer in time' }
        : refusalOf(error),
    )
    .then((answer) => parentPort?.postMessage({ id, answer }));
});
