/**
 * One path of a peer: a local uplink and a remote endpoint, the BFD session that says whether sealed packets go there and
 * come back, and what its echo packets tell of its quality.
 *
 * A path is *configured* (we know the endpoint and speak first) or *learned* (a probe came from somewhere we did not know:
 * a node behind NAT). Either kind follows its peer when an authentic packet for its session comes from a new place; a
 * configured one goes back to its endpoint when it is dialled anew.
 */
import { ENDPOINT_FAMILY, encodeEndpoint } from '../base/endpoint.js';
import { get32 } from '../packet/offsets.js';
import { BFD_REFUSAL } from './bfd-packet.js';
import { BfdSession } from './bfd-session.js';
import { ECHO_BYTES, ECHO_LONG_BYTES, EchoTracker, encodeLongEcho } from './echo.js';
import { PathHealth } from './health.js';
import { PathMtu } from './mtu.js';
import type { Pace } from './pacing.js';
import type { Place } from './path-news.js';
import { Quality } from './quality.js';
import { Redial } from './redial.js';

/** A way out of this node. */
export interface Uplink {
  readonly id: number;
  readonly name: string;
  /** Index of its UDP socket, as in endpoint records. */
  readonly socket: number;
  readonly cost: number;
  /** Families it has addresses of. */
  readonly v4: boolean;
  readonly v6: boolean;
}

/** Where a peer can be reached, as configured. */
export interface RemoteEndpoint {
  /** As in the configuration: it stays the same when a name resolves to something else. */
  readonly key: string;
  /** 4 or 16 bytes; undefined = the name has not been resolved. */
  readonly address: Uint8Array | undefined;
  readonly port: number;
  /** The key is a DNS name: dialling anew means resolving anew. */
  readonly isName: boolean;
  readonly cost: number;
}

/** What all paths of a peer share. */
export interface PathSettings {
  readonly pace: Pace;
  /** Interval of echo packets; +Infinity = none. */
  readonly echoMs: number;
  /** The shortest interval of echo packets that we answer; 0 = none. */
  readonly requiredMinEchoRxMs: number;
  /** Our own nodes: how long a session that is not Up keeps its fast pace; 0 for others. */
  readonly fastWhileDownMs: number;
  /** The worker repeats control packets and sends echo packets. */
  readonly offloaded: boolean;
  /** Size of the tunnel, which paths may or may not carry (mtu.ts); 0 = that is not looked for. */
  readonly mtuBytes: () => number;
  /** A number from 0 up to but not including 1. */
  readonly random: () => number;
  /** A nonzero number of 32 bits that no session of this node has. */
  readonly newDiscriminator: () => number;
  /** Counts packets that are refused, by number of the refusal (BFD_REFUSALS). */
  readonly refusals: Uint32Array;
}

export class Path {
  readonly id: number;
  readonly isLearned: boolean;
  readonly session: BfdSession;
  readonly quality = new Quality();
  readonly health: PathHealth;
  readonly echo: EchoTracker;
  readonly redial: Redial;
  readonly mtu: PathMtu;
  /** Key of the configured endpoint, or ''. */
  readonly key: string;
  uplink: Uplink;
  /** Where packets go: an endpoint record. */
  endpoint: Uint8Array;
  /** Where they go after the next dial; undefined = the name has not been resolved, or learned. */
  configured: RemoteEndpoint | undefined;
  endpointCost: number;
  /** What the path costs the other side, and by which of its uplinks it goes, as it has told; 0 and '' = unknown. */
  peerCost = 0;
  peerUplink = '';
  /** Where the other side sees our packets come from, as it has told; `atMs`: when it last did. */
  seen: (Place & { readonly atMs: number }) | undefined;
  /** Where the last control packet of its session came from: an endpoint record. */
  heardFrom: Uint8Array | undefined;
  /** The discriminator that the other side last used: how a learned path is known again. */
  knownDiscriminator = 0;
  /** When another session of the peer last spoke while this one was Up: the peer may have restarted. */
  rivalAtMs = Number.NEGATIVE_INFINITY;
  nextEchoAtMs: number;
  /** An echo packet is to be sent. */
  isEchoDue = false;

  constructor(
    id: number,
    uplink: Uplink,
    where: { readonly endpoint: Uint8Array; readonly configured: RemoteEndpoint | undefined },
    settings: PathSettings,
    now: number,
  ) {
    this.id = id;
    this.uplink = uplink;
    this.endpoint = where.endpoint;
    this.configured = where.configured;
    this.isLearned = where.configured === undefined;
    this.key = where.configured?.key ?? '';
    this.endpointCost = where.configured?.cost ?? 0;
    this.session = new BfdSession(
      {
        localDiscriminator: settings.newDiscriminator(),
        pace: settings.pace,
        requiredMinEchoRxMs: settings.requiredMinEchoRxMs,
        active: !this.isLearned,
        fastWhileDownMs: settings.fastWhileDownMs,
        offloaded: settings.offloaded,
        random: settings.random,
      },
      now,
    );
    this.echo = new EchoTracker(this.session.localDiscriminator, this.quality);
    this.health = new PathHealth(now);
    this.redial = new Redial(settings.random);
    this.mtu = new PathMtu(settings.mtuBytes, this.quality);
    if (!this.isLearned) this.redial.handleDown(now);
    this.nextEchoAtMs = now;
  }

  /** What it costs this side. */
  get ownCost(): number {
    return this.uplink.cost + this.endpointCost;
  }

  /** Both sides add up the same, so that they choose the same path. */
  get cost(): number {
    return this.ownCost + this.peerCost;
  }

  /** What it carries is to be found anew, where its peer answers echo packets. */
  measure(now: number): void {
    const answers = this.session.echoIntervalMsMin < Number.POSITIVE_INFINITY;
    if (answers) this.mtu.start(this.endpoint[ENDPOINT_FAMILY], now);
    else this.mtu.stop();
  }

  /**
   * Writes the payload of a probe of what it carries at `at`, behind `headerBytes` of headers. Returns its length, 0 where
   * none is to be sent now.
   */
  encodeProbe(bytes: Uint8Array, at: number, headerBytes: number): number {
    const probe = this.mtu.pollProbe();
    if (probe === undefined) return 0;
    const length = Math.max(ECHO_LONG_BYTES, probe.bytes - headerBytes);
    encodeLongEcho(bytes, at, length, this.session.localDiscriminator, probe.sequence);
    return length;
  }

  /** The answer to an echo packet or a probe, of `length` bytes at `at`. Returns 0 or a refusal. */
  handleAnswer(bytes: Uint8Array, at: number, length: number, now: number): number {
    if (length <= ECHO_BYTES) return this.echo.handleAnswer(bytes, at, length, now);
    return this.mtu.handleAnswer(get32(bytes, at + 4) >>> 0, now) ? 0 : BFD_REFUSAL['echo-unknown'];
  }

  /** For sentences. */
  get name(): string {
    return `${this.uplink.name} → ${this.isLearned ? `learned ${this.id}` : this.key}`;
  }
}

/** The endpoint record of a configured endpoint on an uplink; undefined where they do not fit each other. */
export function endpointOn(uplink: Uplink, { address, port }: RemoteEndpoint): Uint8Array | undefined {
  if (address === undefined) return undefined;
  if (!(address.length === 4 ? uplink.v4 : uplink.v6)) return undefined;
  return encodeEndpoint(address, port, uplink.socket);
}
