/**
 * Which packets arrive. A node has a WAN side and a LAN port; each may be cut in one direction or both, or lose packets.
 * Paths between two nodes may be cut by themselves. Nothing here knows of clusters.
 */
import type { SeededRandom } from '../../src/core/base/random.js';

export interface Side {
  out: boolean;
  in: boolean;
  loss: number;
}

export interface Ports {
  readonly wan: Side;
  readonly lan: Side;
  carrier: boolean;
  redis: boolean;
}

const WAN_MS = 8;
const WAN_JITTER_MS = 6;
const LAN_MS = 0.2;
const LAN_JITTER_MS = 0.5;

export class Links {
  readonly ports = new Map<string, Ports>();
  /** Directed paths that are cut: `from>to`. */
  readonly cut = new Set<string>();
  /** Sites whose switch is dead. */
  readonly deadSwitches = new Set<string>();
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  add(name: string): void {
    const side = (): Side => ({ out: true, in: true, loss: 0 });
    this.ports.set(name, { wan: side(), lan: side(), carrier: true, redis: true });
  }

  of(name: string): Ports {
    return this.ports.get(name) as Ports;
  }

  healAll(): void {
    for (const name of [...this.ports.keys()]) this.add(name);
    this.cut.clear();
    this.deadSwitches.clear();
  }

  /** Whether packets go from one node to another, losses aside. `site`: their common site, for the LAN. */
  passes(from: string, to: string, site: string | undefined): boolean {
    if (this.cut.has(`${from}>${to}`)) return false;
    const [a, b] = [this.of(from), this.of(to)];
    if (site === undefined) return a.wan.out && b.wan.in;
    return a.lan.out && a.carrier && b.lan.in && b.carrier && !this.deadSwitches.has(site);
  }

  /** Whether the LAN port of `name` reaches its site both ways. */
  lanWorks(name: string, site: string): boolean {
    const { lan, carrier } = this.of(name);
    return carrier && lan.out && lan.in && !this.deadSwitches.has(site);
  }

  wanWorks(name: string): boolean {
    const { wan } = this.of(name);
    return wan.out && wan.in;
  }

  /** Delay of one packet between two nodes; undefined: it is lost. */
  delay(from: string, to: string, site: string | undefined): number | undefined {
    if (!this.passes(from, to, site)) return undefined;
    const side = site === undefined ? 'wan' : 'lan';
    if (this.lost(this.of(from)[side].loss) || this.lost(this.of(to)[side].loss)) return undefined;
    const jitter = this.#random.fraction();
    return site === undefined ? WAN_MS + jitter * WAN_JITTER_MS : LAN_MS + jitter * LAN_JITTER_MS;
  }

  lost(probability: number): boolean {
    return probability > 0 && this.#random.chance(probability);
  }
}
