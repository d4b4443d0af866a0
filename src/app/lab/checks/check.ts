/**
 * Checks: what a scenario promises, each tried on the running lab. A check ends in a finding; it never throws for
 * something the lab did wrong. Later failure programmes add outages (checks/outage.ts), which are measured against
 * a budget.
 */
import { enter, type Layout } from '../layout.js';
import { failureNamed } from '../plan/failures.js';
import { type Outcome, tryCommand } from '../run/command.js';
import { type Context, performSteps } from '../run/execute.js';
import { writeState } from '../run/state.js';
import type { Scenario } from '../scenario.js';

export interface Finding {
  readonly verdict: 'pass' | 'fail' | 'skip';
  readonly detail: string;
  /** Longest gap in the traffic that was measured, and what is allowed. */
  readonly outageMs?: number;
  readonly budgetMs?: number;
}

export interface Check {
  readonly name: string;
  run(lab: Lab): Promise<Finding>;
}

/** Checks that share a capture of the ISPs' links; one more row says what was on them meanwhile. */
export interface CheckGroup {
  readonly title: string;
  /** Whether things are broken on purpose: then an ISP may also see ICMP errors about WireGuard datagrams. */
  readonly broken: boolean;
  readonly checks: readonly Check[];
}

const EXEC_MS = 30_000;
const POLL_MS = 100;

/** The running lab as a check sees it. */
export class Lab {
  readonly scenario: Scenario;
  readonly #context: Context;

  constructor(scenario: Scenario, context: Context) {
    this.scenario = scenario;
    this.#context = context;
  }

  get layout(): Layout {
    return this.#context.layout;
  }

  /** The words that run `argv` as `host`. */
  words(host: string, argv: readonly string[]): string[] {
    return enter(this.layout, host, argv);
  }

  /** Runs a command as `host`; bounded by `timeoutMs`. */
  async exec(host: string, argv: readonly string[], timeoutMs = EXEC_MS): Promise<Outcome> {
    this.#context.signal.throwIfAborted();
    const outcome = await tryCommand(this.words(host, argv), { timeoutMs, signal: this.#context.signal });
    this.#context.signal.throwIfAborted();
    return outcome;
  }

  /** Repeats a command until it succeeds; says after how many ms, or undefined when it did not within `withinMs`. */
  async until(host: string, argv: readonly string[], withinMs: number): Promise<number | undefined> {
    const began = performance.now();
    while (performance.now() - began < withinMs) {
      if ((await this.exec(host, argv, 5000)).code === 0) return Math.round(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return undefined;
  }

  /** Breaks something (plan/failures.ts has the words). */
  async fail(what: string): Promise<void> {
    await performSteps(this.#context, failureNamed(this.scenario, this.layout, what).fail);
    this.#note([...this.#context.state.failures, what]);
  }

  /** Mends it. */
  async heal(what: string): Promise<void> {
    await performSteps(this.#context, failureNamed(this.scenario, this.layout, what).heal);
    this.#note(this.#context.state.failures.filter((one) => one !== what));
  }

  #note(failures: string[]): void {
    this.#context.state.failures = failures;
    writeState(this.layout, this.#context.state);
  }
}

/** A finding by a condition. */
export function finding(passed: boolean, detail: string): Finding {
  return { verdict: passed ? 'pass' : 'fail', detail };
}

/** The last line a command said, for a detail. */
export function lastLine(outcome: Outcome): string {
  if (outcome.timedOut) return 'no answer in time';
  const text = outcome.stderr.trim() || outcome.stdout.trim();
  return text.split('\n').at(-1) || `exit code ${outcome.code}`;
}

/** A check that a command's output is `wanted` to the letter (white space around it aside). */
export function answers(name: string, host: string, argv: readonly string[], wanted: string): Check {
  return {
    name,
    async run(lab) {
      const outcome = await lab.exec(host, argv);
      const said = outcome.stdout.trim();
      return finding(outcome.code === 0 && said === wanted, said === '' ? lastLine(outcome) : said);
    },
  };
}
