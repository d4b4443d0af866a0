/**
 * What a node costs that has nothing to do but to show that it lives: the CPU time of its threads over a while, as a share
 * of one core. All hosts of a lab are one machine, so a node is charged for more than on a machine of its own: a datagram
 * that it sends goes through the kernel of the receiving namespace, up to the receiver's socket, at the sender's expense.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Cluster } from '../scenario.js';
import { type Check, type CheckGroup, finding, type Lab, type NamedFinding } from './check.js';
import { pause } from './outage.js';
import { eventually, statusOf } from './roles.js';
import { settle } from './settle.js';

const PEERS = 10;
const PROBING_PERCENT_BUDGET = 2;
/** The whole node has no budget; something is wrong above this. */
const WHOLE_PERCENT_MAX = 8;
/** By then what is done once has been done: sessions, path MTU, and most of what V8 compiles. */
const SETTLED_MS = 45_000;
const SETTLED_SHORT_MS = 20_000;
const MEASURE_MS = 15_000;
const NS_PER_MS = 1e6;
/** As workers call themselves (edge/native.ts threadName). */
const WORKER_NAME = 'ts-worker';

/** A thread's name and the CPU time that it has had, ms. */
interface Thread {
  readonly name: string;
  readonly cpuMs: number;
}

/** Threads of a process by id. One that ends meanwhile is left out. */
function threadsOf(pid: number): Map<string, Thread> {
  const threads = new Map<string, Thread>();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    try {
      const read = (file: string) => readFileSync(`/proc/${pid}/task/${id}/${file}`, 'utf8');
      const cpuMs = Number(read('schedstat').split(' ')[0]) / NS_PER_MS;
      threads.set(id, { name: read('comm').trim(), cpuMs });
    } catch {}
  }
  return threads;
}

interface Share {
  readonly probing: number;
  readonly control: number;
  readonly whole: number;
}

/** What a node's threads took in `withinMs`, in per cent of a core. */
async function shareOf(lab: Lab, node: string, withinMs: number): Promise<Share> {
  const pid = lab.processOf(node);
  const before = threadsOf(pid);
  const began = performance.now();
  await pause(withinMs);
  const tookMs = performance.now() - began;
  const share = { probing: 0, control: 0, whole: 0 };
  for (const [id, { name, cpuMs }] of threadsOf(pid)) {
    const percent = (100 * (cpuMs - (before.get(id)?.cpuMs ?? 0))) / tookMs;
    share.whole += percent;
    if (name.startsWith(WORKER_NAME)) share.probing += percent;
    else if (id === String(pid)) share.control += percent;
  }
  return share;
}

/** Whether a node has all its peers, and has had the time to settle. */
async function hasSettled(lab: Lab, node: string): Promise<boolean> {
  const report = await statusOf(lab, node);
  if (report === undefined) return false;
  const up = report.peers.filter((peer) => peer.state === 'up').length;
  return up === PEERS && report.uptimeMs >= (lab.programme.short ? SETTLED_SHORT_MS : SETTLED_MS);
}

function row(
  name: string,
  detail: string,
  measuredPercent: readonly number[],
  limitPercent: number,
): NamedFinding {
  const passed = measuredPercent.every((percent) => percent > 0 && percent <= limitPercent);
  return { ...finding(passed, detail), name, measuredPercent };
}

async function measure(lab: Lab, pair: Cluster): Promise<readonly NamedFinding[]> {
  const active = await settle(lab, pair);
  lab.progress('waiting for everything that is done once');
  const settled = await eventually(2 * SETTLED_MS, async () => {
    return (await Promise.all(pair.members.map((node) => hasSettled(lab, node)))).every(Boolean);
  });
  if (!settled) throw new Error(`no ${PEERS} peers are up at ${pair.members.join(' and ')}`);
  const shares = await Promise.all(pair.members.map((node) => shareOf(lab, node, MEASURE_MS)));
  const about = `${pair.members.join(', ')} (${active} active), ${MEASURE_MS / 1000} s, deliveries to the others' namespaces included`;
  const control = shares.map((share) => `${share.control.toFixed(1)} %`).join(', ');
  const probing = row(
    `idle with ${PEERS} peers, % of a core: probing (worker)`,
    about,
    shares.map((share) => share.probing),
    lab.limitOf(PROBING_PERCENT_BUDGET, 0),
  );
  const whole = row(
    `idle with ${PEERS} peers, % of a core: whole node`,
    `control thread ${control}`,
    shares.map((share) => share.whole),
    WHOLE_PERCENT_MAX,
  );
  return [{ ...probing, budgetPercent: PROBING_PERCENT_BUDGET }, whole];
}

const IDLE: Check = {
  name: `what ${PEERS} peers cost an idle member`,
  short: true,
  run: (lab) => measure(lab, lab.scenario.overlay.clusters[0]),
};

/** The programme of the scenario idle-ten-peers. */
export const IDLE_CHECKS: readonly CheckGroup[] = [{ title: 'at rest', capture: 'none', checks: [IDLE] }];
