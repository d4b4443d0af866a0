/**
 * The uplinks of a node together: which are up, and by which one local breakout leaves. Fed with links, gateways, paths and
 * probes; read by the host plan (ways out), the cluster (can this node serve at all) and people. Sans-IO.
 *
 * Choice for breakout: what is up before what is degraded, then cost, then weight; of equals the present one. A
 * better uplink takes over at once where the present one is worse off; where it is merely cheaper it must have been up for
 * a while (winBackMs), so that nothing flaps. An uplink whose peers are all silent is better than none: the fault may be
 * theirs, and the internet is larger than the overlay.
 */
import type { LinkFacts, PathState, UplinkState } from './evidence.js';
import type { SettlingTimes } from './settling.js';
import { Uplink, type UplinkOptions } from './uplink.js';

/** A cheaper uplink must have been up for this long before breakout returns to it. */
export const WIN_BACK_MS = 10_000;

export type UplinkEvent =
  | {
      readonly event: 'uplink-state';
      readonly uplink: string;
      readonly from: UplinkState;
      readonly to: UplinkState;
      /** Codes; the texts are in `why`. */
      readonly reasons: readonly string[];
      readonly why: string;
    }
  | {
      readonly event: 'uplink-addresses' | 'uplink-gateways';
      readonly uplink: string;
      readonly from: readonly string[];
      readonly to: readonly string[];
    }
  | {
      readonly event: 'breakout-uplink';
      readonly from: string | undefined;
      readonly to: string | undefined;
      readonly why: string;
    };

const RANKS: Readonly<Record<UplinkState, number>> = { up: 3, degraded: 2, down: 1 };

export interface TrackerOptions {
  readonly uplinks: readonly UplinkOptions[];
  readonly now: number;
  readonly times?: SettlingTimes;
  readonly winBackMs?: number;
}

export class UplinkTracker {
  readonly uplinks: readonly Uplink[];
  readonly #winBackMs: number;
  #best: number | undefined;
  /** BOUNDED: drained after every input. */
  readonly #events: UplinkEvent[] = [];

  constructor({ uplinks, now, times, winBackMs = WIN_BACK_MS }: TrackerOptions) {
    this.uplinks = uplinks.map((options) => new Uplink(options, now, times));
    this.#winBackMs = winBackMs;
  }

  /** Place of the uplink that local breakout takes; undefined: none leads anywhere. */
  get best(): number | undefined {
    return this.#best;
  }

  /** How many uplinks are not down, and how many are. Before anything is known of one, it is taken to be usable. */
  get count(): { readonly usable: number; readonly lost: number } {
    const lost = this.uplinks.filter(({ known, state }) => known && state === 'down').length;
    return { usable: this.uplinks.length - lost, lost };
  }

  /** Why nothing can leave by an uplink, beyond doubt: its link. '' while its link stands, whatever else is known. */
  linkFault(place: number): string {
    const { verdict } = this.uplinks[place];
    return verdict.hard ? verdict.reasons.map(({ text }) => text).join('; ') : '';
  }

  /** For each uplink the one that tunnels take in its place: itself while its link stands, else the best that does. */
  standIns(): number[] {
    const refuge = this.#refuge();
    return this.uplinks.map(({ verdict, known }, place) =>
      known && verdict.hard ? (refuge ?? place) : place,
    );
  }

  /** What the kernel says of an uplink's device. `askable`: its gateway answers ARP or neighbour discovery, if alive. */
  handleLink(place: number, link: LinkFacts, askable: boolean, now: number): void {
    const uplink = this.uplinks[place];
    const before = uplink.link;
    uplink.handleLink(link, askable, now);
    const { name } = uplink.options;
    const tell = (
      event: 'uplink-addresses' | 'uplink-gateways',
      from: readonly string[],
      to: readonly string[],
    ) => {
      if (from.join() !== to.join()) this.#events.push({ event, uplink: name, from, to });
    };
    tell('uplink-addresses', before.addresses, link.addresses);
    tell('uplink-gateways', before.gateways, link.gateways);
    this.handleTimeout(now);
  }

  /** The gateway of an uplink has answered. */
  handleGateway(place: number, now: number): void {
    const { gateway } = this.uplinks[place];
    const wasSilent = gateway.silent(now);
    gateway.handleAnswer(now);
    if (wasSilent) this.handleTimeout(now);
  }

  /** The state of one path of an uplink to `peer`; undefined: the path is no more. */
  handlePath(place: number, peer: string, path: string, state: PathState | undefined, now: number): void {
    this.uplinks[place].handlePath(peer, path, state, now);
    this.handleTimeout(now);
  }

  /** The outcome of an internet probe of an uplink. */
  handleProbe(place: number, probe: string, answered: boolean, now: number): void {
    this.uplinks[place].handleProbe(probe, answered);
    this.handleTimeout(now);
  }

  handleTimeout(now: number): void {
    for (const uplink of this.uplinks) {
      const elsewhere = (peer: string): string | undefined => this.#elsewhere(uplink, peer);
      const change = uplink.judge(elsewhere, now);
      if (change === undefined) continue;
      const { from, to, reasons } = change;
      const why = reasons.map(({ text }) => text).join('; ') || 'nothing is wrong with it';
      const codes = reasons.map(({ code }) => code);
      this.#events.push({
        event: 'uplink-state',
        uplink: uplink.options.name,
        from,
        to,
        reasons: codes,
        why,
      });
    }
    this.#choose(now);
  }

  /** Place of an uplink whose gateway is to be asked now; undefined: none. */
  pollGatewayProbe(): number | undefined {
    const place = this.uplinks.findIndex(({ gateway }) => gateway.pollProbe());
    return place < 0 ? undefined : place;
  }

  pollEvent(): UplinkEvent | undefined {
    return this.#events.shift();
  }

  nextDeadline(now: number): number {
    const deadlines = this.uplinks.map((uplink) => uplink.nextDeadline(now));
    const winner = this.#winner();
    const present = this.#present();
    if (winner !== undefined && present !== undefined && winner !== present) {
      const atMs = winner.sinceMs + this.#winBackMs;
      if (atMs > now) deadlines.push(atMs);
    }
    return Math.min(...deadlines);
  }

  /** The best uplink whose link stands; undefined: none. */
  #refuge(): number | undefined {
    const standing = this.uplinks.filter(({ verdict }) => !verdict.hard);
    const best = standing.reduce<Uplink | undefined>(
      (found, uplink) => (found === undefined || compare(uplink, found, undefined) > 0 ? uplink : found),
      undefined,
    );
    return best === undefined ? undefined : this.uplinks.indexOf(best);
  }

  #elsewhere(uplink: Uplink, peer: string): string | undefined {
    const other = this.uplinks.find((candidate) => {
      const reach = candidate === uplink ? undefined : candidate.reach(peer);
      return reach !== undefined && reach !== 'down';
    });
    return other?.options.name;
  }

  #present(): Uplink | undefined {
    return this.#best === undefined ? undefined : this.uplinks[this.#best];
  }

  /** The best uplink as things stand, time aside. */
  #winner(): Uplink | undefined {
    const present = this.#present();
    let winner = present;
    for (const uplink of this.uplinks) {
      if (winner === undefined || compare(uplink, winner, present) > 0) winner = uplink;
    }
    return winner !== undefined && rank(winner, present) > 0 ? winner : undefined;
  }

  #choose(now: number): void {
    const present = this.#present();
    const winner = this.#winner();
    if (winner === present || this.uplinks.some(({ known }) => !known)) return;
    const equal =
      winner !== undefined && present !== undefined && rank(winner, present) === rank(present, present);
    if (equal && now - winner.sinceMs < this.#winBackMs) return;
    this.#best = winner === undefined ? undefined : this.uplinks.indexOf(winner);
    const from = present?.options.name;
    this.#events.push({
      event: 'breakout-uplink',
      from,
      to: winner?.options.name,
      why: whyOf(present, winner),
    });
  }
}

/**
 * 0: cannot; then the less is wrong the more. Another than the present one is no better than it looks at this moment: where
 * the peers have died, its own fall is only a little behind.
 */
function rank(uplink: Uplink, present: Uplink | undefined): number {
  if (!uplink.leads) return 0;
  const settled = RANKS[uplink.state];
  return uplink === present ? settled : Math.min(settled, RANKS[uplink.verdict.state]);
}

/** Positive where `a` is better. */
function compare(a: Uplink, b: Uplink, present: Uplink | undefined): number {
  const { cost, weight } = b.options;
  return rank(a, present) - rank(b, present) || cost - a.options.cost || a.options.weight - weight;
}

function whyOf(present: Uplink | undefined, winner: Uplink | undefined): string {
  if (present === undefined) return 'the first that leads anywhere';
  const { name } = present.options;
  const why = present.reasons.map(({ text }) => text).join('; ');
  if (winner === undefined) return `none leads anywhere: ${name}: ${why}`;
  if (rank(winner, present) === rank(present, present)) return `it is preferred to ${name}, and well again`;
  return `${name} is ${present.state}${why === '' ? '' : `: ${why}`}`;
}
