/** `iperf FROM TO …`: throughput between two hosts through the tunnel, and beside it the same without the tunnel. */
import { writeFileSync } from 'node:fs';
import { TwinspanError } from '../../../core/base/errors.js';
import { Lab } from '../checks/check.js';
import { settle } from '../checks/settle.js';
import { directPath, planDirect } from '../iperf/direct.js';
import { type Figures, formatRows, type Row } from '../iperf/figures.js';
import { measure, type Place, type Run } from '../iperf/measure.js';
import { vagrantFailure, vagrantPlace } from '../iperf/vagrant.js';
import { enter } from '../layout.js';
import { machineScenario, PROFILES, type Profile } from '../machines/scenario.js';
import { failureNamed } from '../plan/failures.js';
import { tryCommand } from '../run/command.js';
import { stateOfRunningLab } from '../run/state.js';
import { addressOf, type Host, hostNamed, type Scenario } from '../scenario.js';
import { currentLayout, needRoot, ROOT, say } from './environment.js';
import { interruptible, wantedScenario } from './up.js';

const USAGE = `Usage: scripts/iperf FROM TO [option …]        for example: scripts/iperf app mysql1

  --time S           seconds of each run (10)
  --tcp | --udp      only one of them
  --streams N        connections at once (1)
  --rate R           of UDP, as iperf3 writes it (50M)
  --during 'fail W'  W fails after a third of each run through the tunnel and is mended after two thirds; each
                     begins when all roles are back. npm run lab -- status lists what can fail
  --vagrant PROFILE  between virtual machines (vagrant/, small or full) instead of the lab of namespaces
  --tunnel-only      do not measure without the tunnel
  --json FILE        the figures as JSON too

TCP and UDP in both directions, as the receiver sees them. The gap is the longest time in which nothing arrived, to
100 ms, as finely as iperf3 tells.

"Without it" is the same two hosts along the same nodes, ISPs and internet by kernel routes alone: for those runs every
host on the way gets a route to the other end's own address, and ISPs let the pair through without translating it. The
routes and rules are there only while it is measured, also after Ctrl-C. Nothing fails in those runs.`;

interface Options {
  readonly from: string;
  readonly to: string;
  readonly protocols: readonly ('TCP' | 'UDP')[];
  readonly seconds: number;
  readonly streams: number;
  readonly rate: string;
  readonly during: string | undefined;
  readonly direct: boolean;
  readonly jsonFile: string | undefined;
  readonly vagrant: Profile | undefined;
}

function refuse(message: string, hint = 'scripts/iperf --help says how it is used.'): never {
  throw new TwinspanError('TS_LAB', message, hint);
}

function whole(text: string | undefined, name: string, fallback: number, max: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max)
    refuse(`${name} wants a number from 1 to ${max}.`);
  return value;
}

/** The command line. Throws TS_LAB for what it does not know. */
export function readIperfOptions(words: readonly string[]): Options {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const positional: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (['--time', '--streams', '--rate', '--during', '--json', '--vagrant'].includes(word)) {
      values.set(word, words[++index] ?? refuse(`${word} wants a value.`));
    } else if (['--tcp', '--udp', '--tunnel-only'].includes(word)) flags.add(word);
    else if (word.startsWith('--')) refuse(`There is no option ${word}.`);
    else positional.push(word);
  }
  const [from, to, more] = positional;
  if (to === undefined || more !== undefined) refuse('Two hosts are wanted: from where, and to where.');
  const rate = values.get('--rate') ?? '50M';
  if (!/^\d+(\.\d+)?[KMG]?$/.test(rate)) refuse(`'${rate}' is no rate; one is 100M or 2.5G.`);
  const during = values.get('--during');
  if (during !== undefined && !/^fail \S+$/.test(during)) refuse("--during wants 'fail WHAT'.");
  const vagrant = values.get('--vagrant');
  const profile = PROFILES.find((one) => one === vagrant);
  if (vagrant !== undefined && profile === undefined) refuse(`--vagrant wants ${PROFILES.join(' or ')}.`);
  const both = flags.has('--tcp') === flags.has('--udp');
  return {
    from,
    to,
    protocols: both ? ['TCP', 'UDP'] : flags.has('--tcp') ? ['TCP'] : ['UDP'],
    seconds: whole(values.get('--time'), '--time', 10, 3600),
    streams: whole(values.get('--streams'), '--streams', 1, 64),
    rate,
    during: during?.slice('fail '.length),
    direct: !flags.has('--tunnel-only'),
    jsonFile: values.get('--json'),
    vagrant: profile,
  };
}

/** The address of a host in the overlay. Throws TS_LAB where it has none. */
function overlayAddress(scenario: Scenario, host: Host): string {
  const nat = scenario.overlay.insideNat.find((one) => one.local === `${addressOf(host)}/32`);
  if (nat !== undefined) return nat.network.split('/')[0];
  const admitted = scenario.hosts.filter((one) =>
    scenario.overlay.insideNat.some(({ local }) => local === `${addressOf(one)}/32`),
  );
  return refuse(
    `${host.name} has no address in the overlay, so nothing of it passes the tunnel.`,
    `There are: ${admitted.map((one) => one.name).join(' ')}`,
  );
}

function siteOf(scenario: Scenario, host: Host): string {
  return scenario.overlay.insideNat.find((one) => one.local === `${addressOf(host)}/32`)?.at ?? '';
}

/** The two hosts and how one reaches the other. Throws TS_LAB where no tunnel is between them. */
export function readEnds(scenario: Scenario, fromName: string, toName: string) {
  const [from, to] = [fromName, toName].map((name) => {
    const host = hostNamed(scenario, name);
    const names = scenario.hosts.map((one) => one.name).join(' ');
    return host ?? refuse(`There is no host '${name}' in ${scenario.name}.`, `There are: ${names}`);
  });
  const [, address] = [from, to].map((host) => overlayAddress(scenario, host));
  if (siteOf(scenario, from) === siteOf(scenario, to)) {
    refuse(`${from.name} and ${to.name} are at one site: no tunnel is between them.`);
  }
  return { from, to, address };
}

/** Runs scripts as hosts, all of them, and says what went wrong with the first that failed. */
async function runAll(place: Place, steps: readonly { host: string; script: string }[]): Promise<void> {
  for (const { host, script } of steps) {
    const { code, stderr } = await tryCommand(place.words(host, ['sh', '-ec', script]));
    if (code !== 0) refuse(`The way without the tunnel cannot be made on ${host}.`, stderr.trim());
  }
}

interface Series {
  readonly place: Place;
  readonly scenario: Scenario;
  readonly options: Options;
  readonly signal: AbortSignal;
}

/** All runs by one way, in the order of the rows. */
async function measureAll(
  series: Series,
  ends: Pick<Run, 'from' | 'to' | 'address'>,
  way: string,
  during?: string,
): Promise<Map<string, Figures | string>> {
  const { place, options, signal } = series;
  const { from, to } = ends;
  const results = new Map<string, Figures | string>();
  for (const protocol of options.protocols) {
    for (const reverse of [false, true]) {
      const name = `${protocol} ${reverse ? `${to.name} → ${from.name}` : `${from.name} → ${to.name}`}`;
      const { seconds, streams, rate } = options;
      const onProgress = (elapsed: number, note: string): void => {
        const at = Math.min(seconds, Math.floor(elapsed));
        if (process.stderr.isTTY)
          process.stderr.write(`\r\u001b[K${name} ${way}: ${at} of ${seconds} s ${note}`);
      };
      if (!process.stderr.isTTY) say(`${name} ${way}: ${seconds} s`);
      const udp = protocol === 'UDP';
      if (during !== undefined) await place.settle();
      const run = { ...ends, udp, reverse, seconds, streams, rate, during, onProgress, signal };
      results.set(name, await measure(place, run));
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
    }
  }
  return results;
}

/** Without the tunnel: the way is made, used and taken away. */
async function measureDirect(series: Series, ends: Pick<Run, 'from' | 'to'>) {
  const { place, scenario } = series;
  const chain = directPath(scenario, ends.from, ends.to);
  if (chain === undefined) refuse('There is no way between these two without the tunnel.');
  const plan = planDirect(chain);
  const removal = plan.map(({ host, remove }) => ({ host, script: remove }));
  try {
    await runAll(place, removal);
    await runAll(
      place,
      plan.map(({ host, add }) => ({ host, script: add })),
    );
    return await measureAll(series, { ...ends, address: addressOf(ends.to) }, 'without it');
  } finally {
    await runAll(place, removal);
  }
}

/** Both ways, as rows. */
export async function compare(series: Series): Promise<Row[]> {
  const { scenario, options } = series;
  const ends = readEnds(scenario, options.from, options.to);
  const direct = options.direct ? await measureDirect(series, ends) : undefined;
  const tunnel = await measureAll(series, ends, 'through the tunnel', options.during);
  return [...tunnel].map(([name, figures]) => ({
    name,
    tunnel: figures,
    direct: direct?.get(name),
  }));
}

/** The lab of namespaces that is up. Throws TS_LAB where there is none, or `during` cannot fail in it. */
function labSeries(options: Options): (signal: AbortSignal) => Series {
  needRoot(`iperf ${options.from} ${options.to}`);
  const layout = currentLayout();
  const state = stateOfRunningLab(layout);
  const scenario = wantedScenario(state.scenario);
  if (options.during !== undefined) failureNamed(scenario, layout, options.during);
  const { clusters } = scenario.overlay;
  const programme = { repeat: 1, strict: false, short: false };
  // What is broken is mended after Ctrl-C too.
  const mender = new Lab(scenario, { layout, state, signal: new AbortController().signal }, programme);
  return (signal) => {
    const lab = new Lab(scenario, { layout, state, signal }, programme);
    const place: Place = {
      words: (host, argv) => enter(layout, host, argv),
      async settle() {
        for (const cluster of clusters) await settle(lab, cluster);
      },
      fail: (what) => mender.fail(what),
      async heal(what) {
        await mender.heal(what);
        lab.disturb(performance.now(), ...clusters.map(({ name }) => name));
      },
    };
    return { place, scenario, options, signal };
  };
}

/** The virtual machines of a profile. */
function vagrantSeries(options: Options, profile: Profile): (signal: AbortSignal) => Series {
  const scenario = machineScenario(profile);
  if (options.during !== undefined) vagrantFailure(scenario, options.during);
  const place = vagrantPlace(`${ROOT}vagrant`, profile);
  return (signal) => ({ place, scenario, options, signal });
}

/** `iperf FROM TO …` in the lab that is up. */
export async function iperf(words: readonly string[]): Promise<number> {
  if (words.length === 0 || words.includes('--help')) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const options = readIperfOptions(words);
  const { vagrant, seconds, during, jsonFile } = options;
  const seriesFor = vagrant === undefined ? labSeries(options) : vagrantSeries(options, vagrant);
  const rows = await interruptible((signal) => compare(seriesFor(signal)));
  const failing = during === undefined ? '' : `; ${during} fails for a third of each run through the tunnel`;
  process.stdout.write(`${seconds} s each${failing}\n\n${formatRows(rows)}\n`);
  if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify({ options, rows }, undefined, 2)}\n`);
  return rows.some(({ tunnel }) => typeof tunnel === 'string') ? 1 : 0;
}
