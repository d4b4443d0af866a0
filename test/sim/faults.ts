/**
 * Everything that can break, as data: a name, how it begins, how it ends. The faults aim at one cluster (and what it
 * leans on), so that singles and pairs can be enumerated; random runs aim at every pair of the network.
 */
import type { SimCluster } from './layout.js';
import type { Side } from './links.js';
import type { World } from './world.js';

export interface Fault {
  readonly name: string;
  begin(world: World): void;
  end(world: World): void;
  /** Packets are lost at random: promises about time are looser. */
  readonly lossy?: boolean;
  /** An operator's doing, not a fault of the machine. */
  readonly operator?: boolean;
  /** Ends by a process that starts anew. */
  readonly restarts?: boolean;
}

function sideFault(name: string, node: string, kind: 'wan' | 'lan', change: Partial<Side>): Fault {
  const before: Side = { out: true, in: true, loss: 0 };
  return {
    name: `${node} ${name}`,
    begin: (world) => Object.assign(world.links.of(node)[kind], change),
    end: (world) => Object.assign(world.links.of(node)[kind], before),
    ...(change.loss === undefined ? {} : { lossy: true }),
  };
}

/** Steady faults of one machine. */
export function nodeFaults(node: string): Fault[] {
  return [
    {
      name: `${node} killed`,
      begin: (world) => world.node(node).kill(),
      end: (world) => world.node(node).start(),
      restarts: true,
    },
    {
      name: `${node} killed, disk lost`,
      begin: (world) => {
        world.node(node).kill();
        world.node(node).storedN = 0;
        world.node(node).actedEpoch = undefined;
      },
      end: (world) => world.node(node).start(),
      restarts: true,
    },
    {
      name: `${node} frozen`,
      begin: (world) => world.node(node).freeze(),
      end: (world) => world.node(node).thaw(),
    },
    {
      name: `${node} data plane failed`,
      begin: (world) => setDataPlane(world, node, false),
      end: (world) => setDataPlane(world, node, true),
    },
    {
      name: `${node} LAN carrier lost`,
      begin: (world) => setCarrier(world, node, false),
      end: (world) => setCarrier(world, node, true),
    },
    sideFault('LAN silent', node, 'lan', { out: false, in: false }),
    sideFault('LAN out cut', node, 'lan', { out: false }),
    sideFault('LAN in cut', node, 'lan', { in: false }),
    sideFault('WAN cut', node, 'wan', { out: false, in: false }),
    sideFault('WAN out cut', node, 'wan', { out: false }),
    sideFault('WAN in cut', node, 'wan', { in: false }),
    {
      name: `${node} cut from Redis`,
      begin: (world) => {
        world.links.of(node).redis = false;
      },
      end: (world) => {
        world.links.of(node).redis = true;
      },
    },
  ];
}

function setDataPlane(world: World, node: string, works: boolean): void {
  world.node(node).dataPlane = works;
  world.node(node).healthChanged();
}

export function setCarrier(world: World, node: string, carrier: boolean): void {
  world.links.of(node).carrier = carrier;
  world.node(node).healthChanged();
}

/** A path between two nodes, in one direction or both. */
export function pathFaults(one: string, other: string): Fault[] {
  const fault = (name: string, paths: readonly string[]): Fault => ({
    name,
    begin: (world) => {
      for (const path of paths) world.links.cut.add(path);
    },
    end: (world) => {
      for (const path of paths) world.links.cut.delete(path);
    },
  });
  return [
    fault(`${one} – ${other} cut`, [`${one}>${other}`, `${other}>${one}`]),
    fault(`${one} → ${other} cut`, [`${one}>${other}`]),
    fault(`${other} → ${one} cut`, [`${other}>${one}`]),
  ];
}

/** Faults of what a whole site leans on. */
export function siteFaults(site: SimCluster): Fault[] {
  const redis = (name: string, begin: (world: World) => void, end: (world: World) => void): Fault => ({
    name: `Redis of ${site.name} ${name}`,
    begin,
    end,
  });
  const of = (world: World) => world.redisOf(site);
  return [
    {
      name: `switch of ${site.name} dead`,
      begin: (world) => {
        world.links.deadSwitches.add(site.name);
      },
      end: (world) => {
        world.links.deadSwitches.delete(site.name);
      },
    },
    redis(
      'dead',
      (world) => of(world)?.stop(),
      (world) => of(world)?.start('kept'),
    ),
    redis(
      'dead, back empty',
      (world) => of(world)?.stop(),
      (world) => of(world)?.start('empty'),
    ),
    redis(
      'dead, back with older data',
      (world) => of(world)?.stop(),
      (world) => of(world)?.start('older'),
    ),
    redis(
      'frozen',
      (world) => of(world)?.freeze(),
      (world) => of(world)?.thaw(),
    ),
  ];
}

/** Things that happen at one moment and have no end of their own. */
export function shocks(site: SimCluster): Fault[] {
  const shock = (name: string, begin: (world: World) => void): Fault => ({ name, begin, end: () => {} });
  return [
    shock(`Redis of ${site.name} restarted empty`, (world) => {
      world.redisOf(site)?.stop();
      world.redisOf(site)?.start('empty');
    }),
    shock(`Redis of ${site.name} set back`, (world) => {
      world.redisOf(site)?.stop();
      world.redisOf(site)?.start('older');
    }),
    shock(`Redis of ${site.name} clock stepped`, (world) => {
      const redis = world.redisOf(site);
      if (redis !== undefined) redis.clockOffsetMs += world.random.chance(0.5) ? 3_600_000 : -3_600_000;
    }),
    shock(`Redis of ${site.name} overwritten by others`, (world) => {
      const n = 1 + world.random.below(1_000);
      world.redisOf(site)?.poison({ n, member: world.random.below(2) });
    }),
    ...site.members.map((node) =>
      shock(`${node} wall clock stepped`, (world) => {
        world.node(node).wallOffsetMs += world.random.chance(0.5) ? 3_600_000 : -3_600_000;
      }),
    ),
    ...site.members.map((node) => ({
      ...shock(`${node} restarted`, (world) => {
        world.node(node).kill();
        world.node(node).start();
      }),
      restarts: true,
    })),
  ];
}

/** The power of the whole network fails and comes back; every memory but disks and Redis is lost. */
export const POWER_FAILURE: Fault = {
  name: 'power failure everywhere',
  begin: (world) => {
    for (const node of world.nodes) node.kill();
    for (const node of world.nodes) node.start();
  },
  end: () => {},
  restarts: true,
};

/** What an operator does. */
export function operations(node: string): Fault[] {
  return [
    {
      name: `${node} drained`,
      begin: (world) => world.node(node).command('drain'),
      end: (world) => world.node(node).command('undrain'),
      operator: true,
    },
    {
      name: `failover at ${node}`,
      begin: (world) => world.node(node).command('failover'),
      end: () => {},
      operator: true,
    },
  ];
}

/** Random losses on one side of a machine. */
export function losses(node: string, loss: number): Fault[] {
  const percent = `loses ${Math.round(loss * 100)} %`;
  return [
    sideFault(`WAN ${percent}`, node, 'wan', { loss }),
    sideFault(`LAN ${percent}`, node, 'lan', { loss }),
  ];
}

/** The steady faults that singles and pairs are made of: they aim at the cluster `site` and the hub it talks to. */
export function enumerated(site: SimCluster, hub: SimCluster): Fault[] {
  const [a, b] = site.members;
  const [h1, h2] = hub.members;
  return [
    ...nodeFaults(a),
    ...nodeFaults(b),
    ...pathFaults(a, b),
    ...siteFaults(site),
    ...[h1, h2].flatMap((hubNode) => [
      ...nodeFaults(hubNode).filter(({ name }) => /killed$|frozen|WAN/.test(name)),
      ...pathFaults(a, hubNode),
      ...pathFaults(b, hubNode),
    ]),
    ...siteFaults(hub).filter(({ name }) => /dead$/.test(name)),
    ...shocks(site).filter(({ name }) => /restarted|set back|overwritten/.test(name)),
  ];
}
