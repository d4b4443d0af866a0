/**
 * Run inside a network namespace by the tests: does what its argument says and prints the outcome as one JSON line.
 *   {"do": "apply" | "undo" | "apply-undo" | "apply-twice" | "hang", "desired": DesiredHost, "changes"?: SysctlChange[]}
 */
import type { DesiredHost, SysctlChange } from '../../../src/core/plan/host.js';
import { type ApplyResult, applyHost, undoHost } from '../../../src/edge/linux/apply.js';
import { realHost } from '../../../src/edge/linux/observe.js';

interface Order {
  do: 'apply' | 'undo' | 'apply-undo' | 'apply-twice' | 'hang';
  desired: DesiredHost;
  changes?: SysctlChange[];
}

function outcome(result: ApplyResult) {
  return {
    commands: result.applied.map((step) => step.command.join(' ')),
    problems: result.problems.map(({ code, message, hint }) => ({ code, message, hint })),
    changes: result.changes,
  };
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const host = realHost();
const results: ApplyResult[] = [];
const startMs = performance.now();
if (order.do === 'undo') results.push(await undoHost(order.desired, host, order.changes ?? []));
else {
  const first = await applyHost(order.desired, host);
  results.push(first);
  if (order.do === 'apply-twice') results.push(await applyHost(order.desired, host));
  if (order.do === 'apply-undo') results.push(await undoHost(order.desired, host, first.changes));
}
const elapsedMs = performance.now() - startMs;
console.log(JSON.stringify({ results: results.map(outcome), elapsedMs }));
if (order.do === 'hang') setInterval(() => {}, 60_000);
