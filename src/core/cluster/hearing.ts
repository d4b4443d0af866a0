/**
 * Who is alive, and who is within reach. A member is heard if its packets over the LAN, its heartbeat counter in Redis
 * (timed on our own clock) or any live witness shows it within the detection time. A witness is live while its session
 * is up both ways and it has sent a hello since that session came up.
 */
import { compareEpochs } from './register.js';
import type { Directory, KnownNode } from './roster.js';
import { type ClusterSettings, SAFETY_RULES } from './settings.js';
import type { Waits } from './waits.js';

/** Whether something came from `node` itself within `detectionMs`. */
export function hears(node: KnownNode, waits: Waits, detectionMs: number): boolean {
  return !waits.passed(node.receivedAtMs, detectionMs);
}

/** Live witnesses of `node`: other nodes that hear it. */
export function witnessesOf(node: KnownNode, directory: Directory): KnownNode[] {
  return directory.others.filter(
    (other) => other !== node && other.up && other.reported && other.shows.has(node.name),
  );
}

/** The partner that is heard and active; of several, that of the highest epoch: the others have yet to learn of it. */
export function activePartner(partners: readonly KnownNode[]): KnownNode | undefined {
  let active: KnownNode | undefined;
  for (const partner of partners) {
    if (!partner.heard || partner.record?.role !== 'active') continue;
    const [epoch, best] = [partner.record.epoch, active?.record?.epoch];
    if (best === undefined || (epoch !== undefined && compareEpochs(epoch, best) > 0)) active = partner;
  }
  return active;
}

/** Brings the partners' hearing up to date and returns those that fell silent or are heard again. */
export function hearPartners(
  directory: Directory,
  waits: Waits,
  settings: ClusterSettings,
): { readonly node: KnownNode; readonly heard: boolean }[] {
  const rules = settings.rules ?? SAFETY_RULES;
  const changes: { node: KnownNode; heard: boolean }[] = [];
  for (const node of directory.partners) {
    node.heardHere = hears(node, waits, settings.detectionMs);
    const beats = rules.heartbeats && !waits.passed(node.beatAtMs, settings.detectionMs);
    const witnessed = rules.witnesses && witnessesOf(node, directory).length > 0;
    const heard = node.heardHere || beats || witnessed;
    if (heard) node.heardAtMs = waits.now;
    if (heard === node.heard && (heard || node.silentSinceMs !== undefined)) continue;
    if (heard !== node.heard) changes.push({ node, heard });
    node.heard = heard;
    node.silentSinceMs = heard ? undefined : waits.now;
  }
  return changes;
}

/**
 * The nodes of other clusters with which a session has been up for `settledMs`, those that a hub reaches for us, and how
 * many they are together.
 */
export function reachOf(
  directory: Directory,
  waits: Waits,
  settledMs: number,
): { direct: string[]; throughHub: string[]; score: number } {
  const settled = (node: KnownNode): boolean => node.up && waits.passed(node.upSinceMs, settledMs);
  const direct = directory.remotes.filter(settled);
  const hubs = direct.filter((node) => node.cluster.gateway);
  const throughHub = directory.remotes.filter(
    (node) => !settled(node) && hubs.some((hub) => hub !== node && hub.direct.has(node.name)),
  );
  return {
    direct: direct.map(({ name }) => name),
    throughHub: throughHub.map(({ name }) => name),
    score: direct.length + throughHub.length,
  };
}
