/** One uplink: its evidence as it comes in, its settled state, and how it came to it. */
import {
  type Evidence,
  judge,
  type LinkFacts,
  type PathState,
  type PeerReach,
  type Reason,
  type UplinkState,
  type Verdict,
} from './evidence.js';
import { GatewayWatch } from './gateway-watch.js';
import { Settling, type SettlingTimes } from './settling.js';

/** What configuration says of an uplink. */
export interface UplinkOptions {
  readonly name: string;
  readonly device: string | undefined;
  /** Breakout takes the cheapest uplink, of those the one of greatest weight. */
  readonly cost: number;
  readonly weight: number;
  /** Names of its internet probes. */
  readonly probes: readonly string[];
}

export interface UplinkChange {
  readonly atMs: number;
  readonly from: UplinkState;
  readonly to: UplinkState;
  readonly reasons: readonly Reason[];
}

/** A peer that was never reached is held against an uplink when it has been tried for this long. */
const OVERDUE_MS = 3_000;
/** An internet probe works or fails when this many in a row have said so. */
const PROBES_IN_A_ROW = 3;

interface Peer {
  /** By name. Never empty. */
  readonly paths: Map<string, PathState>;
  proven: boolean;
  triedSinceMs: number;
}

interface Probe {
  works: boolean | undefined;
  failures: number;
}

const NEVER = Number.POSITIVE_INFINITY;
const NO_LINK: LinkFacts = { present: false, up: false, carrier: false, addresses: [], gateways: [] };
const LINKED: LinkFacts = { present: true, up: true, carrier: true, addresses: [], gateways: [] };

export class Uplink {
  readonly options: UplinkOptions;
  readonly gateway = new GatewayWatch();
  link: LinkFacts;
  /** Whether the kernel has been asked yet; until then it is down. */
  known: boolean;
  verdict: Verdict = { state: 'down', hard: true, reasons: [] };
  lastChange: UplinkChange | undefined;
  readonly #settling: Settling;
  /** BOUNDED: by the paths of the peers of the configuration. */
  readonly #peers = new Map<string, Peer>();
  readonly #probes: Map<string, Probe>;
  /** Since when no peer has been reached; NEVER: some is. */
  #aloneSinceMs = NEVER;

  constructor(options: UplinkOptions, now: number, times?: SettlingTimes) {
    this.options = options;
    this.known = options.device === undefined;
    this.link = this.known ? LINKED : NO_LINK;
    this.#settling = new Settling(now, times);
    this.#probes = new Map(options.probes.map((name) => [name, { works: undefined, failures: 0 }]));
  }

  get state(): UplinkState {
    return this.#settling.state;
  }

  get sinceMs(): number {
    return this.#settling.sinceMs;
  }

  /** Why it is not well; while the state lags behind, what is seen now. */
  get reasons(): readonly Reason[] {
    return this.verdict.reasons;
  }

  /** Breakout can leave by it: the link stands and leads somewhere. */
  get leads(): boolean {
    return !this.verdict.hard && (this.options.device === undefined || this.link.gateways.length > 0);
  }

  /** Takes what the kernel says. `askable`: its gateway can be asked (ARP, neighbour discovery). */
  handleLink(link: LinkFacts, askable: boolean, now: number): void {
    const before = this.link;
    this.link = link;
    this.known = true;
    const came = link.carrier && !before.carrier;
    if (!came && sameTexts(link.gateways, before.gateways) && sameTexts(link.addresses, before.addresses))
      return;
    this.gateway.reset(askable && link.carrier && link.gateways.length > 0, now);
    for (const peer of this.#peers.values()) peer.triedSinceMs = now;
    if (came) for (const probe of this.#probes.values()) probe.failures = 0;
  }

  /** Notes a path's state; undefined: the path is no more. */
  handlePath(peer: string, path: string, state: PathState | undefined, now: number): void {
    const known = this.#peers.get(peer) ?? { paths: new Map(), proven: false, triedSinceMs: now };
    if (state === undefined) {
      known.paths.delete(path);
      if (known.paths.size === 0) this.#peers.delete(peer);
      return;
    }
    known.paths.set(path, state);
    known.proven ||= state !== 'down';
    this.#peers.set(peer, known);
  }

  /** Notes the outcome of an internet probe. */
  handleProbe(name: string, answered: boolean): void {
    const probe = this.#probes.get(name);
    if (probe === undefined) return;
    probe.failures = answered ? 0 : probe.failures + 1;
    if (answered) probe.works = true;
    else if (probe.failures >= PROBES_IN_A_ROW) probe.works = false;
  }

  /** The best state of the paths to `peer`; undefined: there is none. */
  reach(peer: string): PathState | undefined {
    let best: PathState | undefined;
    for (const state of this.#peers.get(peer)?.paths.values() ?? []) {
      if (state === 'up') return state;
      if (best !== 'degraded') best = state;
    }
    return best;
  }

  /** Judges anew. `elsewhere` names another uplink by which a peer is reached. Returns the change, if it is one. */
  judge(elsewhere: (peer: string) => string | undefined, now: number): UplinkChange | undefined {
    if (!this.known) return undefined;
    const { device } = this.options;
    const isReached = [...this.#peers.keys()].some((peer) => this.reach(peer) !== 'down');
    if (!isReached && this.#aloneSinceMs === NEVER) this.gateway.hurry(now);
    this.#aloneSinceMs = isReached ? NEVER : Math.min(this.#aloneSinceMs, now);
    this.gateway.handleTimeout(now);
    const peers = [...this.#peers].map(([name, { proven, triedSinceMs }]): PeerReach => {
      const overdue = now - triedSinceMs >= OVERDUE_MS;
      return { name, state: this.reach(name) ?? 'down', proven, overdue, elsewhere: elsewhere(name) };
    });
    const probes = new Map([...this.#probes].map(([name, { works }]) => [name, works]));
    const gatewaySilent = this.gateway.silent(now);
    const gatewayAnswers = this.gateway.answersSince(this.#aloneSinceMs, now);
    const evidence: Evidence = { device, link: this.link, gatewaySilent, gatewayAnswers, peers, probes };
    this.verdict = judge(evidence);
    const from = this.state;
    this.#settling.handleVerdict(this.verdict.state, this.verdict.hard, now);
    if (this.state === from) return undefined;
    this.lastChange = { atMs: now, from, to: this.state, reasons: this.reasons };
    return this.lastChange;
  }

  /** When to judge anew although nothing has come in. */
  nextDeadline(now: number): number {
    let deadline = Math.min(this.#settling.nextDeadline(), this.gateway.nextDeadline(now));
    for (const { proven, triedSinceMs } of this.#peers.values()) {
      const overdueAtMs = triedSinceMs + OVERDUE_MS;
      if (!proven && overdueAtMs > now) deadline = Math.min(deadline, overdueAtMs);
    }
    return deadline;
  }
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, at) => text === b[at]);
}
