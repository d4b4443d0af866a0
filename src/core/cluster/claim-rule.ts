/**
 * When a standby claims: the four causes of the design, as one pure question. A cause is a sentence for the operator.
 *
 *   (a) silent: no partner is heard on any channel, and the silence proves something;
 *   (b) nobody active: the partners are heard and none acts; whose turn it is follows from rank and epoch;
 *   (c) the active is worse, for long enough;
 *   (d) failback to the preferred member.
 *
 * With more than two members, a silent one must be proven silent before the others fill a vacancy.
 */

import { activePartner } from './hearing.js';
import type { LanHealth } from './lan.js';
import type { Observations } from './observations.js';
import { compareHealth, isActing, type MemberRecord } from './record.js';
import type { RegisterLink } from './register-link.js';
import type { Directory, KnownNode } from './roster.js';
import type { ClusterSettings, SafetyRules } from './settings.js';
import type { Waits } from './waits.js';

export interface ClaimView {
  readonly settings: ClusterSettings;
  readonly rules: SafetyRules;
  readonly directory: Directory;
  readonly register: RegisterLink;
  readonly lan: LanHealth;
  readonly seen: Observations;
  readonly own: MemberRecord;
  readonly waits: Waits;
  /** When this process began to listen, and for how long it must. */
  readonly listenSinceMs: number;
  readonly listenMs: number;
  /** The role was lost at this time to a partner that was not heard. */
  readonly mutedSinceMs: number | undefined;
  /** The process last stood still at this time, for a part of the detection time. */
  readonly pausedAtMs: number | undefined;
  /** Hold-downs are this many times longer than configured. */
  readonly patience: number;
  /** Somebody other than partners can be heard at all: Redis is configured or there are other clusters. */
  readonly hasWitnesses: boolean;
}

/** Why this standby claims now; undefined: it does not. */
export function claimCause(view: ClaimView): string | undefined {
  const { directory, own, lan } = view;
  const { partners } = directory;
  if (partners.length === 0) return own.able ? 'the cluster has no other member' : undefined;
  if (!own.able || lan.carrierLostAtMs !== undefined) return undefined;
  const heard = partners.filter((partner) => partner.heard);
  const active = activePartner(partners);
  if (active !== undefined) return activeIsWorse(view, active) ?? failback(view, active);
  if (heard.length < partners.length && !silenceProves(view)) return undefined;
  return heard.length === 0 ? 'no partner is heard on any channel' : vacancy(view, heard);
}

/** Rule (a): whether a partner's silence may be taken for its death. */
function silenceProves(view: ClaimView): boolean {
  const { directory, register, lan, rules, settings, waits, patience } = view;
  const { partners, remotes } = directory;
  const live = remotes.filter((node) => node.up);
  if (rules.waitForReports && live.some((node) => !node.reported)) return false;
  // A partner whose command was lost when Redis came back is only heard after the time-out of that command.
  const settleMs = settings.detectionMs + settings.commandTimeoutMs;
  if (rules.redisSettled && register.answering && !waits.passed(register.answeringSinceMs, settleMs))
    return false;
  if (rules.reachSomebody && view.hasWitnesses && !register.answering && live.length === 0) return false;
  if (rules.listenFirst && !waits.passed(view.listenSinceMs, view.listenMs)) return false;
  const paused = view.pausedAtMs;
  if (rules.standDownAfterFreeze && paused !== undefined && !waits.passed(paused, settings.detectionMs))
    return false;
  const muted = view.mutedSinceMs;
  if (rules.muteAfterLoss && muted !== undefined && !waits.passed(muted, settings.holdDownMs * patience)) {
    return false;
  }
  if (!rules.lanBeforeClaim) return true;
  const silentSinceMs = Math.max(
    ...partners.map((partner) => (partner.heard ? 0 : (partner.silentSinceMs ?? 0))),
  );
  return lan.usable && lan.answeredSince(silentSinceMs, waits);
}

/** Rule (b): partners are heard, none is active. */
function vacancy(view: ClaimView, heard: readonly KnownNode[]): string | undefined {
  const { directory, own, settings, rules, seen, waits } = view;
  // A partner that has said nothing yet may be anything.
  if (heard.some((partner) => partner.record === undefined)) return undefined;
  const rivals = heard.flatMap(({ record }) => (record?.able ? [record] : []));
  const stillServed = heard.some(({ record }) => record !== undefined && isActing(record.role));
  if (stillServed && !own.serve) return undefined;
  if (rivals.length === 0) return 'nobody is active and no partner is able';
  const worst = Math.min(...rivals.map((rival) => compareHealth(own, rival)));
  const holder = directory.own.epoch?.member ?? 0;
  if (holder === directory.self.member && worst >= 0) return 'nobody is active and I come first';
  const settled = waits.passed(seen.serveSinceMs, settings.settledServeMs);
  if (worst > 0 && settled) return 'nobody is active and I serve better';
  if (!rules.stagger) return 'nobody is active';
  const wait = holder === directory.self.member ? 2 * settings.staggerMs : settings.staggerMs;
  return waits.passed(seen.vacantSinceMs, wait) ? 'nobody has become active in time' : undefined;
}

/** Rule (c). */
function activeIsWorse(view: ClaimView, active: KnownNode): string | undefined {
  const { seen, settings, waits, patience } = view;
  if (!waits.passed(seen.serveSinceMs, settings.settledServeMs)) return undefined;
  if (waits.passed(seen.activeLanDeadSinceMs, settings.lanDeadClaimMs))
    return `${active.name} says that its LAN is dead`;
  if (waits.passed(seen.activeCannotServeSinceMs, settings.cannotServeMs))
    return `${active.name} cannot serve`;
  if (waits.passed(seen.activeWorseSinceMs, settings.holdDownMs * patience))
    return `${active.name} reaches fewer peers`;
  return undefined;
}

/** Rule (d). */
function failback(view: ClaimView, active: KnownNode): string | undefined {
  const { settings, directory, seen, waits, patience, own } = view;
  if (settings.failback !== 'automatic' || active.record?.held || !own.serve) return undefined;
  if (directory.self.member >= active.member) return undefined;
  return waits.passed(seen.noWorseSinceMs, settings.failbackMs * patience)
    ? 'failback to the preferred member'
    : undefined;
}
