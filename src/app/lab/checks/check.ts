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
  /** What was measured, one figure a repetition (ms of outage, or as `detail` says), and what the design allows. */
  readonly measuredMs?: readonly number[];
  readonly budgetMs?: number;
  /** The same where what is measured is a share of one core. */
  readonly measuredPercent?: readonly number[];
  readonly budgetPercent?: number;
  /** Longest stall of a TCP connection meanwhile. */
  readonly stallMs?: number;
  /** Packets lost in all repetitions, where none may be. */
  readonly lost?: number;
}

/** A finding of a check that has several. */
export interface NamedFinding extends Finding {
  readonly name: string;
}

export interface Check {
  readonly name: string;
  /** Whether it belongs to the short programme too. */
  readonly short?: boolean;
  run(lab: Lab): Promise<Finding | readonly NamedFinding[]>;
}

/** How a programme is run. */
export interface Programme {
  /** Repetitions of what is cheap. */
  readonly repeat: number;
  /** Whether a figure above its budget fails the row; else only one above `limitOf` it does. */
  readonly strict: boolean;
  /** Only the short programme, and shorter where something is watched for long. */
  readonly short: boolean;
}

/** Checks that may share a capture of the ISPs' links; one more row then says what was on them meanwhile. */
export interface CheckGroup {
  readonly title: string;
  /**
   * What the ISPs may see: WireGuard alone, or, where things are broken on purpose, also ICMP errors about it. Not captured:
   * somebody pings through them.
   */
  readonly capture: 'clean' | 'errors' | 'none';
  readonly checks: readonly Check[];
}

const EXEC_MS = 30_000;
const LIMIT_FACTOR = 4;
const LIMIT_MS_LEAST = 3_000;
const POLL_MS = 100;

/** The running lab as a check sees it. */
export class Lab {
  readonly scenario: Scenario;
  readonly programme: Programme;
  /** For how long two members of a cluster were active at once, ms, of each takeover. BOUNDED by the repetitions. */
  readonly dualsMs: number[] = [];
  readonly #context: Context;
  readonly #disturbedAtMs = new Map<string, number>();

  constructor(scenario: Scenario, context: Context, programme: Programme) {
    this.scenario = scenario;
    this.#context = context;
    this.programme = programme;
  }

  /**
   * Above which a figure with a budget fails: a machine that is busy with other things is slower, not wrong. Never less than
   * `least` (in ms unless the caller says so).
   */
  limitOf(budget: number, least = LIMIT_MS_LEAST): number {
    return this.programme.strict ? budget : Math.max(LIMIT_FACTOR * budget, least);
  }

  /** Id of a process of the lab, by its name: a node's, or a host's. */
  processOf(name: string): number {
    const found = this.#context.state.processes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`${name} does not run`);
    return found.pid;
  }

  /** When something was last done to a cluster (performance.now()); -Infinity for never. */
  disturbedAtMs(cluster: string): number {
    return this.#disturbedAtMs.get(cluster) ?? Number.NEGATIVE_INFINITY;
  }

  /** Notes that something was done to clusters at a time (performance.now()), from which they have to recover. */
  disturb(atMs: number, ...clusters: readonly string[]): void {
    for (const cluster of clusters) this.#disturbedAtMs.set(cluster, atMs);
  }

  /** A line for the person who waits. */
  progress(text: string): void {
    process.stderr.write(`  … ${text}\n`);
  }

  /** Ends the test when the person at the terminal wants it to. */
  throwIfStopped(): void {
    this.#context.signal.throwIfAborted();
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

  /** Breaks things, all at the same moment (plan/failures.ts has the words). */
  async fail(...whats: readonly string[]): Promise<void> {
    const failures = whats.map((what) => failureNamed(this.scenario, this.layout, what));
    this.#note([...this.#context.state.failures, ...whats]);
    await Promise.all(failures.map(({ fail }) => performSteps(this.#context, fail)));
  }

  /** Mends them. */
  async heal(...whats: readonly string[]): Promise<void> {
    const failures = whats.map((what) => failureNamed(this.scenario, this.layout, what));
    await Promise.all(failures.map(({ heal }) => performSteps(this.#context, heal)));
    this.#note(this.#context.state.failures.filter((one) => !whats.includes(one)));
  }

  /** What is broken now. */
  get failures(): readonly string[] {
    return this.#context.state.failures;
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
