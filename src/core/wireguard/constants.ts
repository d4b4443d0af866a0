/**
 * Numbers of the protocol. Those of the specification ("WireGuard: Next Generation Kernel Network Tunnel", sections 5
 * and 6) stand apart from our own. Every duration that a test may want shorter is a field of `Timers`, given to the
 * objects at construction; nothing below reads a duration from anywhere else.
 */
export const CONSTRUCTION = 'Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s';
export const IDENTIFIER = 'WireGuard v1 zx2c4 Jason@zx2c4.com';
export const LABEL_MAC1 = 'mac1----';
export const LABEL_COOKIE = 'cookie--';

export const KEY_BYTES = 32;
export const TAG_BYTES = 16;
export const MAC_BYTES = 16;
export const COOKIE_BYTES = 16;
export const COOKIE_NONCE_BYTES = 24;
export const TIMESTAMP_BYTES = 12;
/** Plaintext of a transport message is padded to a multiple of this. */
export const PADDING_BYTES = 16;

/**
 * Counters are exact doubles here, so a session ends far below REJECT_AFTER_MESSAGES (2^64 − 2^13 − 1). At a billion
 * packets a second it would take 104 days to get there, and a session lives three minutes.
 */
export const COUNTER_LIMIT = 2 ** 53 - 2 ** 13 - 1;

export interface Timers {
  /** REKEY_AFTER_TIME: age at which the initiator of a session makes a new one when it sends. */
  readonly rekeyAfterMs: number;
  /** REJECT_AFTER_TIME: age at which a session is neither sent nor received with. Keys are erased at three times this. */
  readonly rejectAfterMs: number;
  /** REKEY_ATTEMPT_TIME: how long initiations are repeated before giving up. */
  readonly rekeyAttemptMs: number;
  /** REKEY_TIMEOUT: time between two initiations. */
  readonly rekeyTimeoutMs: number;
  /** Initiations are repeated up to this much later, at random, so that two ends do not keep colliding. */
  readonly rekeyJitterMsMax: number;
  /** KEEPALIVE_TIMEOUT: received data is answered at the latest after this. */
  readonly keepaliveTimeoutMs: number;
  /** Life of a cookie secret, and of a cookie. */
  readonly cookieMs: number;
  /** A received cookie is used this much shorter, since the secret is older than the cookie. */
  readonly cookieLatencyMs: number;
  /** REKEY_AFTER_MESSAGES (2^60 in the paper; lower here because of COUNTER_LIMIT). */
  readonly rekeyAfterMessages: number;

  /** Ours: initiations of one peer that come closer than this are refused as a flood (20 a second). */
  readonly initiationIntervalMsMin: number;
  /** Ours: how soon a clock that a worker wrote is noticed, once the current session is due for renewal on use. */
  readonly clockCheckMs: number;
}

export const SPEC_TIMERS: Timers = {
  rekeyAfterMs: 120_000,
  rejectAfterMs: 180_000,
  rekeyAttemptMs: 90_000,
  rekeyTimeoutMs: 5_000,
  rekeyJitterMsMax: 333,
  keepaliveTimeoutMs: 10_000,
  cookieMs: 120_000,
  cookieLatencyMs: 5_000,
  rekeyAfterMessages: 2 ** 52,
  initiationIntervalMsMin: 50,
  clockCheckMs: 1_000,
};

/** Keys of a session are erased at this multiple of its REJECT_AFTER_TIME (paper, 6.3). */
export const ERASE_AFTER_REJECTS = 3;

/** Ours: initiations that an operator or a path change asks for come no closer than this. */
export const DIAL_INTERVAL_MS_MIN = 100;
/** Ours: a freed session slot rests this long, so that no worker still has rows of its former life in hand. */
export const SLOT_REST_MS = 1_000;
/** Ours: a session that rotation pushes out is still received with for this long; at most so many of one peer. */
export const RETIRE_MS = 5_000;
export const RETIRED_MAX = 3;
/** Ours: more valid handshake messages than this in a second mean that we are under load and ask for cookies. */
export const LOAD_MESSAGES_PER_SECOND = 250;
/** With many peers, as many: a restart of ours, after which each of them dials, is no attack. But not more than a core can take. */
export const LOAD_MESSAGES_PER_SECOND_MAX = 1_000;
/** Ours: how long we stay under load after the rate was last exceeded. */
export const LOAD_HOLD_MS = 1_000;
/** Under load, each source address (IPv6: /64) may start this many handshakes a second, with this burst. */
export const SOURCE_MESSAGES_PER_SECOND = 20;
export const SOURCE_BURST = 5;
/** Bound of the table of source addresses. */
export const SOURCES_MAX = 8_192;
