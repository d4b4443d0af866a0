/**
 * What the nodes and firewalls told in their logs since a moment: role changes to the millisecond, and what became of the VPC's routes.
 * Reading logs disturbs nobody, which asking fifty times a second would.
 */
import { readFileSync, statSync } from 'node:fs';
import { isActing, type Role } from '../../../core/cluster/record.js';
import { firewallsOf } from '../plan/firewalls.js';
import { nodesOf } from '../plan/overlay.js';
import { logFile } from '../plan/program.js';
import type { Report } from '../programs/meter.js';
import type { Cluster } from '../scenario.js';
import type { Lab } from './check.js';

/** One line of a log. */
export interface LogEvent {
  /** Unix time, ms. */
  readonly atMs: number;
  readonly node: string;
  readonly event: string;
  readonly level: number;
  readonly why?: string;
  readonly from?: Role;
  readonly to?: Role;
  readonly message?: string;
  readonly hint?: string;
  readonly afterMs?: number;
  /** Of a node's path: to whom. */
  readonly peer?: string;
  readonly path?: string;
  /** Of a firewall: whose way it has changed, and to which. */
  readonly customer?: string;
  readonly way?: string;
}

interface RawLine extends Omit<LogEvent, 'atMs'> {
  readonly time: string;
}

function parseLine(node: string, line: string): LogEvent | undefined {
  try {
    const { time, ...rest } = JSON.parse(line) as RawLine;
    return { ...rest, node, atMs: Date.parse(time) };
  } catch {
    // The half line of a node that was killed, or what it said on stderr.
    return undefined;
  }
}

export class History {
  readonly #lab: Lab;
  readonly #offsets: ReadonlyMap<string, number>;

  /** Remembers where the logs end now. */
  constructor(lab: Lab) {
    this.#lab = lab;
    const sizeOf = (node: string) => statSync(logFile(lab.layout, node)).size;
    const firewalls = firewallsOf(lab.scenario).filter(({ firewall }) => firewall !== undefined);
    const tellers = [...nodesOf(lab.scenario), ...firewalls];
    this.#offsets = new Map(tellers.map(({ name }) => [name, sizeOf(name)]));
  }

  /** What the nodes and firewalls have told since, in the order of time. */
  events(nodes: readonly string[] = [...this.#offsets.keys()]): LogEvent[] {
    const parsed = nodes.flatMap((node) => {
      const text = readFileSync(logFile(this.#lab.layout, node)).subarray(this.#offsets.get(node));
      const lines = text.toString('utf8').split('\n');
      return lines.map((line) => parseLine(node, line));
    });
    const events = parsed.filter((event) => event !== undefined);
    return events.toSorted((a, b) => a.atMs - b.atMs);
  }

  /** The role changes among `nodes`, between standing and acting or at all. */
  roleChanges(nodes?: readonly string[]): LogEvent[] {
    return this.events(nodes).filter(({ event }) => event === 'role-changed');
  }
}

/** Says of a member, from outside, that it acts from then on or does not: it was killed, it was frozen. */
export interface Known {
  readonly atMs: number;
  readonly node: string;
  readonly active: boolean;
}

/**
 * For how long at a stretch, at most, two members of a cluster were active at once, ms. `first`: who was at the beginning;
 * `known`: what no log says. A member that drains does not count: it delivers until the other acts.
 */
export function longestDualMs(
  cluster: Cluster,
  first: readonly string[],
  changes: readonly LogEvent[],
  known: readonly Known[] = [],
  endMs = Date.now(),
): number {
  const moves = [
    ...changes
      .filter(({ node }) => cluster.members.includes(node))
      .map(({ atMs, node, to }): Known => ({ atMs, node, active: to === 'active' })),
    ...known,
  ].toSorted((a, b) => a.atMs - b.atMs);
  const active = new Set(first);
  let sinceMs: number | undefined;
  let longestMs = 0;
  for (const { atMs, node, active: now } of [...moves, { atMs: endMs, node: '', active: false }]) {
    if (sinceMs !== undefined) longestMs = Math.max(longestMs, atMs - sinceMs);
    if (now) active.add(node);
    else active.delete(node);
    if (active.size < 2) sinceMs = undefined;
    else sinceMs ??= atMs;
  }
  return longestMs;
}

/** A role change in a few words. */
export function describeChange({ node, from, to, why }: LogEvent): string {
  return `${node} ${from} → ${to} (${why})`;
}

/** How long before a loss its cause is looked for. */
const CAUSE_MS = 1_000;

/** Where packets were lost (or overtaken, on a track with losses), and what the nodes told shortly before; '' for no loss. */
export function describeLosses(reports: readonly Report[], history: History): string {
  const tracks = reports.flatMap(({ there, back }) => [there, back]).filter(({ lost }) => lost > 0);
  const losses = tracks.flatMap((track) => track.losses);
  const [first] = losses.toSorted((a, b) => a.atMs - b.atMs);
  if (first === undefined) return '';
  const events = history
    .events()
    .filter(({ atMs }) => atMs <= first.atMs && atMs > first.atMs - CAUSE_MS)
    .map((event) => `${event.node} ${event.event}${event.to === undefined ? '' : ` ${event.to}`}`);
  const at = new Date(first.atMs).toISOString().slice(11, 23);
  return `lost in ${losses.length} places, first ${first.packets} at ${at} after ${events.join(', ') || 'nothing told'}`;
}

/** Whether a change moves the role: claims that come to nothing do not. */
export function movesRole({ from, to }: LogEvent): boolean {
  return from !== undefined && to !== undefined && isActing(from) !== isActing(to);
}
