/**
 * EC2 in memory, for tests, with its habits and faults: eventual consistency, throttling, refusals, an API that is down
 * or slow. It passes the same contract suite as the real client against a server.
 */
import type { VpcRoute } from '../../core/plan/vpc.js';
import type { VpcAnswer, VpcCall } from '../../core/plan/vpc-updater.js';
import type { Ec2 } from './ec2.js';

export type Ec2Fault = 'down' | 'throttle' | 'deny' | 'slow';

const REFUSALS: Readonly<Record<Exclude<Ec2Fault, 'slow'>, VpcAnswer>> = {
  down: { ok: false, code: 'Unreachable', message: 'connect ECONNREFUSED' },
  throttle: { ok: false, code: 'RequestLimitExceeded', message: 'Request limit exceeded.' },
  deny: {
    ok: false,
    code: 'UnauthorizedOperation',
    message: 'You are not authorized to perform this operation.',
  },
};

function refused(code: string, message: string): VpcAnswer {
  return { ok: false, code, message };
}

export class FakeEc2 implements Ec2 {
  /** Routes by table and destination, as they are. */
  readonly tables = new Map<string, Map<string, VpcRoute>>();
  readonly interfaces = new Map<string, { readonly sourceDestCheck: boolean }>();
  /** Calls so far. UNBOUNDED: for tests. */
  readonly calls: VpcCall[] = [];
  fault: Ec2Fault | undefined;
  /** Reads that still show the tables as they were before the last change. */
  staleReads = 0;
  /** The interface that a search finds. */
  found: string | undefined;
  readonly #slowMs: number;
  #before: ReadonlyMap<string, ReadonlyMap<string, VpcRoute>> = new Map();

  constructor(slowMs = 50) {
    this.#slowMs = slowMs;
  }

  async run(call: VpcCall): Promise<VpcAnswer> {
    this.calls.push(call);
    return this.answer(call, this.fault === 'slow' ? await this.#slow() : undefined);
  }

  /** What `run` answers, without its time; for tests in virtual time. */
  answer(call: VpcCall, refusal: VpcAnswer | undefined = undefined): VpcAnswer {
    if (refusal !== undefined) return refusal;
    if (this.fault !== undefined && this.fault !== 'slow') return REFUSALS[this.fault];
    if (call.kind === 'interfaces') {
      const eni = this.found === undefined ? undefined : this.interfaces.get(this.found);
      return { ok: true, eni: eni && { id: this.found as string, ...eni } };
    }
    if (call.kind === 'describe') return { ok: true, observed: this.#observe(call.tables) };
    return this.#change(call);
  }

  async close(): Promise<void> {}

  async #slow(): Promise<VpcAnswer> {
    await new Promise((resolve) => setTimeout(resolve, this.#slowMs));
    return { ok: false, code: 'Unreachable', message: 'no answer in time' };
  }

  #observe(tables: readonly string[]): Map<string, VpcRoute[]> {
    const source = this.staleReads > 0 ? this.#before : this.tables;
    this.staleReads = Math.max(0, this.staleReads - 1);
    return new Map(
      tables.flatMap((table) => {
        const routes = source.get(table);
        return routes === undefined ? [] : [[table, [...routes.values()]] as const];
      }),
    );
  }

  #change(call: VpcCall & { kind: 'replace' | 'create' }): VpcAnswer {
    const { kind, table, cidr, eni, dryRun } = call;
    const routes = this.tables.get(table);
    if (routes === undefined)
      return refused('InvalidRouteTableID.NotFound', `The routeTable ID '${table}' does not exist`);
    if (!this.interfaces.has(eni)) {
      return refused(
        'InvalidNetworkInterfaceID.NotFound',
        `The network interface ID '${eni}' does not exist`,
      );
    }
    if (dryRun) return refused('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
    if (kind === 'replace' && !routes.has(cidr)) {
      return refused('InvalidParameterValue', `There is no route defined for '${cidr}' in the route table.`);
    }
    if (kind === 'create' && routes.has(cidr)) {
      return refused('RouteAlreadyExists', `The route identified by ${cidr} already exists.`);
    }
    this.#before = new Map([...this.tables].map(([name, map]) => [name, new Map(map)]));
    routes.set(cidr, { cidr, target: eni, state: 'active', propagated: false });
    return { ok: true };
  }
}
