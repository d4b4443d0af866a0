/** By which ways site and hub send, and how often that has changed. */
import { addressOf, hostNamed } from '../../scenario.js';
import type { Lab } from '../check.js';
import type { History, LogEvent } from '../history.js';
import { pathInUse } from '../roles.js';

/** The node in the middle of every scenario of WAN and ISP redundancy. */
export const HUB = 'hub';

/** What firewalls have told of customers whom they lead another way. */
export function switches(history: History): LogEvent[] {
  return history.events().filter(({ event }) => event === 'firewall-switched');
}

/** The changes of the path between site and hub since then (Unix time, ms), on the node and for the peer that had most. */
export function pathChanges(events: readonly LogEvent[], sinceMs: number): LogEvent[] {
  const changes = new Map<string, LogEvent[]>();
  for (const one of events) {
    const { event, node, peer, atMs } = one;
    if (event !== 'path-in-use' || atMs < sinceMs || (node !== HUB && peer !== HUB)) continue;
    const key = `${node} ${peer}`;
    changes.set(key, [...(changes.get(key) ?? []), one]);
  }
  return [...changes.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
}

/** Who does not send by the uplink of `node`, a node with a public address on it: the node itself, the hub; in words. */
export async function elsewhere(lab: Lab, node: string, uplink: string): Promise<string[]> {
  const host = hostNamed(lab.scenario, node)!;
  const wanted = host.node!.uplinks.find(({ name }) => name === uplink)!;
  const [mine, theirs] = await Promise.all([pathInUse(lab, node, HUB), pathInUse(lab, HUB, node)]);
  const wrong: string[] = [];
  if (mine?.uplink !== uplink) wrong.push(`${node} sends by ${mine?.uplink ?? 'nothing'}, not by ${uplink}`);
  const remote = theirs?.remote ?? 'nowhere';
  if (!remote.startsWith(`${addressOf(host, wanted.device)}:`)) {
    wrong.push(`${HUB} sends to ${remote}, not to ${node} by ${uplink}`);
  }
  return wrong;
}
