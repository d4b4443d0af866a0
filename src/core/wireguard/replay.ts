/**
 * The replay window of RFC 6479 over the shared session columns: a ring of 32-bit words in which the words ahead of the
 * newest counter are cleared as it moves, so that sliding never shifts bits. Of the 8192 bits the word under the newest
 * counter is shared with the oldest ones, hence a window of 8160 counters.
 *
 * Called only after a message has been authenticated, by the one thread that opens packets of the session.
 */
import { type SessionTable, WINDOW_WORDS } from './tables.js';

/** A counter more than this behind the newest is refused. */
export const REPLAY_WINDOW = (WINDOW_WORDS - 1) * 32;

const RING_MASK = WINDOW_WORDS - 1;

/** Empties the window of `slot` for a new session. */
export function clearReplayWindow(sessions: SessionTable, slot: number): void {
  sessions.received[slot] = 0;
  sessions.window.fill(0, slot * WINDOW_WORDS, (slot + 1) * WINDOW_WORDS);
}

/** Whether `counter` (an exact double below 2^53) is new to the session in `slot`; if so it is marked as received. */
export function acceptCounter(sessions: SessionTable, slot: number, counter: number): boolean {
  const window = sessions.window;
  const base = slot * WINDOW_WORDS;
  const newest = sessions.received[slot] - 1;
  if (counter > newest) {
    // Before the first packet newest is −1, whose word is −1: word 0 is then cleared, as it is already.
    const from = Math.floor(newest / 32);
    const steps = Math.floor(counter / 32) - from;
    if (steps > WINDOW_WORDS) {
      window.fill(0, base, base + WINDOW_WORDS);
    } else {
      const first = (from + 1) % WINDOW_WORDS;
      for (let step = 0; step < steps; step++) window[base + ((first + step) & RING_MASK)] = 0;
    }
    sessions.received[slot] = counter + 1;
  } else if (newest - counter > REPLAY_WINDOW) {
    return false;
  }
  const low = counter >>> 0;
  const word = base + ((low >>> 5) & RING_MASK);
  const bit = 1 << (low & 31);
  if ((window[word] & bit) !== 0) return false;
  window[word] |= bit;
  return true;
}
