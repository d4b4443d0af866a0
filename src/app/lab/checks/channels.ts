/**
 * What a cluster uses to know of itself fails: Redis, the LAN between its members. None of it may move a role by itself,
 * and while Redis is away a death must still be noticed, by the partner and by witnesses.
 */
import type { Cluster } from '../scenario.js';
import { type Check, type Finding, finding, type Lab, type NamedFinding } from './check.js';
import { describeChange, History, longestDualMs, movesRole } from './history.js';
import { describeReport, figuresOf, isWhole, measureOutage, outageMs, pause } from './outage.js';
import { ALL_PAIRS } from './pairs.js';
import { actingOf, epochsOf } from './roles.js';
import { settle } from './settle.js';
import { DUAL_MS_BUDGET, judgeSamples, takeOver } from './takeover.js';

/** Longer than detection, isolation and every delay before a claim. */
const LOOK_MS = 4_000;
/** No session may seem to be down: the detection time. */
const NOTHING_MS_BUDGET = 300;

function everyPlace(lab: Lab, word: (cluster: Cluster) => string): string[] {
  return lab.scenario.overlay.clusters.map(word);
}

/** The register of each cluster as its Redis holds it, `n.member`. */
async function registersOf(lab: Lab): Promise<Map<string, string>> {
  const { clusters, name } = lab.scenario.overlay;
  const found = await Promise.all(
    clusters.map(async (cluster) => {
      const key = `twinspan:{${name}/${cluster.name}}`;
      const outcome = await lab.exec(cluster.redis!, ['redis-cli', '-h', '127.0.0.1', 'HGET', key, 'epoch']);
      return outcome.stdout.trim();
    }),
  );
  return new Map(clusters.map((cluster, index) => [cluster.name, found[index]]));
}

/** What is wrong after something that should have moved nothing: role changes, epochs that went back, too many actives. */
async function unrest(lab: Lab, history: History, before: ReadonlyMap<string, number>): Promise<string[]> {
  const moves = history.roleChanges().filter(movesRole).map(describeChange);
  const after = await epochsOf(lab);
  const fallen = [...before].filter(([name, n]) => (after.get(name) ?? 0) < n);
  const acting = await Promise.all(
    lab.scenario.overlay.clusters.map(async (cluster) => ({
      cluster,
      members: await actingOf(lab, cluster),
    })),
  );
  return [
    ...moves,
    ...fallen.map(([name, n]) => `the epoch of ${name} fell from ${n} to ${after.get(name)}`),
    ...acting
      .filter(({ members }) => members.length !== 1)
      .map(({ cluster, members }) => `${cluster.name} has ${members.length} actives`),
  ];
}

/** Breaks `whats` for a while: no role moves, no epoch falls, nobody at the sites notices. */
function nothingMoves(name: string, whats: (lab: Lab) => readonly string[], short = false): Check {
  return {
    name: `${name}: no role moves`,
    short,
    async run(lab): Promise<Finding> {
      const { clusters } = lab.scenario.overlay;
      for (const cluster of clusters) await settle(lab, cluster);
      const before = await epochsOf(lab);
      const history = new History(lab);
      const report = await measureOutage(lab, ALL_PAIRS[0], async () => {
        await lab.fail(...whats(lab));
        await pause(LOOK_MS);
        await lab.heal(...whats(lab));
        await pause(LOOK_MS / 2);
      });
      const wrong = await unrest(lab, history, before);
      const registers = await registersOf(lab);
      const lower = [...before].filter(([one, n]) => !(Number.parseInt(registers.get(one) ?? '', 10) >= n));
      wrong.push(
        ...lower.map(([one, n]) => `the register of ${one} holds '${registers.get(one)}', was ${n}`),
      );
      const passed =
        wrong.length === 0 && isWhole(report) && outageMs(report) <= lab.limitOf(NOTHING_MS_BUDGET);
      const detail = wrong.length === 0 ? `epochs kept; ${describeReport(report)}` : wrong.join('; ');
      return { ...finding(passed, detail), ...figuresOf([report]), budgetMs: NOTHING_MS_BUDGET };
    },
  };
}

/** Redis dies everywhere, nothing moves; then a member dies too, and its partner takes over by witnesses. */
const redisDead: Check = {
  name: 'Redis dead at every site',
  short: true,
  async run(lab): Promise<NamedFinding[]> {
    const { clusters } = lab.scenario.overlay;
    for (const cluster of clusters) await settle(lab, cluster);
    const before = await epochsOf(lab);
    const history = new History(lab);
    const whats = everyPlace(lab, (cluster) => `redis:${cluster.place}`);
    await lab.fail(...whats);
    await pause(LOOK_MS);
    const wrong = await unrest(lab, history, before);
    const name = 'Redis dead at every site';
    const still = {
      ...finding(wrong.length === 0, wrong.join('; ') || 'epochs kept'),
      name: `${name}: no role moves`,
    };
    const sample = await takeOver(lab, clusters[1], {
      name,
      budgetMs: 800,
      on: () => true,
      whats: (_, active) => [`node:${active}`],
    });
    const judged = judgeSamples(lab, [sample], 800);
    await lab.heal(...whats);
    return [
      still,
      { ...judged, name: `${name}, then an active member killed: its partner takes over by witnesses` },
    ];
  },
};

/** The active member loses Redis and its partner, not the WAN: in the end one is active, and never two for long. */
const cutOff: Check = {
  name: 'active member cut off from Redis and from its partner, not from the WAN: exactly one active',
  async run(lab): Promise<Finding> {
    const cluster = lab.scenario.overlay.clusters.at(-1)!;
    const active = await settle(lab, cluster);
    const history = new History(lab);
    const whats = [`partner:${cluster.place}`, `redis:${cluster.place}/${active}`];
    let during: string[] = [];
    const report = await measureOutage(lab, { ...ALL_PAIRS[2] }, async () => {
      await lab.fail(...whats);
      await pause(LOOK_MS);
      during = await actingOf(lab, cluster);
      await lab.heal(...whats);
      await pause(LOOK_MS / 2);
    });
    lab.disturb(performance.now(), cluster.name);
    const after = await actingOf(lab, cluster);
    const changes = history.roleChanges(cluster.members);
    const dualMs = longestDualMs(cluster, [active], changes);
    lab.dualsMs.push(dualMs);
    const passed =
      during.length === 1 &&
      after.length === 1 &&
      dualMs <= lab.limitOf(DUAL_MS_BUDGET) &&
      outageMs(report) <= lab.limitOf(DUAL_MS_BUDGET);
    const told = `active: ${during.join()} during, ${after.join()} after; two actives for ${dualMs} ms`;
    const moves = changes.map(describeChange).join('; ') || 'no role moved';
    return {
      ...finding(passed, `${told}; ${moves}; ${describeReport(report)}`),
      measuredMs: [dualMs],
      budgetMs: DUAL_MS_BUDGET,
    };
  },
};

/** All of them. */
export function channelChecks(): Check[] {
  return [
    nothingMoves(
      'the LAN between the members of every cluster cut',
      (lab) => everyPlace(lab, (cluster) => `partner:${cluster.place}`),
      true,
    ),
    redisDead,
    nothingMoves('Redis frozen at every site', (lab) =>
      everyPlace(lab, (cluster) => `redis:${cluster.place}:freeze`),
    ),
    nothingMoves('Redis killed at every site and back without its data', (lab) =>
      everyPlace(lab, (cluster) => `redis:${cluster.place}:empty`),
    ),
    cutOff,
  ];
}
