/**
 * A whole network in one thread: clusters, links, Redis, time. Everything random comes from one seed, so a run repeats
 * exactly. The checks look on after every step; what they find ends the run.
 */
import { SeededRandom } from '../../src/core/base/random.js';
import type { Output } from '../../src/core/cluster/outputs.js';
import type { Epoch } from '../../src/core/cluster/register.js';
import {
  CLUSTER_DEFAULTS,
  type ClusterSettings,
  SAFETY_RULES,
  type SafetyRule,
} from '../../src/core/cluster/settings.js';
import { Checks } from './checks.js';
import { VirtualClock } from './clock.js';
import { meet, type Placement, type SimCluster } from './layout.js';
import { Links } from './links.js';
import { SimNode } from './node.js';
import { SimRedis } from './redis.js';

const TRACE_MAX = 80;

/** A broken promise. The run that found it is over. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export interface WorldOptions {
  readonly seed: number;
  readonly placement: Placement;
  readonly clusters: readonly SimCluster[];
  /** A safety rule that is left out. */
  readonly without?: SafetyRule;
  readonly failback?: 'automatic' | 'manual';
}

export class World {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly links: Links;
  readonly nodes: readonly SimNode[];
  readonly clusters: readonly SimCluster[];
  readonly placement: Placement;
  readonly checks: Checks;
  readonly trace: string[] = [];
  readonly redises = new Map<string, SimRedis>();
  /** Looks on at what processes want done. */
  onOutput: ((node: SimNode, output: Output) => void) | undefined;
  /** When an operator last gave an order. */
  orderedAtMs = Number.NEGATIVE_INFINITY;
  #life = 0;
  readonly #byName = new Map<string, SimNode>();

  constructor({ seed, placement, clusters, without, failback }: WorldOptions) {
    this.random = new SeededRandom(seed);
    this.links = new Links(this.random);
    this.placement = placement;
    this.clusters = clusters;
    if (placement.redis === 'site')
      for (const { name } of clusters) this.redises.set(name, new SimRedis(this.clock));
    if (placement.redis === 'region') {
      // One server, a register for each cluster.
      for (const { name } of clusters) this.redises.set(name, new SimRedis(this.clock));
    }
    const settings: ClusterSettings = {
      ...CLUSTER_DEFAULTS,
      failback: failback ?? 'automatic',
      redis: placement.redis !== 'none',
      rules: { ...SAFETY_RULES, ...(without === undefined ? {} : { [without]: false }) },
    };
    this.nodes = clusters.flatMap((cluster, ownCluster) =>
      cluster.members.map((name, ownMember) => {
        this.links.add(name);
        const node = new SimNode(this, name, cluster, this.#rosterOf(ownCluster, ownMember), settings);
        this.#byName.set(name, node);
        return node;
      }),
    );
    this.checks = new Checks(this);
  }

  node(name: string): SimNode {
    return this.#byName.get(name) as SimNode;
  }

  nextLife(): number {
    return ++this.#life;
  }

  /** Starts every process within a short while. */
  startAll(): void {
    for (const node of this.nodes) this.clock.after(this.random.fraction() * 300, () => node.start());
  }

  run(forMs: number): void {
    this.clock.run(this.clock.now + forMs, () => this.checks.step());
  }

  redisOf(site: SimCluster): SimRedis | undefined {
    return this.redises.get(site.name);
  }

  redisReachable(node: SimNode): boolean {
    const { redis } = this.links.of(node.name);
    if (!redis) return false;
    return this.placement.redis === 'site'
      ? this.links.lanWorks(node.name, node.site.name)
      : this.links.wanWorks(node.name);
  }

  redisDelay(): number {
    const jitter = this.random.fraction();
    return this.placement.redis === 'site' ? 0.3 + jitter : 8 + 6 * jitter;
  }

  note(text: string): void {
    this.trace.push(`${this.clock.now.toFixed(1).padStart(9)}  ${text}`);
    if (this.trace.length > TRACE_MAX) this.trace.shift();
  }

  acted(node: SimNode, epoch: Epoch): void {
    this.checks.acted(node, epoch);
  }

  roleChanged(node: SimNode): void {
    this.checks.roleChanged(node);
  }

  fail(text: string): never {
    this.note(`VIOLATION ${text}`);
    throw new Violation(text);
  }

  #rosterOf(ownCluster: number, ownMember: number) {
    let peer = 0;
    const own = this.clusters[ownCluster];
    const clusters = this.clusters.map(({ name, gateway, members }, cluster) => ({
      name,
      gateway,
      members: members.map((member, index) => {
        const number = peer++;
        const self = cluster === ownCluster && index === ownMember;
        const met = cluster === ownCluster || meet(this.placement, own, this.clusters[cluster]);
        return { name: member, peer: !self && met ? number : -1 };
      }),
    }));
    return { clusters, ownCluster, ownMember };
  }
}
