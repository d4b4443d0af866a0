/**
 * What the VPC updater tells people. A condition is told when it begins and again each REPEAT_MS while it stands; every
 * event says what is wrong and what mends it.
 */
import { classifyRefusal, iamStatements } from './vpc.js';

export const REPEAT_MS = 600_000;

export interface Eni {
  readonly id: string;
  readonly sourceDestCheck: boolean;
}

export interface VpcEvent {
  readonly event:
    | 'aws-called'
    | 'aws-routes-moved'
    | 'aws-drift'
    | 'aws-permission'
    | 'aws-table-missing'
    | 'aws-blackhole'
    | 'aws-eni-missing'
    | 'aws-source-dest-check'
    | 'aws-refused'
    | 'aws-unreachable';
  readonly severity: 'info' | 'warning' | 'critical';
  readonly message: string;
  readonly hint?: string;
  /** Since this member became active. */
  readonly afterMs?: number;
}

export interface VpcOptions {
  readonly region: string | undefined;
  readonly tables: readonly string[];
  readonly cidrs: readonly string[];
  /** How the ENI is looked for, for people: its MAC or address. */
  readonly eniName: string;
}

interface Place {
  readonly table: string;
  readonly cidr: string;
}

export class VpcEvents {
  readonly #options: VpcOptions;
  readonly #events: VpcEvent[] = [];
  /** When each condition that stands was told. Bounded by the targets and the kinds of condition. */
  readonly #told = new Map<string, number>();

  constructor(options: VpcOptions) {
    this.#options = options;
  }

  poll(): VpcEvent | undefined {
    return this.#events.shift();
  }

  moved(eni: string | undefined, afterMs: number): void {
    const message = `All VPC routes lead to ${eni}.`;
    this.#events.push({ event: 'aws-routes-moved', severity: 'info', message, afterMs });
  }

  drift({ table, cidr }: Place, why: string, afterMs: number): void {
    const message = `${cidr} in ${table} was changed by somebody else: ${why}. It is moved back.`;
    const hint = 'Does the other member serve as well, or does another program (Terraform) own the route?';
    this.#events.push({ event: 'aws-drift', severity: 'warning', message, hint, afterMs });
  }

  interfaceFound(eni: Eni | undefined, now: number): void {
    this.#condition('eni', eni === undefined, now, () => ({
      event: 'aws-eni-missing',
      severity: 'critical',
      message: `There is no network interface with ${this.#options.eniName} in this account and region.`,
      hint: 'Is lan.device the data interface of this instance, and takeover.aws.region its region?',
    }));
    this.#condition('source-dest-check', eni?.sourceDestCheck === true, now, () => ({
      event: 'aws-source-dest-check',
      severity: 'critical',
      message: `${eni?.id} checks source and destination: EC2 drops what is not to or from its own address.`,
      hint: `aws ec2 modify-network-interface-attribute --network-interface-id ${eni?.id} --no-source-dest-check`,
    }));
  }

  tableMissing(table: string, missing: boolean, now: number): void {
    this.#condition(`table ${table}`, missing, now, () => ({
      event: 'aws-table-missing',
      severity: 'critical',
      message: `The route table ${table} does not exist in this account and region.`,
      hint: 'Compare takeover.aws.routeTables and region in network.yaml with the VPC.',
    }));
  }

  blackhole({ table, cidr }: Place, eni: string | undefined, present: boolean, now: number): void {
    this.#condition(`blackhole ${table} ${cidr}`, present, now, () => ({
      event: 'aws-blackhole',
      severity: 'critical',
      message: `${cidr} in ${table} leads to ${eni}, and EC2 says that it is a blackhole.`,
      hint: 'Is the network interface attached to this instance, and is the instance running?',
    }));
  }

  /** EC2 did not do `action` for `table` ('' where it is for none). */
  refused(action: string, table: string, answer: { code: string; message: string }, now: number): void {
    const { code, message } = answer;
    const refusal = classifyRefusal(code, message);
    const where = table === '' ? action : `${action} on ${table}`;
    if (refusal === 'denied') {
      const { region, tables } = this.#options;
      this.#condition(`denied ${action} ${table}`, true, now, () => ({
        event: 'aws-permission',
        severity: 'critical',
        message: `EC2 refuses ${where} (${code}): the VPC's routes cannot follow this member.`,
        hint: `Grant it to the role of this instance: ${iamStatements(region, tables)}`,
      }));
    } else if (refusal === 'unreachable' || refusal === 'throttled') {
      const does = refusal === 'throttled' ? 'throttles' : 'does not answer';
      this.#condition(`unreachable ${action} ${table}`, true, now, () => ({
        event: 'aws-unreachable',
        severity: 'warning',
        message: `The EC2 API ${does} ${where} (${code}): ${message}`,
      }));
    } else {
      this.#condition(`refused ${action} ${table}`, true, now, () => ({
        event: 'aws-refused',
        severity: 'critical',
        message: `EC2 refuses ${where} (${code}): ${message}`,
      }));
    }
  }

  /** EC2 did `action`, or would have: what stood against it is over. */
  settled(action: string, table: string): void {
    for (const kind of ['denied', 'unreachable', 'refused']) this.#told.delete(`${kind} ${action} ${table}`);
  }

  #condition(key: string, present: boolean, now: number, event: () => VpcEvent): void {
    const toldAtMs = this.#told.get(key);
    if (!present) this.#told.delete(key);
    else if (toldAtMs === undefined || now - toldAtMs >= REPEAT_MS) {
      this.#told.set(key, now);
      this.#events.push(event());
    }
  }
}
