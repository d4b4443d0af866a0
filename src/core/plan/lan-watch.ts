/**
 * Whether the LAN is usable: it has carrier, and, if LAN hosts answer probes at all, one of them has answered recently.
 * A LAN that is silent with its carrier up is a real fault (a switch that died behind another, a wrong VLAN) which
 * carrier cannot show. A LAN on which nobody has ever answered says nothing, and counts as usable.
 *
 * The partner is no LAN host here: if it were, its death would look like a dead LAN to the survivor. It is known by its
 * addresses, and by the MAC that they have: its kernel may ask others under an address of another device.
 *
 * The host that answered last is asked every interval, at its own MAC; all known hosts are asked in turn, by broadcast,
 * one each ROTATE_MS while there are answers and one each interval while there are none. Hosts are configured ones (the
 * local side of inside NATs) and those whose ARP was overheard, up to HOSTS_MAX, the configured ones never displaced.
 * While nobody has answered for long, the addresses of whole NATed prefixes are tried one after the other too: a member
 * that has just started may overhear nobody. Sans-IO.
 */
import type { Prefix } from '../base/prefix.js';

export const HOSTS_MAX = 32;
const ROTATE_MS = 1_000;
/** Of a prefix, so many addresses are tried. */
const TRIED_MAX = 4_096;

export interface LanTimers {
  /** Between probes; while the partner is silent. */
  readonly probeMs: number;
  readonly probeSilentMs: number;
  /** Without an answer for this long the LAN is dead; while the partner is silent. */
  readonly deadMs: number;
  readonly deadSilentMs: number;
}

export const LAN_TIMERS: LanTimers = { probeMs: 150, probeSilentMs: 50, deadMs: 600, deadSilentMs: 300 };
/** An answer older than this is no evidence that hosts answer at all; see usableSince. */
export const ANSWERED_MS = 60_000;

export interface LanProbe {
  readonly address: Uint8Array;
  /** Where the host was last; undefined: ask by broadcast. */
  readonly mac: Uint8Array | undefined;
}

interface LanHost {
  readonly address: Uint8Array;
  readonly configured: boolean;
  mac: Uint8Array | undefined;
}

export class LanWatch {
  readonly #timers: LanTimers;
  readonly #hosts = new Map<string, LanHost>();
  readonly #ignored: ReadonlySet<string>;
  /** BOUNDED by HOSTS_MAX. */
  readonly #ignoredMacs = new Set<string>();
  readonly #probes: LanProbe[] = [];
  #carrier = false;
  #partnerSilent = false;
  #answerer: LanHost | undefined;
  #answeredAtMs: number | undefined;
  /** Start of the silence that may be held against the LAN: an answer, or the return of the carrier. */
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #probeAtMs: number;
  #rotateAtMs = Number.NEGATIVE_INFINITY;
  #turn = 0;
  readonly #ranges: readonly Prefix[];
  #tried = 0;

  /**
   * `hosts`: addresses of the LAN to ask; `ignored`: this node's own, its partners' and the VIP; `ranges`: IPv4 prefixes in
   * which hosts may be found.
   */
  constructor(
    hosts: readonly Uint8Array[],
    ignored: readonly Uint8Array[],
    now: number,
    timers: LanTimers = LAN_TIMERS,
    ranges: readonly Prefix[] = [],
  ) {
    this.#timers = timers;
    this.#ranges = ranges;
    this.#probeAtMs = now;
    this.#ignored = new Set(ignored.map(keyOf));
    for (const address of hosts.slice(0, HOSTS_MAX)) {
      const key = keyOf(address);
      if (!this.#ignored.has(key)) this.#hosts.set(key, { address, configured: true, mac: undefined });
    }
  }

  /** Evidence for people and for the claim rule: when a LAN host last answered a probe; undefined = never. */
  get answeredAtMs(): number | undefined {
    return this.#answeredAtMs;
  }

  get carrier(): boolean {
    return this.#carrier;
  }

  /** Whether the LAN is usable. */
  usable(now: number): boolean {
    if (!this.#carrier) return false;
    return this.#answeredAtMs === undefined || now - this.#heardAtMs <= this.#deadMs();
  }

  /** The claim rule's form: if a host answered in the last minute, one has answered since `sinceMs`. */
  usableSince(sinceMs: number, now: number): boolean {
    const answered = this.#answeredAtMs;
    if (!this.#carrier) return false;
    return answered === undefined || now - answered > ANSWERED_MS || answered >= sinceMs;
  }

  /** The carrier is as it says from `now` on. Its return gives hosts the time to answer before silence counts. */
  handleCarrier(up: boolean, now: number): void {
    if (up && !this.#carrier) {
      this.#heardAtMs = now;
      this.#probeAtMs = now;
    }
    this.#carrier = up;
  }

  /** While the partner is silent the LAN is looked at more closely, since a takeover may depend on it. */
  handlePartnerSilent(silent: boolean, now: number): void {
    if (silent && !this.#partnerSilent) this.#probeAtMs = Math.min(this.#probeAtMs, now);
    this.#partnerSilent = silent;
  }

  /** A frame from a host of the LAN. Only an answer to a probe of ours shows that both directions work. */
  handleNeighbour(address: Uint8Array, mac: Uint8Array, answer: boolean, now: number): void {
    const key = keyOf(address);
    if (this.#ignored.has(key)) this.#ignoreMac(keyOf(mac));
    if (this.#ignoredMacs.has(keyOf(mac)) || address.every((byte) => byte === 0)) return;
    const host = this.#hosts.get(key) ?? this.#learn(key, address);
    if (host === undefined) return;
    host.mac = mac;
    if (!answer) return;
    this.#answerer = host;
    this.#answeredAtMs = this.#heardAtMs = now;
  }

  /** Probes, if that is due within `earlyMs`. */
  handleTimeout(now: number, earlyMs = 0): void {
    if (now < this.#probeAtMs - earlyMs) return;
    const interval = this.#partnerSilent ? this.#timers.probeSilentMs : this.#timers.probeMs;
    this.#probeAtMs = now + interval;
    if (!this.#carrier) return;
    this.#tryAnother(now);
    if (this.#hosts.size === 0) return;
    const answerer = this.#answerer;
    if (answerer !== undefined) this.#probes.push({ address: answerer.address, mac: answerer.mac });
    const answers = now - this.#heardAtMs <= 2 * interval && this.#answeredAtMs !== undefined;
    if (answers && now - this.#rotateAtMs < ROTATE_MS) return;
    this.#rotateAtMs = now;
    const hosts = [...this.#hosts.values()];
    this.#turn = (this.#turn + 1) % hosts.length;
    this.#probes.push({ address: hosts[this.#turn].address, mac: undefined });
  }

  /** A probe to send; undefined when there is none. */
  pollProbe(): LanProbe | undefined {
    return this.#probes.shift();
  }

  /** When handleTimeout is due. `usable` may change by time alone between two of them. */
  nextDeadline(): number {
    return this.#probeAtMs;
  }

  /** Asks the next address of the ranges, while no host is known to answer. */
  #tryAnother(now: number): void {
    if (this.#ranges.length === 0 || now - (this.#answeredAtMs ?? Number.NEGATIVE_INFINITY) <= ANSWERED_MS)
      return;
    const { bytes, length } = this.#ranges[this.#tried % this.#ranges.length];
    const size = Math.min(TRIED_MAX, 2 ** (32 - length));
    const offset = Math.floor(this.#tried / this.#ranges.length) % size;
    this.#tried += 1;
    const address = bytes.slice();
    address[3] += offset & 255;
    address[2] += offset >> 8;
    if (!this.#ignored.has(keyOf(address))) this.#probes.push({ address, mac: undefined });
  }

  #ignoreMac(mac: string): void {
    if (this.#ignoredMacs.has(mac) || this.#ignoredMacs.size >= HOSTS_MAX) return;
    this.#ignoredMacs.add(mac);
    for (const [key, host] of this.#hosts) {
      if (host.mac === undefined || keyOf(host.mac) !== mac) continue;
      if (host.configured) host.mac = undefined;
      else this.#hosts.delete(key);
      if (this.#answerer === host) this.#answerer = this.#answeredAtMs = undefined;
    }
  }

  #deadMs(): number {
    return this.#partnerSilent ? this.#timers.deadSilentMs : this.#timers.deadMs;
  }

  #learn(key: string, address: Uint8Array): LanHost | undefined {
    if (this.#hosts.size >= HOSTS_MAX) {
      const old = [...this.#hosts].find(([, host]) => !host.configured && host !== this.#answerer);
      if (old === undefined) return undefined;
      this.#hosts.delete(old[0]);
    }
    const host: LanHost = { address, configured: false, mac: undefined };
    this.#hosts.set(key, host);
    return host;
  }
}

function keyOf(address: Uint8Array): string {
  return address.join();
}
