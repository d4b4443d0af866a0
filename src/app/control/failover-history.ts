/**
 * The last changes of role of this member, each with its cause, what was known, and what followed to the millisecond. Fed
 * with the cluster's events and with what the effects of a role report. Pure: time is an argument.
 *
 * A change begins when a standby claims or an active member gives the role up, and includes what came up to PRELUDE_MS
 * before it (a partner fell silent, Redis was lost). What effects report belongs to the newest change.
 */
import type { ClusterEvent, Evidence } from '../../core/cluster/outputs.js';
import type { FailoverReport, FailoverStep } from '../observe/report.js';

export const FAILOVERS_MAX = 32;
/** Steps of one change, apart from the roles themselves. */
export const STEPS_MAX = 32;
const NOTICES_MAX = 8;
/** What was noticed so long before a change of role is told with it, and so long after; and what its effects do. */
const PRELUDE_MS = 5_000;
const SEQUEL_MS = 5_000;
const EFFECTS_MS = 120_000;

interface Step {
  readonly atMs: number;
  readonly what: string;
}

interface Change {
  readonly atMs: number;
  readonly wallMs: number;
  readonly from: FailoverReport['from'];
  to: FailoverReport['to'];
  readonly why: string;
  epoch: string;
  readonly evidence: Evidence;
  /** BOUNDED by STEPS_MAX. */
  steps: Step[];
}

export class FailoverHistory {
  /** BOUNDED by FAILOVERS_MAX; the newest is last. */
  readonly #changes: Change[] = [];
  /** BOUNDED by NOTICES_MAX: what may turn out to precede a change. */
  readonly #recent: Step[] = [];

  /** An event of the cluster. `wallOffsetMs`: Unix time less the clock of `event.atMs`. */
  handleEvent(event: ClusterEvent, wallOffsetMs: number): void {
    const { atMs, from, to, evidence } = event;
    const what = textOf(event);
    if (from !== undefined && to !== undefined) {
      if (from === 'standby' || (from === 'active' && to !== 'active')) this.#open(event, wallOffsetMs);
      const change = this.#changes.at(-1);
      if (change === undefined) return;
      Object.assign(change, { to, epoch: evidence.epoch });
      // Few, and what it is about: never left out.
      change.steps.push({ atMs, what });
      return;
    }
    this.handleNotice(what, atMs);
  }

  /** Something was noticed that may turn out to be a cause. */
  handleNotice(what: string, now: number): void {
    this.#recent.push({ atMs: now, what });
    if (this.#recent.length > NOTICES_MAX) this.#recent.shift();
    this.#follow(what, now, SEQUEL_MS);
  }

  /** An effect of the role has done or met something. */
  handleEffect(what: string, now: number): void {
    this.#follow(what, now, EFFECTS_MS);
  }

  #follow(what: string, now: number, withinMs: number): void {
    const change = this.#changes.at(-1);
    if (change !== undefined && now - change.atMs <= withinMs) add(change.steps, { atMs: now, what });
  }

  /** Newest first. */
  report(): FailoverReport[] {
    return this.#changes.map(reportOf).reverse();
  }

  #open(event: ClusterEvent, wallOffsetMs: number): void {
    const { atMs, evidence, why } = event;
    const before = this.#changes.at(-1);
    const isPrelude = (step: Step): boolean => atMs - step.atMs <= PRELUDE_MS;
    const steps = [...lastHeard(event), ...this.#recent.filter(isPrelude)];
    this.#recent.length = 0;
    if (before !== undefined) {
      // Effects of a change are told before the event that names it.
      steps.push(...before.steps.filter((step) => step.atMs >= atMs));
      before.steps = before.steps.filter((step) => step.atMs < atMs);
    }
    const { from = 'standby', to = 'standby' } = event;
    const wallMs = Math.round(wallOffsetMs + atMs);
    this.#changes.push({ atMs, wallMs, from, to, why, epoch: evidence.epoch, evidence, steps });
    if (this.#changes.length > FAILOVERS_MAX) this.#changes.shift();
  }
}

function add(steps: Step[], step: Step): void {
  if (steps.length < STEPS_MAX) steps.push(step);
}

/** When the partners that are not heard any more last were. */
function lastHeard({ atMs, evidence }: ClusterEvent): Step[] {
  return evidence.partners.flatMap(({ name, heard, lanMs, redisMs }) => {
    if (heard || (lanMs === null && redisMs === null)) return [];
    const byLan = redisMs === null || (lanMs !== null && lanMs <= redisMs);
    const agoMs = byLan ? (lanMs ?? 0) : redisMs;
    return [{ atMs: atMs - agoMs, what: `${name} last heard ${byLan ? 'over the LAN' : 'through Redis'}` }];
  });
}

function textOf({ name, why, to }: ClusterEvent): string {
  return name === 'role-changed' && to !== undefined ? `${to}: ${why}` : why;
}

function reportOf({ atMs, wallMs, from, to, why, epoch, evidence, steps }: Change): FailoverReport {
  const sorted = [...steps].sort((a, b) => a.atMs - b.atMs);
  return {
    at: new Date(wallMs).toISOString(),
    from,
    to,
    epoch,
    why,
    evidence,
    steps: sorted.map((step): FailoverStep => {
      return { offsetMs: Math.round((step.atMs - atMs) * 10) / 10, what: step.what };
    }),
  };
}
