/**
 * Brings the host into a desired state: observe, plan, apply, observe again. The second look is what counts: a step
 * that failed but whose effect is there (somebody else was quicker) is no problem, and a step that succeeded without
 * effect is one. What a command said only explains what the second look found.
 *
 * Calls for one host must not overlap: each one waits for the one before.
 */
import { TwinspanError } from '../../core/base/errors.js';
import type { Family } from '../../core/base/prefix.js';
import { type DesiredHost, type HostState, nftNormal, type SysctlChange } from '../../core/plan/host.js';
import { planHost, planUndo, type Step } from '../../core/plan/plan.js';
import { commandError } from './command_error.js';
import { type Host, observeHost } from './observe.js';
import { parseAddresses, parseArrays, parseLinks } from './parse.js';
import { groupSteps, runGroup } from './steps.js';

export interface ApplyResult {
  /** Steps that were carried out without an error, in order. */
  readonly applied: readonly Step[];
  /** What differs from the desired state now, and why. [] = the host is as desired. */
  readonly problems: readonly TwinspanError[];
  /** Sysctls changed by this call. Keep them (mergeChanges) for undoHost. */
  readonly changes: readonly SysctlChange[];
}

/** Makes the host what `desired` says. Never throws for what the host refuses: see `problems`. */
export async function applyHost(desired: DesiredHost, host: Host): Promise<ApplyResult> {
  const before = await observeHost(desired, host);
  if (before.problems.length > 0) return { applied: [], problems: before.problems, changes: [] };
  const steps = planHost(desired, before.state);
  if (steps.length === 0) return { applied: [], problems: [], changes: [] };
  return await carryOut(steps, desired, host, (state) => planHost(desired, state));
}

/**
 * Takes back what is ours on the host and puts `changes` back. `desired` is the last state applied: it names the
 * devices and addresses to look at.
 */
export async function undoHost(
  desired: DesiredHost,
  host: Host,
  changes: readonly SysctlChange[],
): Promise<ApplyResult> {
  const sysctls = changes.map(({ key, after }) => ({ key, value: after }));
  const scope = { ...desired, sysctls, nft: undefined };
  const before = await observeHost(scope, host);
  if (before.problems.length > 0) return { applied: [], problems: before.problems, changes: [] };
  const steps = planUndo(before.state, changes);
  if (steps.length === 0) return { applied: [], problems: [], changes: [] };
  return await carryOut(steps, scope, host, (state) => planUndo(state, changes));
}

/** `later` added to `earlier`: for each key the oldest `before` and the newest `after`. */
export function mergeChanges(
  earlier: readonly SysctlChange[],
  later: readonly SysctlChange[],
): SysctlChange[] {
  const merged = new Map(earlier.map((change) => [change.key, change]));
  for (const change of later) {
    const first = merged.get(change.key);
    merged.set(change.key, first === undefined ? change : { ...first, after: change.after });
  }
  return [...merged.values()];
}

async function carryOut(
  steps: readonly Step[],
  desired: DesiredHost,
  host: Host,
  planRest: (state: HostState) => Step[],
): Promise<ApplyResult> {
  const failures = new Map<string, TwinspanError>();
  const applied: Step[] = [];
  for (const group of groupSteps(steps)) {
    const results = await runGroup(group, host);
    for (const [index, step] of group.entries()) {
      const failure = results[index];
      if (failure === undefined) applied.push(step);
      else failures.set(step.command.join(' '), commandError(step.command, failure));
    }
  }
  const after = await observeHost(desired, host);
  const remaining = planRest({ ...after.state, nft: recogniseNft(desired, after.state.nft, applied, host) });
  const problems = [...after.problems, ...remaining.map((step) => problemOf(step, failures))];
  return { applied, problems, changes: applied.flatMap((step) => step.change ?? []) };
}

/** nft took the table; what it prints from now on is that table, in its own words. */
function recogniseNft(
  desired: DesiredHost,
  printed: string | undefined,
  applied: readonly Step[],
  host: Host,
): string | undefined {
  const replaced = applied.some((step) => step.kind === 'nft' && step.input !== undefined);
  if (!replaced || desired.nft === undefined || printed === undefined) return printed;
  host.nftPrinted = { wanted: desired.nft, printed: nftNormal(printed) };
  return desired.nft;
}

function problemOf(step: Step, failures: ReadonlyMap<string, TwinspanError>): TwinspanError {
  const text = step.command.join(' ');
  const message = `The host is not as wanted (${step.why}) after \`${text}\` seemed to work.`;
  return (
    failures.get(text) ??
    new TwinspanError(
      'TS_HOST_COMMAND',
      message,
      'Another program may be changing it back: see `ip monitor`.',
    )
  );
}

/** A device's own addresses, one of each family, without their lengths. */
export interface OwnAddresses {
  readonly v4: string | undefined;
  readonly v6: string | undefined;
}

/**
 * The node's own addresses on `device`: of each family the first global one that is neither in `except` (VIPs, with their
 * length) nor a secondary. Undefined if there is no such device.
 */
export async function ownAddressesOf(
  device: string,
  host: Host,
  except: readonly string[] = [],
): Promise<OwnAddresses | undefined> {
  const { status, stdout } = await host.runner.run(['ip', '-N', '-j', 'addr', 'show', 'dev', device]);
  const entries = parseArrays(stdout)?.[0] ?? [];
  if (status !== 0 || !parseLinks(entries).some((link) => link.device === device)) return undefined;
  const usable = parseAddresses(entries).filter(({ global, address }) => global && !except.includes(address));
  const firstOf = (family: Family): string | undefined => {
    const own = usable.filter((seen) => seen.family === family);
    return (own.find((seen) => !seen.secondary) ?? own[0])?.address.split('/')[0];
  };
  return { v4: firstOf(4), v6: firstOf(6) };
}
