/** The planned ways of moving a role: the operator's command, and a daemon that is stopped in good order. None loses a packet. */
import type { Report } from '../programs/meter.js';
import type { Cluster } from '../scenario.js';
import { type Check, type Finding, finding, type Lab, lastLine } from './check.js';
import { describeFigures } from './figures.js';
import { describeLosses, History } from './history.js';
import { figuresOf, isWhole, lostPackets, measureOutage, outageMs, pause } from './outage.js';
import { pairFor } from './pairs.js';
import { becomesActive, partnerOf } from './roles.js';
import { calmest, settle } from './settle.js';

const MOVE_MS_MAX = 5_000;
const BETWEEN_MS = 1_000;

interface HandOver {
  readonly report: Report;
  readonly wrong: readonly string[];
  readonly losses: string;
}

async function byCommand(lab: Lab, cluster: Cluster): Promise<HandOver> {
  const active = await settle(lab, cluster);
  const history = new History(lab);
  const wrong: string[] = [];
  const handTo = async (member: string) => {
    const outcome = await lab.exec(active, ['twinspan', 'failover', '--to', member]);
    if (outcome.code !== 0) wrong.push(lastLine(outcome));
    if (!(await becomesActive(lab, cluster, member, MOVE_MS_MAX))) wrong.push(`${member} is not active`);
    await pause(BETWEEN_MS);
  };
  const report = await measureOutage(lab, pairFor(cluster), async () => {
    await handTo(partnerOf(cluster, active));
    await handTo(active);
  });
  return { report, wrong, losses: describeLosses([report], history) };
}

async function byStop(lab: Lab, cluster: Cluster): Promise<HandOver> {
  const active = await settle(lab, cluster);
  const partner = partnerOf(cluster, active);
  const history = new History(lab);
  const wrong: string[] = [];
  const report = await measureOutage(lab, pairFor(cluster), async () => {
    await lab.fail(`node:${active}:stop`);
    if (!(await becomesActive(lab, cluster, partner, MOVE_MS_MAX))) wrong.push(`${partner} is not active`);
    await pause(BETWEEN_MS);
  });
  await lab.heal(`node:${active}:stop`);
  lab.disturb(performance.now(), cluster.name);
  return { report, wrong, losses: describeLosses([report], history) };
}

function judge(done: readonly HandOver[]): Finding {
  const lost = done.reduce((sum, { report }) => sum + lostPackets(report), 0);
  const sent = done.reduce((sum, { report }) => sum + report.there.received + report.back.received, 0);
  const wrong = done.flatMap((one) => one.wrong);
  const losses = done.map((one) => one.losses).filter((one) => one !== '');
  const whole = done.every(({ report }) => isWhole(report));
  const detail =
    wrong.join('; ') || [`of ${sent}`, whole ? 'TCP survived' : 'TCP lost', ...losses].join('; ');
  const figures = figuresOf(done.map(({ report }) => report));
  return { ...finding(wrong.length === 0 && whole && lost === 0, detail), ...figures, lost };
}

function handOverCheck(
  name: string,
  short: boolean,
  on: (cluster: Cluster) => boolean,
  act: (lab: Lab, cluster: Cluster) => Promise<HandOver>,
): Check {
  return {
    name,
    short,
    async run(lab) {
      const clusters = lab.scenario.overlay.clusters.filter(on);
      const first = clusters.indexOf(calmest(lab, clusters));
      const done: HandOver[] = [];
      for (let index = 0; index < lab.programme.repeat; index++) {
        done.push(await act(lab, clusters[(first + index) % clusters.length]));
        if (lab.programme.repeat > 1) {
          lab.progress(`${name}: ${describeFigures(done.map(({ report }) => outageMs(report)))}`);
        }
      }
      return judge(done);
    },
  };
}

/** All of them. */
export const HAND_OVERS: readonly Check[] = [
  handOverCheck(
    'planned hand-over and back (twinspan failover): no packet lost',
    true,
    () => true,
    byCommand,
  ),
  handOverCheck(
    'active edge member stopped in good order: no packet lost',
    false,
    (cluster) => cluster.vip !== undefined,
    byStop,
  ),
];
