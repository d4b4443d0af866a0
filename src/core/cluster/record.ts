/**
 * What a member says of itself. The record travels in the hello to the partner, in the Redis heartbeat, and onward in
 * the hellos of peers that hear the member. The newest one counts: by incarnation (one for each process start), then by
 * sequence.
 */
import { compareEpochs, type Epoch } from './register.js';

export const ROLES = ['standby', 'claiming', 'active', 'draining'] as const;
export type Role = (typeof ROLES)[number];

/** The uplinks of a member: how many are usable, and how many are not. */
export interface Uplinks {
  readonly usable: number;
  readonly lost: number;
}

export interface MemberRecord {
  /** Grows with each start of the process; Unix ms at start will do: an owner that finds it taken goes beyond it. */
  readonly incarnation: number;
  /** Grows with each change of the record. */
  readonly sequence: number;
  readonly role: Role;
  /** The highest epoch under which anybody is known to have acted; an active's own. */
  readonly epoch: Epoch | undefined;
  /** Its data plane works and its operator has not drained it. */
  readonly able: boolean;
  /** Its LAN is usable. */
  readonly lan: boolean;
  /** A host of its LAN has answered lately: `lan` is proven, not assumed. */
  readonly lanProven: boolean;
  /** It is able, its LAN is usable, and it reaches a peer. */
  readonly serve: boolean;
  /** The operator put the role where it is (or is going): no failback. */
  readonly held: boolean;
  /** Peers that it reaches, directly or through a hub. */
  readonly score: number;
  readonly uplinks: Uplinks;
}

/** Bounds what others may say, so that nothing they say can exhaust the numbers. */
export const EPOCH_MAX = 2 ** 48;
const COUNT_MAX = 2 ** 53 - 1;
const SCORE_MAX = 65_535;
const UPLINKS_MAX = 8;
/** Of a member that does not say. */
export const ONE_UPLINK: Uplinks = { usable: 1, lost: 0 };
export const MEMBERS_MAX = 64;

/** Whether a role acts: attracts traffic, holds the VIP and the routes. */
export function isActing(role: Role): boolean {
  return role === 'active' || role === 'draining';
}

/** Whether `a` is newer than `b`. */
export function isNewer(a: MemberRecord, b: MemberRecord | undefined): boolean {
  if (b === undefined) return true;
  return a.incarnation !== b.incarnation ? a.incarnation > b.incarnation : a.sequence > b.sequence;
}

/** The higher of two epochs; undefined is lowest. */
export function highest(a: Epoch | undefined, b: Epoch | undefined): Epoch | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareEpochs(a, b) >= 0 ? a : b;
}

/**
 * Who serves better: negative, zero or positive as `a` is worse than, as good as or better than `b`. A usable LAN
 * first, then whether it reaches anybody, then how many.
 */
export function compareHealth(a: MemberRecord, b: MemberRecord): number {
  return Number(a.lan) - Number(b.lan) || Number(a.serve) - Number(b.serve) || a.score - b.score;
}

/**
 * Of two that are as healthy: negative where `a` has lost uplinks and has fewer left than `b`, positive the other way round.
 * Fewer by configuration is no fault. It decides who takes a role that is open, and holds failback; it moves no role that is
 * held (`isBare` does).
 */
export function compareUplinks({ uplinks: a }: MemberRecord, { uplinks: b }: MemberRecord): number {
  if (a.lost > 0 && a.usable < b.usable) return -1;
  return b.lost > 0 && b.usable < a.usable ? 1 : 0;
}

/**
 * Whether `a` has lost more than one uplink, and `than` has more left. One that is lost is what the second is there for: it
 * moves nothing.
 */
export function isBare({ uplinks: a }: MemberRecord, { uplinks: than }: MemberRecord): boolean {
  return a.lost > 1 && a.usable < than.usable;
}

/**
 * A record as a plain JSON value: [incarnation, sequence, role, n, member, bits able|lan|serve|lanProven|held, score, usable
 * uplinks, lost uplinks]; without the last two it is of an older version.
 */
export function encodeRecord(record: MemberRecord): readonly (number | string)[] {
  const { incarnation, sequence, role, epoch, score, uplinks } = record;
  const flags = [record.able, record.lan, record.serve, record.lanProven, record.held];
  const bits = flags.reduce((sum, flag, bit) => sum | (Number(flag) << bit), 0);
  return [
    incarnation,
    sequence,
    ROLES.indexOf(role),
    epoch?.n ?? 0,
    epoch?.member ?? 0,
    bits,
    Math.min(score, SCORE_MAX),
    Math.min(uplinks.usable, UPLINKS_MAX),
    Math.min(uplinks.lost, UPLINKS_MAX),
  ];
}

/** The record in a JSON value that somebody sent; undefined for anything else. */
export function parseRecord(value: unknown): MemberRecord | undefined {
  if (!Array.isArray(value) || (value.length !== 7 && value.length !== 9)) return undefined;
  const [incarnation, sequence, role, n, member, bits, score, usable = 1, lost = 0] = value;
  if (!isCount(incarnation, COUNT_MAX) || !isCount(sequence, COUNT_MAX)) return undefined;
  if (!isCount(role, ROLES.length - 1) || !isCount(bits, 31) || !isCount(score, SCORE_MAX)) return undefined;
  if (!isCount(usable, UPLINKS_MAX) || !isCount(lost, UPLINKS_MAX)) return undefined;
  const epoch = parseEpoch(n, member);
  if (epoch === undefined && n !== 0) return undefined;
  return {
    incarnation,
    sequence,
    role: ROLES[role],
    epoch,
    able: (bits & 1) !== 0,
    lan: (bits & 2) !== 0,
    serve: (bits & 4) !== 0,
    lanProven: (bits & 8) !== 0,
    held: (bits & 16) !== 0,
    score,
    uplinks: { usable, lost },
  };
}

/** The record in the text of a heartbeat; undefined for anything else. */
export function parseRecordText(text: string): MemberRecord | undefined {
  try {
    return parseRecord(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** An epoch from two JSON values; undefined unless n is from 1 to EPOCH_MAX and the member is a member's index. */
export function parseEpoch(n: unknown, member: unknown): Epoch | undefined {
  if (!isCount(n, EPOCH_MAX) || n === 0 || !isCount(member, MEMBERS_MAX - 1)) return undefined;
  return { n, member };
}

/** A whole number from 0 to `max`. */
export function isCount(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}
