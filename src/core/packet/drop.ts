/**
 * Every reason for which the data path refuses a packet: one list, one number each, one counter each. The name is
 * what `status` and metrics print and never changes its meaning; new reasons are added at the end of their group.
 */
export const DROP_REASONS = [
  'none',
  // the packet itself
  'malformed',
  'not-ip',
  'ttl-exceeded',
  'too-big',
  'source-invalid',
  'destination-invalid',
  // routing
  'no-route',
  'blackhole',
  'peer-down',
  'reverse-path',
  'loop',
  // inside NAT
  'no-nat-source',
  'no-nat-destination',
  // WireGuard
  'datagram-malformed',
  'unknown-session',
  'session-expired',
  'authentication',
  'replay',
  'counter-limit',
  // room
  'control-queue-full',
  'send-queue-full',
  'send-error',
  'tun-error',
  'policy',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Number of a reason, for rows and counters. */
export const DROP = Object.fromEntries(DROP_REASONS.map((name, index) => [name, index])) as Readonly<
  Record<DropReason, number>
>;
