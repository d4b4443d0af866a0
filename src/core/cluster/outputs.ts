/**
 * What the cluster asks of its owner. Outputs come one by one and must be carried out in that order, each finished (or
 * handed over to something that keeps the order) before the next: an epoch is stored before it is announced, announced
 * before it is acted on.
 */
import type { Role } from './record.js';
import type { Beat, Claim, Epoch } from './register.js';

export type Output =
  /** Store n durably, before the next output is carried out; what cannot be stored is reported and goes on. */
  | { readonly type: 'persist'; readonly epochN: number }
  /** One hello datagram into the session of `peer`. */
  | { readonly type: 'send'; readonly peer: number; readonly bytes: Uint8Array }
  /** Become, stay or cease to be the one that holds the VIP and the VPC routes, and why: hooks are told. */
  | { readonly type: 'act'; readonly epoch: Epoch; readonly why: string }
  | { readonly type: 'rest'; readonly epoch: Epoch | undefined; readonly why: string }
  /** Ask the register; answer with handleBeat / handleClaim, in the order of the requests. */
  | { readonly type: 'beat'; readonly beat: Beat }
  | { readonly type: 'claim'; readonly claim: Claim }
  /** Who serves a cluster may have changed: call chooseServing. */
  | { readonly type: 'routes' }
  /** Ask hosts of the LAN (ARP, neighbour solicitation); answer with handleLanAnswer. */
  | { readonly type: 'probe-lan' }
  | { readonly type: 'event'; readonly event: ClusterEvent };

export type ClusterEventName =
  | 'role-changed'
  | 'epoch-renewed'
  | 'hand-over-failed'
  | 'clock-jumped'
  | 'register-lost'
  | 'register-back'
  | 'partner-heard'
  | 'partner-silent'
  | 'incarnation-raised';

/** One thing that happened, why, and what was known at that moment. Plain JSON. */
export interface ClusterEvent {
  readonly name: ClusterEventName;
  readonly atMs: number;
  /** One sentence without a full stop. */
  readonly why: string;
  readonly from?: Role;
  readonly to?: Role;
  readonly evidence: Evidence;
}

export interface Evidence {
  readonly role: Role;
  readonly epoch: string;
  readonly register: string;
  readonly able: boolean;
  readonly lan: boolean;
  readonly serve: boolean;
  readonly score: number;
  readonly partners: readonly {
    readonly name: string;
    readonly heard: boolean;
    /** ms since it was last heard on each channel; witnesses by name. */
    readonly lanMs: number | null;
    readonly redisMs: number | null;
    readonly witnesses: readonly string[];
    readonly role: Role | null;
    readonly epoch: string;
    readonly able: boolean | null;
    readonly lan: boolean | null;
    readonly serve: boolean | null;
    readonly score: number | null;
  }[];
}

/** An epoch as people read it: `7.1` is n 7 of member 1. */
export function epochText(epoch: Epoch | undefined): string {
  return epoch === undefined ? '-' : `${epoch.n}.${epoch.member}`;
}
