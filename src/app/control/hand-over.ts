/** Make before break: before a node stops, a partner that can takes its role. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isActing } from '../../core/cluster/record.js';
import type { ClusterKeeper } from './cluster-keeper.js';

/** How long at most, how often that is looked at, and how long packets are still delivered. */
const HAND_OVER_MS_MAX = 2_000;
const HAND_OVER_LOOK_MS = 20;
const HAND_OVER_LINGER_MS = 200;

/** Resolves when a partner has the role, at once where there is none that could, and in any case soon. */
export async function handOver(cluster: ClusterKeeper, now: () => number): Promise<void> {
  const { member, directory } = cluster.node;
  const taker = directory.partners.some(({ heard, record }) => heard && record?.serve === true);
  if (!taker || (member.role !== 'active' && member.dataPlane)) return;
  // With a failed data plane the role is given up already, and the partner has yet to hear of it.
  if (member.dataPlane) cluster.handleCommand({ kind: 'drain' }, now());
  const untilMs = now() + HAND_OVER_MS_MAX;
  while (isActing(member.role) && now() < untilMs) await sleep(HAND_OVER_LOOK_MS);
  // Peers still send here for a moment.
  await sleep(HAND_OVER_LINGER_MS);
}
