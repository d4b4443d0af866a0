/**
 * The cluster's address on the LAN, held by the active member. Sans-IO: handleX(…, now), pollAction(), nextDeadline().
 *
 *   hold      add or refresh the address with a lifetime of VIP_LIFETIME_S: every VIP_REFRESH_MS while active, so that
 *             the kernel drops it by itself when this process has died or is frozen
 *   announce  gratuitous ARP or unsolicited advertisement: ANNOUNCE_COUNT quickly at takeover, as many again after
 *             ANNOUNCE_AGAIN_MS (keepalived's practice: the first may meet a switch that still learns), then one each
 *             ANNOUNCE_STEADY_MS for caches that lost it
 *   probe     ask whether somebody else has the address: every VIP_PROBE_MS
 *   drop      remove the address
 *
 * Another MAC that claims the address while we hold it gets an announcement in reply (its victims come back to us), at
 * most one each ANNOUNCE_GAP_MS. Within STALE_GRACE_MS of taking over that is all, because a member that was killed
 * answers with its kernel until the lifetime ends. Later the first claim is mostly our successor's, who announces itself
 * before we have heard that it acts: it stands unless it is made again after STALE_CONFIRM_MS (a probe asks for it); then
 * it is answered, and reported once each STALE_REPORT_MS.
 *
 * Only the highest epoch seen here moves the address (takeover.ts).
 */
import { assert } from '../base/assert.js';
import { type Ballot, EpochFence } from './takeover.js';

export const VIP_LIFETIME_S = 2;
export const VIP_REFRESH_MS = 500;
export const ANNOUNCE_COUNT = 5;
export const ANNOUNCE_GAP_MS = 50;
export const ANNOUNCE_AGAIN_MS = 5_000;
export const ANNOUNCE_STEADY_MS = 60_000;
export const VIP_PROBE_MS = 10_000;
export const STALE_GRACE_MS = 3_000;
/** Longer than two members act at once while any path joins them. */
export const STALE_CONFIRM_MS = 1_000;
export const STALE_REPORT_MS = 60_000;
/** A claim this long ago was another matter. */
const STALE_FORGET_MS = 2 * VIP_PROBE_MS;

/** What the runner has to do; in this order where several are due. */
export type VipAction =
  | { readonly kind: 'hold' | 'announce' | 'probe' | 'drop' }
  | { readonly kind: 'stale-arp'; readonly mac: Uint8Array };

export class Vip {
  #active = false;
  #refreshAtMs = Number.POSITIVE_INFINITY;
  #announceAtMs = Number.POSITIVE_INFINITY;
  #probeAtMs = Number.POSITIVE_INFINITY;
  /** Announcements still to come in this burst, and whether a second burst follows. */
  #burst = 0;
  #again = false;
  #activeSinceMs = 0;
  #announcedAtMs = Number.NEGATIVE_INFINITY;
  #claimedAtMs = Number.NEGATIVE_INFINITY;
  #staleReportedAtMs = Number.NEGATIVE_INFINITY;
  readonly #actions: VipAction[] = [];
  readonly #fence = new EpochFence();

  /** Whether this member holds the address. */
  get active(): boolean {
    return this.#active;
  }

  /** Takes the address for `epoch`. Nothing happens where it is held already, or where the epoch is an old one. */
  becomeActive(epoch: Ballot, now: number): void {
    if (!this.#fence.admit(epoch) || this.#active) return;
    this.#active = true;
    this.#activeSinceMs = now;
    this.#refreshAtMs = now;
    this.#announceAtMs = now;
    this.#burst = ANNOUNCE_COUNT;
    this.#again = true;
    this.#probeAtMs = now + STALE_GRACE_MS;
    this.#claimedAtMs = this.#staleReportedAtMs = Number.NEGATIVE_INFINITY;
    this.handleTimeout(now);
  }

  /** Gives the address up because of `epoch`, ours or a higher one. Nothing happens where it is not held. */
  becomeStandby(epoch: Ballot): void {
    if (!this.#fence.admit(epoch) || !this.#active) return;
    this.#active = false;
    this.#actions.length = 0;
    this.#refreshAtMs = this.#announceAtMs = this.#probeAtMs = Number.POSITIVE_INFINITY;
    this.#actions.push({ kind: 'drop' });
  }

  /** The LAN came back (carrier, or its socket was opened anew): hosts and switches may have forgotten. */
  handleLinkUp(now: number): void {
    if (!this.#active) return;
    this.#refreshAtMs = this.#announceAtMs = now;
    this.#burst = ANNOUNCE_COUNT;
    this.#again = true;
    this.handleTimeout(now);
  }

  /** `mac`, which is not ours, claims the address. */
  handleClaim(mac: Uint8Array, now: number): void {
    assert(mac.length === 6, 'a MAC has 6 bytes');
    if (!this.#active) return;
    const fresh = now - this.#activeSinceMs < STALE_GRACE_MS;
    if (!fresh && !this.#isConfirmed(now)) return;
    if (now - this.#announcedAtMs >= ANNOUNCE_GAP_MS) this.#announce(now);
    if (fresh || now - this.#staleReportedAtMs < STALE_REPORT_MS) return;
    this.#staleReportedAtMs = now;
    this.#actions.push({ kind: 'stale-arp', mac });
  }

  handleTimeout(now: number): void {
    if (now >= this.#refreshAtMs) {
      this.#actions.push({ kind: 'hold' });
      this.#refreshAtMs = now + VIP_REFRESH_MS;
    }
    if (now >= this.#announceAtMs) {
      this.#announce(now);
      this.#scheduleAnnouncement(now);
    }
    if (now >= this.#probeAtMs) {
      this.#actions.push({ kind: 'probe' });
      this.#probeAtMs = now + VIP_PROBE_MS;
    }
  }

  /** The next thing to do; undefined when there is nothing. Drain it after every handleX and becomeX. */
  pollAction(): VipAction | undefined {
    return this.#actions.shift();
  }

  /** When handleTimeout is due; +Infinity on a standby. */
  nextDeadline(): number {
    return Math.min(this.#refreshAtMs, this.#announceAtMs, this.#probeAtMs);
  }

  /** Whether somebody has claimed the address for longer than a change of roles takes. */
  #isConfirmed(now: number): boolean {
    if (now - this.#claimedAtMs > STALE_FORGET_MS) {
      this.#claimedAtMs = now;
      this.#probeAtMs = Math.min(this.#probeAtMs, now + STALE_CONFIRM_MS);
    }
    return now - this.#claimedAtMs >= STALE_CONFIRM_MS;
  }

  #announce(now: number): void {
    this.#actions.push({ kind: 'announce' });
    this.#announcedAtMs = now;
  }

  #scheduleAnnouncement(now: number): void {
    this.#burst--;
    if (this.#burst > 0) this.#announceAtMs = now + ANNOUNCE_GAP_MS;
    else if (this.#again) {
      this.#again = false;
      this.#burst = ANNOUNCE_COUNT;
      this.#announceAtMs = now + ANNOUNCE_AGAIN_MS;
    } else {
      this.#burst = 1;
      this.#announceAtMs = now + ANNOUNCE_STEADY_MS;
    }
  }
}
