/** What the effects of a role report, in words for the timeline of a failover; undefined for what is no part of it. */
import type { VpcEvent } from '../../core/plan/vpc-events.js';
import type { HookEvent } from '../../edge/hooks/hooks.js';
import type { LanEvent } from '../../edge/linux/lan-keeper.js';

export type EffectEvent = LanEvent | VpcEvent | HookEvent;

/** One line without a full stop. */
export function effectText(event: EffectEvent): string | undefined {
  switch (event.event) {
    case 'vip-added':
      return 'VIP added';
    case 'vip-announced':
      return 'VIP announced (gratuitous ARP or unsolicited advertisement)';
    case 'vip-removed':
      return 'VIP removed';
    case 'vip-failed':
      return `VIP: ${event.action} failed (${event.reason})`;
    case 'lan-carrier':
      return `LAN carrier ${event.up ? 'back' : 'lost'}`;
    case 'lan-usable':
      return `LAN ${event.usable ? 'usable' : 'not usable'}`;
    case 'stale-arp':
      return `${event.mac} claims the VIP too`;
    case 'hook-output':
      return undefined;
    case 'hook-ended': {
      const outcome = event.problem ?? `ended with ${event.status ?? 'a signal'}`;
      return `hook ${event.hook} ${outcome}, after ${event.tookMs} ms`;
    }
    default:
      return `AWS: ${event.message.replace(/\.$/, '')}`;
  }
}

/** Whether it is something noticed, not something done: a possible cause of the next change. */
export function isNotice({ event }: EffectEvent): boolean {
  return event === 'lan-carrier' || event === 'lan-usable' || event === 'stale-arp';
}
