/**
 * Takes a lab down, whole or half built, from the state file and from the plan. What runs inside one of the lab's own
 * namespaces belongs to the lab; outside of them only recorded processes are touched.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { TwinspanError } from '../../../core/base/errors.js';
import type { Layout } from '../layout.js';
import { namespacesOf } from '../plan/network.js';
import type { Scenario } from '../scenario.js';
import { command, tryCommand } from './command.js';
import { identify, type ProcessId, signalProcess, waitGone } from './process.js';
import { NAMESPACES_DIR, readState, type State } from './state.js';

export interface TeardownReport {
  readonly processes: number;
  readonly namespaces: number;
}

function existing(namespaces: readonly string[]): string[] {
  const there = existsSync(NAMESPACES_DIR) ? new Set(readdirSync(NAMESPACES_DIR)) : new Set<string>();
  return namespaces.filter((name) => there.has(name));
}

/** Namespaces of any known scenario in this layout that exist on the machine. */
export function standingNamespaces(scenarios: readonly Scenario[], layout: Layout): string[] {
  return existing([...new Set(scenarios.flatMap((scenario) => namespacesOf(scenario, layout)))]);
}

async function inhabitants(namespaces: readonly string[]): Promise<ProcessId[]> {
  const lists = await Promise.all(namespaces.map((name) => tryCommand(['ip', 'netns', 'pids', name])));
  const pids = lists.flatMap((list) => list.stdout.split('\n').filter((line) => line !== ''));
  return pids
    .map((pid) => identify(Number(pid)))
    .filter((id) => id !== undefined && id.pid !== process.pid) as ProcessId[];
}

async function killAll(ids: readonly ProcessId[]): Promise<number> {
  const killed = ids.filter((id) => signalProcess(id, 'SIGKILL'));
  await waitGone(killed);
  return killed.length;
}

/** The state as far as it can be read: a damaged file must not stop `down`. */
function stateIfReadable(layout: Layout): State | undefined {
  try {
    return readState(layout);
  } catch {
    return undefined;
  }
}

/** Takes away the mount that the first namespace of this machine has brought, unless others use it by now. */
async function removeNamespacesDir(): Promise<void> {
  if (!existsSync(NAMESPACES_DIR) || readdirSync(NAMESPACES_DIR).length > 0) return;
  await tryCommand(['umount', NAMESPACES_DIR]);
  await tryCommand(['rmdir', NAMESPACES_DIR]);
}

/** Removes everything a lab of these scenarios has made. Fine when there is nothing. Throws TS_LAB when it cannot. */
export async function tearDown(scenarios: readonly Scenario[], layout: Layout): Promise<TeardownReport> {
  const namespaces = standingNamespaces(scenarios, layout);
  const state = stateIfReadable(layout);
  let processes = await killAll(state?.processes ?? []);
  // A process may have been started between being listed and being killed; two rounds settle that.
  for (let round = 0; round < 2; round++) processes += await killAll(await inhabitants(namespaces));
  if (namespaces.length > 0) {
    const input = namespaces.map((name) => `netns del ${name}\n`).join('');
    await command(['ip', '-force', '-batch', '-'], { input });
  }
  const left = existing(namespaces);
  if (left.length > 0)
    throw new TwinspanError('TS_LAB', `These namespaces could not be removed: ${left.join(' ')}`);
  if (state?.firstNamespaces) await removeNamespacesDir();
  rmSync(layout.dir, { recursive: true, force: true });
  return { processes, namespaces: namespaces.length };
}
