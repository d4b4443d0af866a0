/**
 * Since when. Rules speak of conditions that have lasted; here is when each of them began, on this member's own clock.
 */
import { activePartner } from './hearing.js';
import { compareHealth, compareUplinks, isBare, type MemberRecord } from './record.js';
import type { KnownNode } from './roster.js';

export class Observations {
  /** I can serve. */
  serveSinceMs: number | undefined;
  /** Partners are heard or silent, but nobody is active, and my LAN is usable. */
  vacantSinceMs: number | undefined;
  /** Of the active partner. */
  activeLanDeadSinceMs: number | undefined;
  activeCannotServeSinceMs: number | undefined;
  activeWorseSinceMs: number | undefined;
  /** It is as healthy as I am, and has lost uplinks that I have. */
  activeBareSinceMs: number | undefined;
  /** There is an active partner, I can serve, and I am no worse than it. */
  noWorseSinceMs: number | undefined;
  /** Only the register shows a higher epoch than the one I act under. */
  registerHigherSinceMs: number | undefined;

  /** Brings everything but `registerHigherSinceMs` up to date. */
  observe(own: MemberRecord, partners: readonly KnownNode[], now: number): void {
    const active = activePartner(partners)?.record;
    this.serveSinceMs = since(this.serveSinceMs, own.serve, now);
    this.vacantSinceMs = since(
      this.vacantSinceMs,
      active === undefined && own.role !== 'active' && own.lan,
      now,
    );
    this.activeLanDeadSinceMs = since(this.activeLanDeadSinceMs, active?.lan === false, now);
    this.activeCannotServeSinceMs = since(this.activeCannotServeSinceMs, active?.serve === false, now);
    const better = active === undefined ? 0 : compareHealth(own, active);
    this.activeWorseSinceMs = since(this.activeWorseSinceMs, better > 0, now);
    const isBareNow = active !== undefined && better === 0 && isBare(active, own);
    this.activeBareSinceMs = since(this.activeBareSinceMs, isBareNow, now);
    const noWorse = active !== undefined && better >= 0 && (better > 0 || compareUplinks(own, active) >= 0);
    this.noWorseSinceMs = since(this.noWorseSinceMs, own.serve && noWorse, now);
  }

  /** Only the register shows a higher epoch. */
  observeRegister(higher: boolean, now: number): void {
    this.registerHigherSinceMs = since(this.registerHigherSinceMs, higher, now);
  }

  /** Starts every measurement anew: the clock has jumped. */
  forget(): void {
    this.serveSinceMs = undefined;
    this.vacantSinceMs = undefined;
    this.activeLanDeadSinceMs = undefined;
    this.activeCannotServeSinceMs = undefined;
    this.activeWorseSinceMs = undefined;
    this.activeBareSinceMs = undefined;
    this.noWorseSinceMs = undefined;
    this.registerHigherSinceMs = undefined;
  }
}

function since(before: number | undefined, holds: boolean, now: number): number | undefined {
  return holds ? (before ?? now) : undefined;
}
