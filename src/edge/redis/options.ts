/** What a register is opened with, whether Redis stands behind it or memory. */
import { assert } from '../../core/base/assert.js';
import type { TwinspanError } from '../../core/base/errors.js';
import type { Beat, Claim, Epoch } from '../../core/cluster/register.js';
import { DIGITS_MAX, RECORD_BYTES_MAX } from './scripts.js';

/** Well under the detection time of 300 ms, so that a hung Redis is known as such before it could matter. */
export const COMMAND_TIMEOUT_MS = 200;

export interface RegisterOptions {
  readonly network: string;
  readonly cluster: string;
  /** Number of members in the cluster. */
  readonly members: number;
  /**
   * Tells networks of one name apart, at most 64 characters: for example a hash of the network's name and the public
   * keys of the cluster's members. All members of a cluster must give the same.
   */
  readonly fingerprint: string;
  /** A random text, at most 64 characters, new in each process: tells apart two processes that beat as one member. */
  readonly process: string;
  /** A whole call, its network time included, ends within this. */
  readonly timeoutMs?: number;
  /**
   * Told once when a condition begins: TS_REDIS_GARBAGE, TS_REDIS_FOREIGN, TS_REDIS_DUPLICATE. A condition ends with
   * the first answered beat that does not show it.
   */
  readonly onCondition?: (condition: TwinspanError) => void;
}

/** The text of an epoch in the store. */
export function epochText(epoch: Epoch | undefined): string {
  return epoch === undefined ? '' : `${epoch.n}.${epoch.member}`;
}

/** An epoch from its text in the store; undefined for ''. */
export function parseEpoch(text: string): Epoch | undefined {
  const [n, member] = text.split('.');
  return text === '' ? undefined : { n: Number(n), member: Number(member) };
}

function checkEpoch(epoch: Epoch | undefined): void {
  if (epoch === undefined) return;
  assert(Number.isInteger(epoch.n) && epoch.n >= 0 && epoch.n < 10 ** DIGITS_MAX, `epoch ${epoch.n}`);
  assert(epoch.member >= 0 && epoch.member < 100, `epoch of member ${epoch.member}`);
}

/** Asserts what the store relies on; a beat or claim that fails here is a bug of the caller. */
export function checkBeat(beat: Beat, members: number): void {
  assert(Number.isInteger(beat.member) && beat.member >= 0 && beat.member < members, `member ${beat.member}`);
  assert(new TextEncoder().encode(beat.text).length <= RECORD_BYTES_MAX, 'the record is too long');
  checkEpoch(beat.acting);
}

/** As checkBeat. */
export function checkClaim(claim: Claim): void {
  checkEpoch(claim.epoch);
  checkEpoch(claim.expected);
  assert(Number.isFinite(claim.notAfterRedisMs), 'notAfterRedisMs');
}
