/**
 * The EC2 API is away, slow or unwilling while the VPC's cluster changes roles. The route then stays with the old member,
 * which is alive here (its WAN has failed) and forwards through its partner: traffic must go on, and the route must
 * follow once the API does as it is told.
 */
import { type Check, type Finding, finding, type Lab } from './check.js';
import { hasCloud, vpcLeadsTo } from './cloud-state.js';
import { describeChange, History } from './history.js';
import { describeReport, figuresOf, isWhole, measureOutage, outageMs, pause } from './outage.js';
import { pairFor } from './pairs.js';
import { eventually, partnerOf, statusOf } from './roles.js';
import { settle } from './settle.js';

const OUTAGE_MS_BUDGET = 600;
const MOVE_MS_MAX = 5_000;
const AFTER_MOVE_MS = 5_000;
/** A refusal is tried again after half a minute. */
const ROUTE_MS_MAX = 60_000;

interface Trouble {
  readonly what: string;
  readonly name: string;
  /** The event that must name it, at its level (pino: 60 is critical), and words of its text. */
  readonly event: string;
  readonly level: number;
  readonly words: readonly string[];
  /** Whether the API does as it is told all the same, after nobody waits any more. */
  readonly acts?: boolean;
}

const TROUBLES: readonly Trouble[] = [
  {
    what: 'ec2',
    name: 'refuses connections',
    event: 'aws-unreachable',
    level: 30,
    words: ['does not answer'],
  },
  {
    what: 'ec2:slow',
    name: 'answers too late',
    event: 'aws-unreachable',
    level: 30,
    words: ['does not answer'],
    acts: true,
  },
  { what: 'ec2:throttle', name: 'throttles', event: 'aws-unreachable', level: 30, words: ['throttles'] },
  {
    what: 'ec2:deny',
    name: 'denies permission',
    event: 'aws-permission',
    level: 60,
    words: ['ReplaceRoute', 'ec2:ReplaceRoute', '"Allow"'],
  },
];

function missingEvent(history: History, member: string, trouble: Trouble): string[] {
  const told = history.events([member]).filter(({ event }) => event === trouble.event);
  const wanted = told.find((one) => {
    const text = `${one.message} ${one.hint}`;
    return one.level >= trouble.level && trouble.words.every((word) => text.includes(word));
  });
  return wanted === undefined
    ? [`no event ${trouble.event} of ${member} says ${trouble.words.join(', ')}`]
    : [];
}

async function takeOverWithout(lab: Lab, trouble: Trouble): Promise<Finding> {
  const cluster = lab.scenario.overlay.clusters.find((one) => one.name === lab.scenario.cloud?.cluster)!;
  const active = await settle(lab, cluster);
  const partner = partnerOf(cluster, active);
  const history = new History(lab);
  const wan = `link:${active}/wan`;
  const wrong: string[] = [];
  let followedMs = 0;
  const report = await measureOutage(lab, pairFor(cluster), async () => {
    await lab.fail(trouble.what);
    await lab.fail(wan);
    const moved = await eventually(
      MOVE_MS_MAX,
      async () => (await statusOf(lab, partner))?.role === 'active',
    );
    if (!moved) wrong.push(`${partner} did not take over`);
    await pause(AFTER_MOVE_MS);
    const kept = (await vpcLeadsTo(lab)).table !== partner;
    if (!kept && !trouble.acts) wrong.push('the route moved although the API refused');
    await lab.heal(trouble.what);
    const began = performance.now();
    const followed = await eventually(ROUTE_MS_MAX, async () => {
      const { table, kernel } = await vpcLeadsTo(lab);
      return table === partner && kernel === partner;
    });
    followedMs = performance.now() - began;
    if (!followed) wrong.push('the route did not follow once the API served again');
    await lab.heal(wan);
    await pause(1_000);
  });
  lab.disturb(performance.now(), cluster.name);
  if (wrong.length > 0) wrong.push(...history.roleChanges(cluster.members).map(describeChange));
  wrong.push(...missingEvent(history, partner, trouble));
  const passed = wrong.length === 0 && isWhole(report) && outageMs(report) <= lab.limitOf(OUTAGE_MS_BUDGET);
  const told = `${trouble.event} told; the route followed ${(followedMs / 1000).toFixed(1)} s after the API was back`;
  const detail = `${wrong.length === 0 ? told : wrong.join('; ')}; ${describeReport(report)}`;
  return { ...finding(passed, detail), ...figuresOf([report]), budgetMs: OUTAGE_MS_BUDGET };
}

/** One check a trouble. */
export function cloudChecks(): Check[] {
  return TROUBLES.map((trouble) => ({
    name: `the EC2 API ${trouble.name} while the VPC's cluster changes roles: traffic goes on`,
    run: (lab) =>
      hasCloud(lab)
        ? takeOverWithout(lab, trouble)
        : Promise.resolve<Finding>({
            verdict: 'skip',
            detail: 'needs the moto server (npm run setup -- moto)',
          }),
  }));
}
