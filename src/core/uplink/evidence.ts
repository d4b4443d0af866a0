/**
 * What is known of one uplink, and what follows from it at this moment, without memory of what followed before
 * (settling.ts adds that). Evidence comes in layers, and a deeper one outweighs those above it:
 *
 *   link      device, carrier, address (rtnetlink): without them the uplink is down, at once and beyond doubt
 *   gateway   answers ARP: silence counts only while no path speaks for the uplink
 *   paths     whether sealed packets go to our peers and come back: the best evidence there is
 *   probes    hosts of the internet, if the operator named some
 *
 * When no peer answers, either the uplink is bad or the peers are. It is the uplink if one of them answers by another
 * uplink, or if several are silent at once; and it is not while an internet probe succeeds.
 */

export type UplinkState = 'up' | 'degraded' | 'down';
export type PathState = 'up' | 'degraded' | 'down';

/** Stable: scripts and metrics know them. The first group needs no further proof. */
export type ReasonCode =
  | 'device-missing'
  | 'device-down'
  | 'no-carrier'
  | 'no-address'
  | 'no-gateway'
  | 'gateway-silent'
  | 'paths-down'
  | 'some-paths-down'
  | 'paths-degraded'
  | 'probes-failed'
  | 'some-probes-failed';

export interface Reason {
  readonly code: ReasonCode;
  readonly text: string;
}

export interface Verdict {
  readonly state: UplinkState;
  /** Down beyond doubt: nothing can leave by this uplink. */
  readonly hard: boolean;
  /** Worst first; empty where all is well. */
  readonly reasons: readonly Reason[];
}

/** What the kernel says of an uplink's device. */
export interface LinkFacts {
  readonly present: boolean;
  readonly up: boolean;
  readonly carrier: boolean;
  /** With their lengths. */
  readonly addresses: readonly string[];
  /** The configured source address, where the device does not have it. */
  readonly lacks?: string;
  /** Next hops of its default routes; `on-link` where there is none to name. */
  readonly gateways: readonly string[];
}

/** A peer as seen by one uplink: the best of its paths. */
export interface PeerReach {
  readonly name: string;
  readonly state: PathState;
  /** It has been reached by this uplink before. */
  readonly proven: boolean;
  /** It has been unreachable by this uplink for long enough to be held against it although it was never reached. */
  readonly overdue: boolean;
  /** Another uplink by which it is reached; undefined: none. */
  readonly elsewhere: string | undefined;
}

export interface Evidence {
  /** Undefined: the uplink is bound to no device, and the kernel's routes decide. */
  readonly device: string | undefined;
  readonly link: LinkFacts;
  readonly gatewaySilent: boolean;
  /** It has answered since no peer does. */
  readonly gatewayAnswers: boolean;
  readonly peers: readonly PeerReach[];
  /** By name of the probe: whether it works; undefined: not known yet. */
  readonly probes: ReadonlyMap<string, boolean | undefined>;
}

const NAMES_MAX = 3;

/** What `evidence` says of the uplink now. */
export function judge(evidence: Evidence): Verdict {
  const dead = judgeLink(evidence);
  if (dead !== undefined) return { state: 'down', hard: true, reasons: [dead] };
  const reached = evidence.peers.filter(({ state }) => state !== 'down');
  // Causes before what follows from them.
  const findings = [
    judgeGateway(evidence, reached.length > 0),
    judgePaths(evidence, reached),
    judgeProbes(evidence, reached.length > 0),
  ].filter((finding) => finding !== undefined);
  const down = findings.filter(({ state }) => state === 'down');
  const reasons = [...down, ...findings.filter(({ state }) => state !== 'down')].map(({ reason }) => reason);
  const state = down.length > 0 ? 'down' : findings.length > 0 ? 'degraded' : 'up';
  return { state, hard: false, reasons: evidence.gatewayAnswers ? blameBeyond(reasons) : reasons };
}

interface Finding {
  readonly state: 'degraded' | 'down';
  readonly reason: Reason;
}

function finding(state: 'degraded' | 'down', code: ReasonCode, text: string): Finding {
  return { state, reason: { code, text } };
}

/** Where the gateway answers and nothing beyond it does, people need not look at the cable. */
function blameBeyond(reasons: readonly Reason[]): readonly Reason[] {
  const [first, ...others] = reasons;
  if (first?.code !== 'paths-down' && first?.code !== 'probes-failed') return reasons;
  return [
    { code: first.code, text: `${first.text}; its gateway answers: the fault is beyond it` },
    ...others,
  ];
}

function judgeLink({ device, link }: Evidence): Reason | undefined {
  if (device === undefined) return undefined;
  if (!link.present) return { code: 'device-missing', text: `the device ${device} does not exist` };
  if (!link.up) return { code: 'device-down', text: `the device ${device} is set down` };
  if (!link.carrier) return { code: 'no-carrier', text: `${device} has no carrier` };
  if (link.addresses.length === 0) return { code: 'no-address', text: `${device} has no address` };
  if (link.lacks !== undefined) {
    return { code: 'no-address', text: `${device} does not have the configured address ${link.lacks}` };
  }
  return undefined;
}

function judgePaths({ peers, probes }: Evidence, reached: readonly PeerReach[]): Finding | undefined {
  const silent = peers.filter(({ state }) => state === 'down');
  const lost = silent.filter((peer) => peer.proven || (peer.overdue && peer.elsewhere !== undefined));
  const witness = lost.find((peer) => peer.elsewhere !== undefined);
  const though = witness === undefined ? '' : `, though ${witness.name} is by ${witness.elsewhere}`;
  if (reached.length === 0 && lost.length > 0) {
    const blamed = witness !== undefined || lost.length > 1;
    const excused = [...probes.values()].includes(true);
    const text = `${namesOf(lost)} cannot be reached by it${though}`;
    return finding(blamed && !excused ? 'down' : 'degraded', 'paths-down', text);
  }
  if (witness !== undefined) {
    const others = lost.filter((peer) => peer.elsewhere !== undefined);
    return finding('degraded', 'some-paths-down', `${namesOf(others)} cannot be reached by it${though}`);
  }
  const poor = reached.filter(({ state }) => state === 'degraded');
  if (poor.length * 2 <= reached.length) return undefined;
  return finding('degraded', 'paths-degraded', `packets to ${namesOf(poor)} are lost or late`);
}

function judgeGateway({ device, link, gatewaySilent }: Evidence, reaches: boolean): Finding | undefined {
  if (device === undefined) return undefined;
  const { gateways } = link;
  if (gateways.length === 0) return finding('degraded', 'no-gateway', `${device} has no default route`);
  if (!gatewaySilent || reaches) return undefined;
  return finding('down', 'gateway-silent', `the gateway ${gateways.join(', ')} does not answer`);
}

function judgeProbes({ probes }: Evidence, reaches: boolean): Finding | undefined {
  const failed = [...probes].filter(([, works]) => works === false).map(([name]) => name);
  if (failed.length === 0) return undefined;
  const text = `no answer from ${failed.join(', ')}`;
  if (failed.length < probes.size) return finding('degraded', 'some-probes-failed', text);
  return finding(reaches ? 'degraded' : 'down', 'probes-failed', text);
}

function namesOf(peers: readonly PeerReach[]): string {
  const names = peers.slice(0, NAMES_MAX).map(({ name }) => name);
  const rest = peers.length - names.length;
  return rest === 0 ? names.join(', ') : `${names.join(', ')} and ${rest} more`;
}
