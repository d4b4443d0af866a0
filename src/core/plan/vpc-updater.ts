/**
 * Moves VPC routes to this member while it is active. Sans-IO: it asks for calls (pollCall), is told their answers
 * (handleAnswer), tells events (pollEvent) and when it wants the time (nextDeadline).
 *
 *   takeover    every target at once: ReplaceRoute, or CreateRoute where there is nothing to replace. Nothing is read
 *               first: a read would cost a round trip of outage
 *   read back   until EC2 shows what it accepted (it is eventually consistent); not shown for EVENTUAL_MS: called again
 *   reconcile   each RECONCILE_MS while active: what leads elsewhere is drift, is told and mended
 *   check       at start and each CHECK_MS, on every member: the ENI is found by MAC or address and must not check
 *               source and destination; each permission is tried with DryRun. A failed check never stops anything
 *
 * Failures: throttled and unreachable back off from BACKOFF_MS_MIN to BACKOFF_MS_MAX; what people must mend (permission,
 * missing table) is tried again each HOPELESS_MS. Events: vpc-events.ts.
 *
 * Fencing: calls carry the epoch for which they are made; whoever sends them asks once more whether that still stands. A
 * call already on its way when the role moved may win over the new holder's: the new holder's read-back mends it.
 */
import { type Ballot, EpochFence } from './takeover.js';
import {
  classifyRefusal,
  EC2_ACTIONS,
  planVpc,
  type Refusal,
  type VpcObserved,
  type VpcPlan,
} from './vpc.js';
import { type Eni, type VpcEvent, VpcEvents, type VpcOptions } from './vpc-events.js';

export const READ_BACK_MS = 150;
export const EVENTUAL_MS = 3_000;
export const RECONCILE_MS = 30_000;
export const CHECK_MS = 600_000;
export const CHECK_FAILED_MS = 30_000;
export const HOPELESS_MS = 30_000;
export const BACKOFF_MS_MIN = 100;
export const BACKOFF_MS_MAX = 5_000;
/** Route calls under way at once; EC2 throttles bursts. */
export const IN_FLIGHT_MAX = 20;

export type VpcCall =
  | {
      readonly kind: 'replace' | 'create';
      readonly table: string;
      readonly cidr: string;
      readonly eni: string;
      readonly dryRun: boolean;
      /** Undefined for a dry run, which changes nothing. */
      readonly epoch: Ballot | undefined;
    }
  | { readonly kind: 'describe'; readonly tables: readonly string[] }
  | { readonly kind: 'interfaces' };

export type VpcAnswer =
  | { readonly ok: true; readonly observed?: VpcObserved; readonly eni?: Eni | undefined }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Code of the answer to a call that was not sent, since its epoch no longer stands. */
export const SUPERSEDED = 'Superseded';

/** due: to be called at `atMs`; calling; sent: accepted, not yet seen; moved: seen. */
type Phase = 'due' | 'calling' | 'sent' | 'moved';

interface Target {
  readonly table: string;
  readonly cidr: string;
  phase: Phase;
  verb: 'replace' | 'create';
  atMs: number;
  /** Failures in a row. */
  failures: number;
  /** The last answer was that the other verb is the right one. */
  turned: boolean;
  sentAtMs: number;
}

export interface VpcTargetStatus {
  readonly table: string;
  readonly cidr: string;
  readonly state: 'standby' | 'calling' | 'retrying' | 'sent' | 'moved';
}

const NEVER = Number.POSITIVE_INFINITY;

export class VpcUpdater {
  readonly #options: VpcOptions;
  readonly #targets: Target[];
  readonly #fence = new EpochFence();
  readonly #calls: VpcCall[] = [];
  readonly #events: VpcEvents;
  #epoch: Ballot | undefined;
  #activeSinceMs = 0;
  #movedTold = false;
  #eni: string | undefined;
  #checkAtMs: number;
  #checking = false;
  #describeAtMs = NEVER;
  #describing = false;
  #describeFailures = 0;
  #readBacks = 0;

  constructor(options: VpcOptions, now: number) {
    this.#options = options;
    this.#events = new VpcEvents(options);
    this.#checkAtMs = now;
    this.#targets = options.tables.flatMap((table) =>
      options.cidrs.map(
        (cidr): Target => ({
          table,
          cidr,
          phase: 'due',
          verb: 'replace',
          atMs: NEVER,
          failures: 0,
          turned: false,
          sentAtMs: 0,
        }),
      ),
    );
  }

  get eni(): string | undefined {
    return this.#eni;
  }

  /** Whether a call made for `epoch` may still be sent. */
  isCurrent(epoch: Ballot | undefined): boolean {
    return epoch === undefined || epoch === this.#epoch;
  }

  /** Moves the routes here for `epoch`; an old epoch does nothing. */
  becomeActive(epoch: Ballot, now: number): void {
    if (!this.#fence.admit(epoch)) return;
    const held = this.#epoch;
    if (held !== undefined && held.n === epoch.n && held.member === epoch.member) return;
    this.#epoch = epoch;
    this.#activeSinceMs = now;
    this.#movedTold = false;
    this.#dropRouteCalls();
    for (const target of this.#targets)
      Object.assign(target, { phase: 'due', verb: 'replace', atMs: now, failures: 0 });
    if (this.#eni === undefined) this.#checkAtMs = Math.min(this.#checkAtMs, now);
    this.handleTimeout(now);
  }

  /** Stops moving routes because of `epoch`. What leads here stays until the new holder moves it. */
  becomeStandby(epoch: Ballot): void {
    if (!this.#fence.admit(epoch)) return;
    this.#epoch = undefined;
    this.#describeAtMs = NEVER;
    this.#dropRouteCalls();
    for (const target of this.#targets) Object.assign(target, { phase: 'due', atMs: NEVER });
  }

  /** A call to make; undefined when there is none. Every call must be answered by handleAnswer, also by a timeout. */
  pollCall(): VpcCall | undefined {
    return this.#calls.shift();
  }

  pollEvent(): VpcEvent | undefined {
    return this.#events.poll();
  }

  nextDeadline(): number {
    let next = this.#checking ? NEVER : this.#checkAtMs;
    if (!this.#describing) next = Math.min(next, this.#describeAtMs);
    if (this.#eni === undefined) return next;
    if (this.#underWay() >= IN_FLIGHT_MAX) return next;
    for (const target of this.#targets) if (target.phase === 'due') next = Math.min(next, target.atMs);
    return next;
  }

  handleTimeout(now: number): void {
    if (now >= this.#checkAtMs && !this.#checking) {
      this.#checking = true;
      this.#calls.push({ kind: 'interfaces' });
    }
    const epoch = this.#epoch;
    if (epoch === undefined || this.#eni === undefined) return;
    let room = IN_FLIGHT_MAX - this.#underWay();
    for (const target of this.#targets) {
      if (target.phase !== 'due' || now < target.atMs || room <= 0) continue;
      room--;
      target.phase = 'calling';
      const { verb, table, cidr } = target;
      this.#calls.push({ kind: verb, table, cidr, eni: this.#eni, dryRun: false, epoch });
    }
    if (now >= this.#describeAtMs && !this.#describing) {
      this.#describing = true;
      this.#calls.push({ kind: 'describe', tables: this.#options.tables });
    }
  }

  /** The answer to `call`, which pollCall gave. */
  handleAnswer(call: VpcCall, answer: VpcAnswer, now: number): void {
    if (call.kind === 'interfaces') this.#handleInterfaces(answer, now);
    else if (call.kind === 'describe') this.#handleDescribe(answer, now);
    else if (call.dryRun) this.#handleDryRun(call, answer, now);
    else if (this.isCurrent(call.epoch)) this.#handleRoute(call.table, call.cidr, answer, now);
    this.handleTimeout(now);
  }

  status(): VpcTargetStatus[] {
    const stateOf = ({ phase, failures }: Target): VpcTargetStatus['state'] => {
      if (this.#epoch === undefined) return 'standby';
      return phase === 'due' ? (failures > 0 ? 'retrying' : 'calling') : phase;
    };
    return this.#targets.map((target) => ({
      table: target.table,
      cidr: target.cidr,
      state: stateOf(target),
    }));
  }

  #underWay(): number {
    return this.#targets.reduce((count, { phase }) => count + (phase === 'calling' ? 1 : 0), 0);
  }

  #dropRouteCalls(): void {
    const kept = this.#calls.filter((call) => !('epoch' in call) || call.epoch === undefined);
    this.#calls.splice(0, this.#calls.length, ...kept);
  }

  #handleInterfaces(answer: VpcAnswer, now: number): void {
    this.#checking = false;
    this.#checkAtMs = now + (this.#epoch !== undefined && this.#eni === undefined ? 1_000 : CHECK_FAILED_MS);
    if (!answer.ok) {
      this.#events.refused(EC2_ACTIONS.interfaces, '', answer, now);
      return;
    }
    this.#events.settled(EC2_ACTIONS.interfaces, '');
    const { eni } = answer;
    this.#eni = eni?.id;
    this.#events.interfaceFound(eni, now);
    if (eni === undefined) return;
    this.#checkAtMs = now + (eni.sourceDestCheck ? CHECK_FAILED_MS : CHECK_MS);
    const [cidr] = this.#options.cidrs;
    for (const table of this.#options.tables) {
      for (const kind of ['replace', 'create'] as const) {
        this.#calls.push({ kind, table, cidr, eni: eni.id, dryRun: true, epoch: undefined });
      }
    }
  }

  #handleDryRun(call: VpcCall & { kind: 'replace' | 'create' }, answer: VpcAnswer, now: number): void {
    const action = EC2_ACTIONS[call.kind];
    if (answer.ok || answer.code === 'DryRunOperation') this.#events.settled(action, call.table);
    else if (classifyRefusal(answer.code, answer.message) === 'denied') {
      this.#events.refused(action, call.table, answer, now);
    }
  }

  #handleRoute(table: string, cidr: string, answer: VpcAnswer, now: number): void {
    const target = this.#targets.find((one) => one.table === table && one.cidr === cidr);
    if (target === undefined || target.phase !== 'calling') return;
    if (answer.ok) {
      this.#events.settled(EC2_ACTIONS[target.verb], table);
      Object.assign(target, { phase: 'sent', sentAtMs: now, turned: false });
      this.#readBacks = 0;
      this.#describeAtMs = Math.min(this.#describeAtMs, now + READ_BACK_MS);
      return;
    }
    if (answer.code === SUPERSEDED) {
      Object.assign(target, { phase: 'due', atMs: now + BACKOFF_MS_MAX });
      return;
    }
    const refusal = classifyRefusal(answer.code, answer.message);
    const other = target.verb === 'replace' ? 'create' : 'replace';
    const turns = refusal === (target.verb === 'replace' ? 'route-absent' : 'route-exists');
    target.failures++;
    target.phase = 'due';
    target.atMs = now + backOff(refusal, target.failures);
    if (turns) {
      target.verb = other;
      // Twice in a row: somebody adds and removes the route as fast as we do.
      if (!target.turned) target.atMs = now;
      target.turned = !target.turned;
      return;
    }
    target.turned = false;
    if (refusal === 'eni-missing') {
      this.#eni = undefined;
      this.#checkAtMs = now;
    }
    if (refusal === 'table-missing') this.#events.tableMissing(table, true, now);
    else this.#events.refused(EC2_ACTIONS[target.verb], table, answer, now);
  }

  #handleDescribe(answer: VpcAnswer, now: number): void {
    this.#describing = false;
    if (this.#epoch === undefined) return;
    if (!answer.ok || answer.observed === undefined) {
      this.#describeFailures++;
      const refusal = answer.ok ? 'other' : classifyRefusal(answer.code, answer.message);
      this.#describeAtMs = now + backOff(refusal, this.#describeFailures);
      if (!answer.ok) this.#events.refused(EC2_ACTIONS.describe, '', answer, now);
      return;
    }
    this.#describeFailures = 0;
    this.#events.settled(EC2_ACTIONS.describe, '');
    const { tables, cidrs } = this.#options;
    if (this.#eni !== undefined)
      this.#compare(planVpc({ eni: this.#eni, tables, cidrs }, answer.observed), now);
    const waiting = this.#targets.some(({ phase }) => phase === 'sent');
    const soon = Math.min(READ_BACK_MS * 2 ** this.#readBacks++, 2_000);
    this.#describeAtMs = now + (waiting ? soon : RECONCILE_MS);
  }

  #compare(plan: VpcPlan, now: number): void {
    for (const target of this.#targets) {
      const isTarget = (one: { table: string; cidr: string }): boolean =>
        one.table === target.table && one.cidr === target.cidr;
      const problem = plan.problems.find(isTarget);
      const step = plan.steps.find(isTarget);
      this.#events.tableMissing(target.table, problem?.kind === 'table-missing', now);
      this.#events.blackhole(target, this.#eni, problem?.kind === 'blackhole', now);
      if (problem?.kind === 'table-missing') {
        if (target.phase !== 'calling') Object.assign(target, { phase: 'due', atMs: now + HOPELESS_MS });
      } else if (step === undefined) {
        if (target.phase !== 'calling') Object.assign(target, { phase: 'moved', failures: 0 });
      } else if (target.phase === 'moved') {
        this.#events.drift(target, step.why, now - this.#activeSinceMs);
        Object.assign(target, { phase: 'due', verb: step.kind, atMs: now });
      } else if (target.phase === 'sent' && now - target.sentAtMs >= EVENTUAL_MS) {
        Object.assign(target, { phase: 'due', verb: step.kind, atMs: now });
      }
    }
    if (!this.#movedTold && this.#targets.every(({ phase }) => phase === 'moved')) {
      this.#movedTold = true;
      this.#events.moved(this.#eni, now - this.#activeSinceMs);
    }
  }
}

function backOff(refusal: Refusal, failures: number): number {
  if (refusal === 'denied' || refusal === 'table-missing') return HOPELESS_MS;
  const first = refusal === 'throttled' ? 2 * BACKOFF_MS_MIN : BACKOFF_MS_MIN;
  return Math.min(first * 2 ** Math.min(failures - 1, 10), BACKOFF_MS_MAX);
}
