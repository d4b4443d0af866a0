/**
 * The promises, checked after every step: no two actives with one epoch; two actives no longer than the bound while
 * anything joins them; effects never go backwards in epoch. And on request, in steady state: the site is served if
 * physics allows; one active, everybody routes to it, only it holds the VIP; roles rest.
 */

import { epochText } from '../../src/core/cluster/outputs.js';
import { compareEpochs, type Epoch } from '../../src/core/cluster/register.js';
import { delivers } from './forwarding.js';
import type { SimCluster } from './layout.js';
import type { SimNode } from './node.js';
import {
  ableTo,
  canKnow,
  couldServe,
  hearsNobody,
  isKnown,
  joined,
  linked,
  reaches,
  remotesOf,
} from './physics.js';
import type { World } from './world.js';

export const DUAL_MS_MAX = 600;
/** With losses, detection and hellos take their repetitions. */
const DUAL_LOSSY_MS_MAX = 2_500;
const LOOK_MS = 20;
/** Isolation time, and what it takes to notice. */
const WRONG_MS_MAX = 1_600;
/** A node that has acted beyond doubt for this long is not to be replaced without need. */
const USURP_MS = 3_500;
const USURP_ORDER_MS = 2_000;
export const CHANGES_A_MINUTE_MAX = 3;

export class Checks {
  readonly #world: World;
  #lookAtMs = 0;
  /** By cluster: how long two have acted while something joined them. */
  readonly #dualMs = new Map<string, number>();
  /** By cluster: since when something joins its members, whether they run or are frozen. */
  readonly #joinedSinceMs = new Map<string, number>();
  /** By node: since when it acts though it must not. */
  readonly #wrongSinceMs = new Map<string, number>();
  /** By node: since when it acts beyond doubt. */
  readonly #firmSinceMs = new Map<string, number>();
  /** By cluster: when the role moved. */
  readonly moves = new Map<string, number[]>();
  /** Longest time with two actives. */
  dualMsMax = 0;

  constructor(world: World) {
    this.#world = world;
  }

  acting(site: SimCluster): SimNode[] {
    return this.#world.nodes.filter((node) => node.site === site && node.acting && node.running);
  }

  /** An `act` output was carried out. */
  acted(node: SimNode, epoch: Epoch): void {
    this.#usurped(node);
    const last = node.actedEpoch;
    if (last !== undefined && compareEpochs(epoch, last) < 0) {
      this.#world.fail(`${node.name} acts under ${epochText(epoch)} after ${epochText(last)}`);
    }
    if (last === undefined || compareEpochs(epoch, last) !== 0) {
      const moves = this.moves.get(node.site.name) ?? [];
      moves.push(this.#world.clock.now);
      this.moves.set(node.site.name, moves);
    }
    node.actedEpoch = epoch;
    node.actedAtMs = this.#world.clock.now;
  }

  /** Nobody takes the role from one who serves, is known to serve, and reaches no fewer; failback and orders apart. */
  #usurped(node: SimNode): void {
    const world = this.#world;
    const active = world.nodes.find((other) => other.site === node.site && other !== node && other.acting);
    if (active === undefined || this.lossy() || world.clock.now - world.orderedAtMs < USURP_ORDER_MS) return;
    if (world.nodes.indexOf(node) < world.nodes.indexOf(active)) return;
    const sinceMs = this.#firmSinceMs.get(active.name);
    if (sinceMs === undefined || world.clock.now - sinceMs < USURP_MS) return;
    world.fail(`${node.name} takes the role from ${active.name}, which serves`);
  }

  /** Since when a node acts, serves, has no less than its partner and can be known by it. */
  #lookAtFirm(node: SimNode): void {
    const world = this.#world;
    const partner = world.nodes.find((other) => other.site === node.site && other !== node);
    const firm =
      partner !== undefined &&
      node.acting &&
      couldServe(world, node) &&
      isKnown(world, node, partner) &&
      (node.uplinks.lost < 2 || node.uplinks.usable >= partner.uplinks.usable) &&
      remotesOf(world, node) >= remotesOf(world, partner);
    if (!firm) this.#firmSinceMs.delete(node.name);
    else if (!this.#firmSinceMs.has(node.name)) this.#firmSinceMs.set(node.name, world.clock.now);
  }

  /** The VIP was taken or refreshed: nobody may do so long after another has acted under a higher epoch. */
  held(node: SimNode): void {
    const world = this.#world;
    for (const other of world.nodes) {
      if (other === node || other.site !== node.site || !other.acting || !other.running) continue;
      if (
        node.epoch === undefined ||
        other.epoch === undefined ||
        compareEpochs(node.epoch, other.epoch) >= 0
      )
        continue;
      const sinceMs = world.clock.now - other.actedAtMs;
      // A process that stood still for less than the isolation time may wake and refresh before it reads.
      if (sinceMs <= this.#bound() + 1_000 || !canKnow(world, node, other)) continue;
      if ((this.#joinedSinceMs.get(node.site.name) ?? world.clock.now) > world.clock.now - this.#bound())
        continue;
      world.fail(
        `${node.name} holds the VIP ${Math.round(sinceMs)} ms after ${other.name} acted under a higher epoch`,
      );
    }
  }

  #bound(): number {
    return this.lossy() ? DUAL_LOSSY_MS_MAX : DUAL_MS_MAX;
  }

  roleChanged(node: SimNode): void {
    const acting = this.#world.nodes.filter((other) => other.site === node.site && other.acting);
    for (const one of acting) {
      for (const other of acting) {
        if (one === other || one.epoch === undefined || other.epoch === undefined) continue;
        if (compareEpochs(one.epoch, other.epoch) === 0) {
          this.#world.fail(`${one.name} and ${other.name} both act under ${epochText(one.epoch)}`);
        }
      }
    }
  }

  /** After every step. */
  step(): void {
    const { clock } = this.#world;
    if (clock.now < this.#lookAtMs) return;
    const sinceMs = clock.now - this.#lookAtMs + LOOK_MS;
    this.#lookAtMs = clock.now + LOOK_MS;
    for (const site of this.#world.clusters) this.#lookAt(site, sinceMs);
    for (const node of this.#world.nodes) {
      this.#lookAtNode(node);
      this.#lookAtFirm(node);
    }
  }

  /** Nobody acts with a dead data plane, without carrier, or hearing nobody, for longer than it takes to notice. */
  #lookAtNode(node: SimNode): void {
    const world = this.#world;
    const alone = node.site.members.length === 1;
    const wrong = !node.dataPlane
      ? 'with a dead data plane'
      : alone
        ? undefined
        : !world.links.of(node.name).carrier
          ? 'without LAN carrier'
          : hearsNobody(world, node)
            ? 'hearing nobody'
            : undefined;
    if (wrong === undefined || !node.acting || !node.running) {
      this.#wrongSinceMs.delete(node.name);
      return;
    }
    const sinceMs = this.#wrongSinceMs.get(node.name) ?? world.clock.now;
    this.#wrongSinceMs.set(node.name, sinceMs);
    if (world.clock.now - sinceMs > WRONG_MS_MAX) world.fail(`${node.name} acts ${wrong}`);
  }

  #lookAt(site: SimCluster, sinceMs: number): void {
    const [first, second] = this.#world.nodes.filter((node) => node.site === site);
    if (second === undefined) return;
    if (!linked(this.#world, first, second)) this.#joinedSinceMs.delete(site.name);
    else if (!this.#joinedSinceMs.has(site.name)) this.#joinedSinceMs.set(site.name, this.#world.clock.now);
    const [one, other] = this.acting(site);
    if (other === undefined || !canKnow(this.#world, one, other)) {
      this.#dualMs.set(site.name, 0);
      return;
    }
    const dualMs = (this.#dualMs.get(site.name) ?? 0) + sinceMs;
    this.#dualMs.set(site.name, dualMs);
    this.dualMsMax = Math.max(this.dualMsMax, dualMs);
    if (dualMs > this.#bound()) {
      const epochs = `${epochText(one.epoch)} and ${epochText(other.epoch)}`;
      this.#world.fail(
        `${one.name} and ${other.name} have both acted for ${Math.round(dualMs)} ms (${epochs})`,
      );
    }
  }

  lossy(): boolean {
    return [...this.#world.links.ports.values()].some(({ wan, lan }) => wan.loss > 0 || lan.loss > 0);
  }

  /** Whenever some single member could serve, the site is served. */
  served(): void {
    for (const site of this.#world.clusters) {
      const members = this.#world.nodes.filter((node) => node.site === site);
      const able = members.filter((node) => couldServe(this.#world, node));
      if (able.length === 0 || able.some((node) => node.acting)) continue;
      this.#world.fail(
        `${site.name} is not served though ${able.map(({ name }) => name).join(' and ')} could`,
      );
    }
  }

  /** Whenever single members of two sites could carry their traffic, directly or over one hub, the sites talk. */
  connected(): void {
    const world = this.#world;
    for (const one of world.clusters) {
      for (const other of world.clusters) {
        if (one === other) continue;
        const pair = ableTo(world, one).flatMap((from) =>
          ableTo(world, other)
            .filter((to) => reaches(world, from, to))
            .map((to) => `${from.name} and ${to.name}`),
        )[0];
        if (pair !== undefined && !delivers(world, one, other)) {
          world.fail(`${one.name} does not reach ${other.name} though ${pair} could`);
        }
      }
    }
  }

  /** Roles have not moved more often than allowed since `sinceMs`, a steady time. */
  restful(sinceMs: number): void {
    const { now } = this.#world.clock;
    const allowed = CHANGES_A_MINUTE_MAX * Math.max(1, Math.ceil((now - sinceMs) / 60_000));
    for (const [site, moves] of this.moves) {
      const count = moves.filter((atMs) => atMs >= sinceMs).length;
      if (count > allowed)
        this.#world.fail(`the role of ${site} moved ${count} times in ${Math.round(now - sinceMs)} ms`);
    }
  }

  /** The role of `site` has not moved since `sinceMs`. */
  unmoved(site: SimCluster, sinceMs: number): void {
    const moves = (this.moves.get(site.name) ?? []).filter((atMs) => atMs >= sinceMs);
    if (moves.length > 0)
      this.#world.fail(`the role of ${site.name} moved though its active served all the time`);
  }

  /** A cold start makes the preferred members active. */
  preferred(): void {
    for (const site of this.#world.clusters) {
      const [first] = site.members;
      if (!this.#world.node(first).acting)
        this.#world.fail(`${first} is preferred and not active after a cold start`);
    }
  }

  /** Without any fault: one active in each cluster, everybody routes to it, it alone holds the VIP. */
  healthy(): void {
    const world = this.#world;
    world.clusters.forEach((site, index) => {
      const acting = this.acting(site);
      if (acting.length !== 1) world.fail(`${site.name} has ${acting.length} actives without any fault`);
      const [active] = acting;
      for (const node of world.nodes) {
        if (node.site === site) {
          const holds = node.vipUntilMs > world.clock.now;
          if (holds !== (node === active))
            world.fail(`${node.name} ${holds ? 'holds' : 'lacks'} the VIP of ${site.name}`);
          continue;
        }
        const route = node.routeTo(index);
        const direct = joined(world, node, active);
        if (direct ? route !== active.name : route === undefined) {
          world.fail(`${node.name} routes to ${route} for ${site.name}, whose active is ${active.name}`);
        }
      }
    });
  }
}
