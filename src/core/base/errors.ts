/**
 * Coded errors: everything the control plane can refuse, in one table. The code is stable (scripts may match it),
 * the text says what is wrong, the hint says what to do. The data path never throws: it counts drop reasons instead
 * (packet/drop.ts).
 */
export const ERROR_CODES = {
  TS_CONFIG_INVALID: 'The configuration is refused as a whole.',
  TS_CONFIG_UNREADABLE: 'A configuration file cannot be read.',
  TS_KEY_INVALID: 'A key does not parse: 32 bytes in base64 are wanted.',
  TS_KEY_READABLE_BY_OTHERS: 'A private key file can be read by others.',
  TS_NOT_ROOT: 'This needs root.',
  TS_NO_TUN: 'There is no /dev/net/tun on this machine.',
  TS_NATIVE_MISSING: 'The native addon is not built.',
  TS_DEVICE: 'A network device cannot be opened or changed.',
  TS_SOCKET: 'A UDP socket cannot be opened.',
  TS_DAEMON_UNREACHABLE: 'The daemon does not answer on its control socket.',
  TS_DAEMON_RUNNING: 'Another daemon already serves this node.',
  TS_REQUEST_INVALID: 'A request to the daemon is malformed.',
  TS_NO_SESSION: 'There is no session with the node.',
  TS_ROLE: 'The role of the cluster cannot be moved, or was not taken.',
  TS_HOST_COMMAND: 'A host command failed.',
  TS_CLOCK_STORE: 'The last handshake timestamp cannot be stored.',
  TS_REDIS: 'Redis does not answer, or answers with an error.',
  TS_REDIS_GARBAGE: 'Something that is not ours stood under our keys in Redis; it counted as empty.',
  TS_REDIS_FOREIGN: 'Another network of the same name uses our keys in Redis.',
  TS_REDIS_DUPLICATE: 'Another process beats in Redis as this member.',
  TS_REDIS_REWOUND: 'Redis holds older data than before.',
  TS_REDIS_APART: 'A partner is heard and does not beat in our Redis.',
  TS_LAB: 'The lab cannot go on.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error with a stable `code`, a one-sentence `message` and, where there is one, a `hint` that says what to do. */
export class TwinspanError extends Error {
  override readonly name = 'TwinspanError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
