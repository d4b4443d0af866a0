/**
 * The clocks of a peer and the timers that follow from them (paper, 6.1–6.5). Whoever sends or opens a packet writes
 * the clocks, without allocation and without telling anyone; the control thread derives every deadline from them:
 *
 *   new handshake      data sent, and nothing authenticated received for KEEPALIVE_TIMEOUT + REKEY_TIMEOUT
 *   passive keepalive  data received, and nothing sent for KEEPALIVE_TIMEOUT
 *   persistent         no authenticated packet either way for the peer's interval
 *   renewal            the session's initiator sends on it after REKEY_AFTER_TIME, or receives on it shortly before
 *                      REJECT_AFTER_TIME
 *
 * The sending clock stands for transport messages alone: a renewal is asked for by use, and the handshake messages that
 * follow must not look like more use. When those were sent is known to the peer's own state (peer.ts).
 *
 * The kernel remembers data that came while a passive keepalive was pending and sends a second keepalive 10 s after the
 * first. We do not: the first was sent after that data and answers it.
 *
 * `now` is monotonic milliseconds and greater than 0; 0 means "answered" in the two unanswered-since clocks.
 */
import type { Timers } from './constants.js';
import type { PeerTable } from './tables.js';

/** A worker sent data (not a keepalive) to `peer`. */
export function noteDataSent(peers: PeerTable, peer: number, now: number): void {
  peers.authenticatedSentAtMs[peer] = now;
  peers.dataReceivedUnansweredSinceMs[peer] = 0;
  if (peers.dataSentUnansweredSinceMs[peer] === 0) peers.dataSentUnansweredSinceMs[peer] = now;
}

/** A worker sent a keepalive to `peer`. */
export function noteKeepaliveSent(peers: PeerTable, peer: number, now: number): void {
  peers.authenticatedSentAtMs[peer] = now;
  peers.dataReceivedUnansweredSinceMs[peer] = 0;
}

/** A worker opened a new transport message of `peer`; `hasData` is false for keepalives. */
export function noteAuthenticatedReceived(
  peers: PeerTable,
  peer: number,
  now: number,
  hasData: boolean,
): void {
  peers.authenticatedReceivedAtMs[peer] = now;
  peers.dataSentUnansweredSinceMs[peer] = 0;
  if (hasData && peers.dataReceivedUnansweredSinceMs[peer] === 0) {
    peers.dataReceivedUnansweredSinceMs[peer] = now;
  }
}

/** The control thread sent a handshake message, which answers received data as well as a keepalive would. */
export function noteHandshakeSent(peers: PeerTable, peer: number): void {
  peers.dataReceivedUnansweredSinceMs[peer] = 0;
}

/** The control thread received an authentic handshake message. */
export function noteHandshakeReceived(peers: PeerTable, peer: number, now: number): void {
  peers.authenticatedReceivedAtMs[peer] = now;
  peers.dataSentUnansweredSinceMs[peer] = 0;
}

/** Stops the clocks of a peer that is new or gone. */
export function clearClocks(peers: PeerTable, peer: number): void {
  peers.dataSentUnansweredSinceMs[peer] = 0;
  peers.dataReceivedUnansweredSinceMs[peer] = 0;
  peers.authenticatedSentAtMs[peer] = 0;
  peers.authenticatedReceivedAtMs[peer] = 0;
}

/** When unanswered data makes a new handshake due; +Infinity while all is answered. */
export function newHandshakeDueMs(peers: PeerTable, peer: number, timers: Timers, jitterMs: number): number {
  const sinceMs = peers.dataSentUnansweredSinceMs[peer];
  return sinceMs === 0
    ? Number.POSITIVE_INFINITY
    : sinceMs + timers.keepaliveTimeoutMs + timers.rekeyTimeoutMs + jitterMs;
}

/** When a passive keepalive is due, given when one was last asked for; +Infinity while all is answered. */
export function passiveKeepaliveDueMs(
  peers: PeerTable,
  peer: number,
  timers: Timers,
  askedAtMs: number,
): number {
  const sinceMs = peers.dataReceivedUnansweredSinceMs[peer];
  return sinceMs === 0 ? Number.POSITIVE_INFINITY : Math.max(sinceMs, askedAtMs) + timers.keepaliveTimeoutMs;
}

/** When a persistent keepalive is due, given the latest time of anything that is not in the table. */
export function persistentKeepaliveDueMs(
  peers: PeerTable,
  peer: number,
  intervalMs: number,
  otherwiseAtMs: number,
): number {
  if (intervalMs === 0) return Number.POSITIVE_INFINITY;
  return (
    Math.max(peers.authenticatedSentAtMs[peer], peers.authenticatedReceivedAtMs[peer], otherwiseAtMs) +
    intervalMs
  );
}
