/**
 * When a session must give way to a new one (paper, 6.2). Its initiator renews it, so that both ends do not: when it is
 * sent on after REKEY_AFTER_TIME (or REKEY_AFTER_MESSAGES), or once when it is received on so late that a new one would
 * else come after REJECT_AFTER_TIME. Peers that are always to be reached renew without waiting for use, and there the
 * responder steps in where the initiator has not.
 */
import type { Timers } from './constants.js';
import type { Peer } from './peer.js';
import { type PeerTable, SESSION_INITIATOR, type SessionTable } from './tables.js';

/** The sending counter as a double: exact below 2^53, close enough above. */
function messagesSent(sessions: SessionTable, slot: number): number {
  return Number(sessions.sendCounter[slot]);
}

/** The age at which a new session must be made for it to come in time: REJECT − KEEPALIVE_TIMEOUT − REKEY_TIMEOUT. */
function lastMinuteMs(timers: Timers): number {
  return timers.rejectAfterMs - timers.keepaliveTimeoutMs - timers.rekeyTimeoutMs;
}

/** Whether sending on the session in `slot` now would ask for a new one. */
export function isRenewalDue(sessions: SessionTable, slot: number, timers: Timers, now: number): boolean {
  if (slot < 0) return false;
  const initiator = (sessions.flags[slot] & SESSION_INITIATOR) !== 0;
  const aged = now >= sessions.createdAtMs[slot] + timers.rekeyAfterMs;
  return (initiator && aged) || messagesSent(sessions, slot) >= timers.rekeyAfterMessages;
}

/**
 * When the peer's current session is to be renewed: at or before `now` = at once; later = look again then. Reads the
 * clocks that workers write; sets `lastMinuteSlot`.
 */
export function renewalCheckMs(
  sessions: SessionTable,
  peers: PeerTable,
  peer: Peer,
  timers: Timers,
  usable: boolean,
  now: number,
): number {
  if (!usable) return peer.always && peer.endpointKnown ? now : Number.POSITIVE_INFINITY;
  const slot = peer.current;
  const createdAtMs = sessions.createdAtMs[slot];
  const initiator = (sessions.flags[slot] & SESSION_INITIATOR) !== 0;
  if (messagesSent(sessions, slot) >= timers.rekeyAfterMessages) return now;
  if (peer.always) {
    const ageMs = initiator ? timers.rekeyAfterMs : lastMinuteMs(timers);
    return createdAtMs + ageMs + peer.jitterMs;
  }
  if (!initiator) return Number.POSITIVE_INFINITY;
  const sentAtMs = peers.authenticatedSentAtMs[peer.index];
  if (sentAtMs >= createdAtMs + timers.rekeyAfterMs && sentAtMs > peer.handshakeSentAtMs) return now;
  const receivedAtMs = peers.authenticatedReceivedAtMs[peer.index];
  if (receivedAtMs >= createdAtMs + lastMinuteMs(timers) && peer.lastMinuteSlot !== slot) {
    peer.lastMinuteSlot = slot;
    return now;
  }
  const agedAtMs = createdAtMs + timers.rekeyAfterMs;
  return now < agedAtMs ? agedAtMs : now + timers.clockCheckMs;
}
