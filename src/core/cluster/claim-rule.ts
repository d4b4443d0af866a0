/**
 * When a standby claims: the four causes of the design, as one pure question. The answer is a sentence for the operator:
 * the cause, or what stands against a claim now.
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
import { compareHealth, compareUplinks, isActing, type MemberRecord } from './record.js';
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
  /** The operator has taken it out of service. */
  readonly drained: boolean;
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

/** Whether this standby claims now, and why, or why not. */
export interface ClaimVerdict {
  readonly claims: boolean;
  /** A sentence without a full stop. */
  readonly why: string;
  /** When what stands against a claim is over, where time alone decides. */
  readonly untilMs: number | undefined;
}

/** What the four rules say. */
export function judgeClaim(view: ClaimView): ClaimVerdict {
  const { directory, own, lan } = view;
  const { partners } = directory;
  if (!own.able)
    return wait(view.drained ? 'this member is drained' : 'the data plane of this member does not work');
  if (partners.length === 0) return claim('the cluster has no other member');
  if (lan.carrierLostAtMs !== undefined) return wait('the LAN of this member has no carrier');
  const heard = partners.filter((partner) => partner.heard);
  const active = activePartner(partners);
  if (active !== undefined) return judgeActive(view, active);
  const doubt = heard.length < partners.length ? doubtOfSilence(view) : undefined;
  if (doubt !== undefined) return doubt;
  return heard.length === 0 ? claim('no partner is heard on any channel') : vacancy(view, heard);
}

function claim(why: string): ClaimVerdict {
  return { claims: true, why, untilMs: undefined };
}

/** The verdict that a claim must wait, for `waitMs` from `sinceMs` or until something changes. */
export function wait(why: string, sinceMs?: number, waitMs = 0): ClaimVerdict {
  return { claims: false, why, untilMs: sinceMs === undefined ? undefined : sinceMs + waitMs };
}

/** Rule (a): why a partner's silence may not be taken for its death; undefined: it may. */
function doubtOfSilence(view: ClaimView): ClaimVerdict | undefined {
  const { directory, register, lan, rules, settings, waits } = view;
  const { partners, remotes } = directory;
  const silent = partners.filter(({ heard }) => !heard);
  const live = remotes.filter((node) => node.up);
  const unreported = live.filter((node) => !node.reported);
  const names = namesOf(silent);
  if (rules.waitForReports && unreported.length > 0)
    return wait(`${names} not heard, but ${namesOf(unreported)} yet to say whom it hears`);
  // A partner whose command was lost when Redis came back is only heard after the time-out of that command.
  const settleMs = settings.detectionMs + settings.commandTimeoutMs;
  if (rules.redisSettled && register.answering && !waits.passed(register.answeringSinceMs, settleMs))
    return wait(`${names} not heard, but Redis has just come back`, register.answeringSinceMs, settleMs);
  if (rules.reachSomebody && view.hasWitnesses && !register.answering && live.length === 0)
    return wait(`${names} not heard, but neither is Redis or any peer: this member may be the one cut off`);
  const young = tooEarly(view);
  if (young !== undefined) return young;
  if (!rules.lanBeforeClaim) return undefined;
  const silentSinceMs = Math.max(
    ...partners.map((partner) => (partner.heard ? 0 : (partner.silentSinceMs ?? 0))),
  );
  if (!lan.usable) return wait(`${names} not heard, but the LAN of this member is silent`);
  if (lan.answeredSince(silentSinceMs, waits)) return undefined;
  return wait(`${names} not heard, but nor has any LAN host been since`);
}

/** This process has listened for too short a time, or has lost the role too lately, for silence to prove anything. */
function tooEarly(view: ClaimView): ClaimVerdict | undefined {
  const { rules, settings, waits, listenSinceMs, listenMs } = view;
  const { pausedAtMs: paused, mutedSinceMs: muted } = view;
  if (rules.listenFirst && !waits.passed(listenSinceMs, listenMs))
    return wait('no partner is heard, but this process has just begun to listen', listenSinceMs, listenMs);
  const { detectionMs } = settings;
  if (rules.standDownAfterFreeze && paused !== undefined && !waits.passed(paused, detectionMs))
    return wait('no partner is heard, but this process has just stood still', paused, detectionMs);
  const holdDownMs = settings.holdDownMs * view.patience;
  if (rules.muteAfterLoss && muted !== undefined && !waits.passed(muted, holdDownMs))
    return wait('hold-down: the role was lost to a partner that is not heard', muted, holdDownMs);
  return undefined;
}

/** Rule (b): partners are heard, none is active. */
function vacancy(view: ClaimView, heard: readonly KnownNode[]): ClaimVerdict {
  const { directory, own, settings, rules, seen, waits } = view;
  // A partner that has said nothing yet may be anything.
  const mute = heard.filter((partner) => partner.record === undefined);
  if (mute.length > 0) return wait(`${namesOf(mute)} heard, but yet to say anything`);
  const rivals = heard.flatMap(({ record }) => (record?.able ? [record] : []));
  const giver = heard.find(({ record }) => record !== undefined && isActing(record.role));
  if (giver !== undefined && !own.serve)
    return wait(`${giver.name} gives the role up, but this member cannot serve`);
  if (rivals.length === 0)
    return claim(
      giver === undefined ? 'nobody is active and no partner is able' : `${giver.name} gives the role up`,
    );
  const worst = Math.min(...rivals.map((rival) => compareHealth(own, rival) || compareUplinks(own, rival)));
  const holder = directory.own.epoch?.member ?? 0;
  if (holder === directory.self.member && worst >= 0) return claim('nobody is active and I come first');
  const settled = waits.passed(seen.serveSinceMs, settings.settledServeMs);
  if (worst > 0 && settled) return claim('nobody is active and I serve better');
  if (!rules.stagger) return claim('nobody is active');
  const waitMs = holder === directory.self.member ? 2 * settings.staggerMs : settings.staggerMs;
  if (waits.passed(seen.vacantSinceMs, waitMs)) return claim('nobody has become active in time');
  return wait('nobody is active, and others come first', seen.vacantSinceMs, waitMs);
}

/** Rules (c) and (d): somebody is active. */
function judgeActive(view: ClaimView, active: KnownNode): ClaimVerdict {
  const worse = activeIsWorse(view, active);
  if (worse.claims) return worse;
  const back = failback(view, active);
  return back.claims || worse.untilMs === undefined ? back : worse;
}

/** Rule (c). */
function activeIsWorse(view: ClaimView, { name }: KnownNode): ClaimVerdict {
  const { seen, settings, waits, patience } = view;
  const { settledServeMs, lanDeadClaimMs, cannotServeMs } = settings;
  const holdDownMs = settings.holdDownMs * patience;
  const ills = [
    [`${name} says that its LAN is dead`, seen.activeLanDeadSinceMs, lanDeadClaimMs],
    [`${name} cannot serve`, seen.activeCannotServeSinceMs, cannotServeMs],
    [`${name} reaches fewer peers`, seen.activeWorseSinceMs, holdDownMs],
    [`${name} has lost uplinks that this member has`, seen.activeBareSinceMs, holdDownMs],
  ] as const;
  if (!waits.passed(seen.serveSinceMs, settledServeMs)) {
    const ill = ills.find(([, sinceMs]) => sinceMs !== undefined);
    if (ill === undefined || seen.serveSinceMs === undefined) return wait(`${name} is active`);
    const why = `${ill[0]}, but this member has been able to serve for too short a time`;
    return wait(why, seen.serveSinceMs, settledServeMs);
  }
  let next = wait(`${name} is active`);
  for (const [why, sinceMs, waitMs] of ills) {
    if (waits.passed(sinceMs, waitMs)) return claim(why);
    if (sinceMs !== undefined && next.untilMs === undefined) next = wait(why, sinceMs, waitMs);
  }
  return next;
}

/** Rule (d). */
function failback(view: ClaimView, active: KnownNode): ClaimVerdict {
  const { settings, directory, seen, waits, patience, own } = view;
  const { name, member, record } = active;
  if (directory.self.member >= member)
    return wait(own.serve ? `${name} is active and serves no worse` : `${name} is active`);
  if (settings.failback !== 'automatic') return wait(`${name} is active, and failback is manual`);
  if (record?.held) return wait(`${name} is active because the operator put the role there: no failback`);
  if (!own.serve) return wait(`${name} is active, and this member cannot serve`);
  if (seen.noWorseSinceMs === undefined) return wait(`${name} is active and serves better`);
  const waitMs = settings.failbackMs * patience;
  if (waits.passed(seen.noWorseSinceMs, waitMs)) return claim('failback to the preferred member');
  return wait(
    `${name} is active until this member has been no worse for long enough`,
    seen.noWorseSinceMs,
    waitMs,
  );
}

/** `a is`, `a and b are` */
function namesOf(nodes: readonly KnownNode[]): string {
  return `${nodes.map(({ name }) => name).join(' and ')} ${nodes.length === 1 ? 'is' : 'are'}`;
}
