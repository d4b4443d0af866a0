/**
 * Carries steps out: sysctls by a write, neighbouring `ip` commands of one family as one batch (a process costs some
 * 5 ms, a line of a batch some 20 µs), anything else one by one. `ip -force` goes on after a line that fails, so one
 * refused route does not keep the others out.
 */
import type { Step } from '../../core/plan/plan.js';
import type { Host } from './observe.js';
import type { CommandResult } from './runner.js';

export type Failure = Pick<CommandResult, 'status' | 'stderr'>;

/** Words that mean nothing special to the line splitter of `ip -batch`. */
const PLAIN_WORD = /^[\w.:/@%+=,-]+$/;

/** The flags of an `ip` command that can go into a batch (`ip`, `ip -6`); undefined for any other. */
function batchHead(step: Step): string | undefined {
  const [program, flag] = step.command;
  if (program !== 'ip' || step.input !== undefined) return undefined;
  if (!step.command.every((word) => PLAIN_WORD.test(word))) return undefined;
  return flag === '-6' ? 'ip -6' : 'ip';
}

/** Runs of steps that are carried out together, in order. */
export function groupSteps(steps: readonly Step[]): Step[][] {
  const groups: Step[][] = [];
  let head: string | undefined;
  for (const step of steps) {
    const own = batchHead(step);
    if (own !== undefined && own === head) groups[groups.length - 1].push(step);
    else groups.push([step]);
    head = own;
  }
  return groups;
}

/** Carries a group out; the answer has one entry for each step, undefined where it worked. */
export async function runGroup(group: readonly Step[], host: Host): Promise<(Failure | undefined)[]> {
  const [first] = group;
  if (group.length > 1) return await runBatch(group, host);
  if (first.kind === 'sysctl') return [writeSysctl(first, host)];
  const options = first.input === undefined ? {} : { input: first.input };
  const result = await host.runner.run(first.command, options);
  return [result.status === 0 ? undefined : result];
}

function writeSysctl(step: Step, host: Host): Failure | undefined {
  const assignment = step.command[step.command.length - 1];
  const split = assignment.indexOf('=');
  const error = host.sysctl.write(assignment.slice(0, split), assignment.slice(split + 1));
  return error === undefined ? undefined : { status: 1, stderr: error };
}

async function runBatch(group: readonly Step[], host: Host): Promise<(Failure | undefined)[]> {
  const head = batchHead(group[0])?.split(' ') ?? [];
  const lines = group.map((step) => step.command.slice(head.length).join(' '));
  const result = await host.runner.run([...head, '-force', '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
  });
  if (result.status === 0) return group.map(() => undefined);
  const failures = batchFailures(result);
  // No line is named when the batch did not run at all, or was cut short: then none is known to have worked.
  if (failures.size === 0) return group.map(() => result);
  return group.map((_, index) => failures.get(index + 1));
}

/** What a batch said of each line: messages, then `Command failed FILE:LINE`. */
function batchFailures(result: CommandResult): Map<number, Failure> {
  const failures = new Map<number, Failure>();
  let said: string[] = [];
  for (const line of result.stderr.split('\n')) {
    const match = /^Command failed .*:(\d+)$/.exec(line);
    if (match === null) {
      if (line.trim() !== '') said.push(line.trim());
      continue;
    }
    failures.set(Number(match[1]), { status: result.status, stderr: said.join('; ') });
    said = [];
  }
  return failures;
}
