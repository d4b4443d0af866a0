/**
 * Times of the cluster and their bounds. The defaults were simulated before they were chosen (test/sim prints what they
 * give); a busy machine may need them doubled. Relations between them are checked too: a detection time below three
 * probes, or a command timeout that outlives it, would make a healthy pair change roles.
 */

/** All times in ms. */
export interface ClusterTimes {
  /** Between two probes of a session; the cluster's owner sends them, here it bounds detection. */
  readonly probeMs: number;
  /** Silence after which a member, a session or a heartbeat counts as gone. */
  readonly detectionMs: number;
  /** A hello is sent at least this often. */
  readonly helloMs: number;
  /** An unacknowledged hello is repeated after this while the session is up. */
  readonly helloRepeatMs: number;
  readonly heartbeatMs: number;
  /** After it a Redis command counts as unanswered. */
  readonly commandTimeoutMs: number;
  /** A claim must be executed by Redis within this of being sent; and it is repeated for this long. */
  readonly claimNotAfterMs: number;
  /** An active that hears nobody for this long stands down; so does one whose clock jumped by more. */
  readonly isolationMs: number;
  /** A process that has run shorter takes no silence for a death. */
  readonly listenMs: number;
  /** How long the member that is not first in line waits when nobody is active. */
  readonly staggerMs: number;
  readonly cannotServeMs: number;
  /** As `cannotServeMs`, where the active says that its LAN is dead. */
  readonly lanDeadClaimMs: number;
  readonly holdDownMs: number;
  readonly failbackMs: number;
  readonly lanProbeMs: number;
  readonly lanProbeAlertMs: number;
  readonly lanDeadMs: number;
  readonly lanDeadAlertMs: number;
  /** A standby counts a session in its score, and itself as able to serve, after this long. */
  readonly settledSessionMs: number;
  readonly settledServeMs: number;
}

export const CLUSTER_DEFAULTS: ClusterTimes = {
  probeMs: 75,
  detectionMs: 300,
  helloMs: 1_000,
  helloRepeatMs: 100,
  heartbeatMs: 100,
  commandTimeoutMs: 200,
  claimNotAfterMs: 500,
  isolationMs: 1_000,
  listenMs: 2_000,
  staggerMs: 500,
  cannotServeMs: 500,
  lanDeadClaimMs: 100,
  holdDownMs: 3_000,
  failbackMs: 10_000,
  lanProbeMs: 150,
  lanProbeAlertMs: 50,
  lanDeadMs: 600,
  lanDeadAlertMs: 300,
  settledSessionMs: 2_000,
  settledServeMs: 3_000,
};

/** Least and greatest value of each time, ms. */
export const CLUSTER_BOUNDS: Readonly<Record<keyof ClusterTimes, readonly [number, number]>> = {
  probeMs: [10, 5_000],
  detectionMs: [50, 30_000],
  helloMs: [100, 60_000],
  helloRepeatMs: [20, 5_000],
  heartbeatMs: [20, 10_000],
  commandTimeoutMs: [20, 10_000],
  claimNotAfterMs: [50, 30_000],
  isolationMs: [200, 120_000],
  listenMs: [500, 120_000],
  staggerMs: [50, 30_000],
  cannotServeMs: [50, 60_000],
  lanDeadClaimMs: [20, 60_000],
  holdDownMs: [500, 600_000],
  failbackMs: [1_000, 86_400_000],
  lanProbeMs: [20, 10_000],
  lanProbeAlertMs: [10, 10_000],
  lanDeadMs: [100, 60_000],
  lanDeadAlertMs: [50, 60_000],
  settledSessionMs: [0, 60_000],
  settledServeMs: [0, 60_000],
};

/** What is wrong with `times`, one sentence each; none: they may be used. */
export function checkClusterTimes(times: ClusterTimes): string[] {
  const problems: string[] = [];
  for (const name of Object.keys(CLUSTER_BOUNDS) as (keyof ClusterTimes)[]) {
    const [least, greatest] = CLUSTER_BOUNDS[name];
    const value = times[name];
    if (!(value >= least && value <= greatest)) {
      problems.push(`${name} is ${value}; it must be from ${least} to ${greatest} ms.`);
    }
  }
  const relation = (holds: boolean, sentence: string): void => {
    if (!holds) problems.push(sentence);
  };
  relation(times.detectionMs >= 3 * times.probeMs, 'detectionMs must be at least three times probeMs.');
  relation(times.detectionMs >= 2 * times.heartbeatMs, 'detectionMs must be at least twice heartbeatMs.');
  relation(times.commandTimeoutMs < times.detectionMs, 'commandTimeoutMs must be below detectionMs.');
  relation(times.isolationMs >= 2 * times.detectionMs, 'isolationMs must be at least twice detectionMs.');
  relation(times.listenMs >= times.isolationMs, 'listenMs must be at least isolationMs.');
  relation(times.helloRepeatMs < times.helloMs, 'helloRepeatMs must be below helloMs.');
  relation(times.lanDeadMs >= 2 * times.lanProbeMs, 'lanDeadMs must be at least twice lanProbeMs.');
  relation(
    times.lanDeadAlertMs >= 2 * times.lanProbeAlertMs,
    'lanDeadAlertMs must be at least twice lanProbeAlertMs.',
  );
  relation(times.holdDownMs >= times.isolationMs, 'holdDownMs must be at least isolationMs.');
  return problems;
}

/**
 * Each safety rule has a switch, on in production and never configurable. The simulator turns one off at a time to show
 * that it notices: a rule that nothing misses is a rule too many.
 */
export const SAFETY_RULES = {
  /** Epochs of equal n are ordered by member. */
  ballotOrder: true,
  /** Stand down for a higher epoch. */
  standDownForHigher: true,
  /** Stand down when the data plane has failed or the LAN carrier is gone. */
  standDownUnable: true,
  /** Stand down when nobody is heard. */
  standDownIsolated: true,
  /** Stand down after a freeze, and listen before doing anything. */
  standDownAfterFreeze: true,
  /** Others' word counts: a member that a live peer shows is heard. */
  witnesses: true,
  /** A growing heartbeat counter counts: its member is heard. */
  heartbeats: true,
  /** No claim by silence before every live peer has reported. */
  waitForReports: true,
  /** No claim by silence before this process has listened. */
  listenFirst: true,
  /** No claim by silence with a dead LAN. */
  lanBeforeClaim: true,
  /** No claim by silence before Redis has answered for a detection time, if it answers. */
  redisSettled: true,
  /** No claim by silence while neither Redis nor any peer is reachable. */
  reachSomebody: true,
  /** After losing the role to a partner that is not heard, silence proves nothing for the hold-down. */
  muteAfterLoss: true,
  /** Hold-down and failback delay double with each change of role. */
  growingHoldDown: true,
  /** The member that is not first in line waits. */
  stagger: true,
  /** A hello is repeated until acknowledged. */
  repeatHello: true,
  /** A claim says until when Redis may execute it. */
  claimNotAfter: true,
  /** n is stored before it is used. */
  persistEpoch: true,
  /** Peers deliver to the highest epoch's member first. */
  routeByEpoch: true,
} as const satisfies Record<string, true>;

export type SafetyRule = keyof typeof SAFETY_RULES;
export type SafetyRules = Readonly<Record<SafetyRule, boolean>>;

export interface ClusterSettings extends ClusterTimes {
  readonly failback: 'automatic' | 'manual';
  /** Whether a register is configured at all. */
  readonly redis: boolean;
  /** Whether the owner asks hosts of the LAN by itself: then no `probe-lan` is put out, and no time waited for. */
  readonly ownLanProbes?: boolean;
  /** Whether a peer has use for hellos, as far as is known now: plain WireGuard has none. Default: all have. */
  readonly speaks?: (peer: number) => boolean;
  /** For the simulator's mutations alone. */
  readonly rules?: SafetyRules;
}
