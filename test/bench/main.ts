/**
 * `npm run bench`: two of our nodes against others, in one run on one machine. Builds a lane for each peer
 * (topology.ts, peers/), finds out how they start and what they cost idle, takes every measure in turn (rounds.ts),
 * and writes JSON and the README's tables (report.ts). Everything is taken down again, also on Ctrl-C.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scheduling } from '../../src/core/config/configuration.js';
import { Lane } from './lane.js';
import { figuresOf, MEASURES } from './measure/measures.js';
import { measureIdle, measureStarts, type NodeFigures, peakMegabytes } from './measure/node.js';
import { type PauseFigures, renderPauses } from './measure/pauses.js';
import { type Options, parseOptions, USAGE } from './options.js';
import { findPeers } from './peers/all.js';
import type { Peer } from './peers/peer.js';
import { writeReadme } from './readme.js';
import { buildReport, OURS, type Report, renderTables, type Sample } from './report.js';
import { runRounds } from './rounds.js';
import { measureScale, runMeter } from './scale/measure.js';
import { attempt, Cleanup } from './shell.js';
import { checkTargets, describeTarget } from './targets.js';
import { removeLeftovers, workFolderOf } from './topology.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAMS = ['ip', 'sysctl', 'ping', 'iperf3', 'wg'];

interface Figures {
  samples: Sample[];
  nodes: Record<string, NodeFigures>;
}

async function measureLanes(peers: readonly Peer[], options: Options, signal: AbortSignal): Promise<Figures> {
  const cleanup = new Cleanup();
  const cleanUp = (): void => cleanup.run();
  process.on('exit', cleanUp);
  try {
    const folder = workFolderOf(process.pid);
    mkdirSync(folder, { mode: 0o700 });
    cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
    const lanes = peers.map((peer, index) => new Lane(peer, index, folder, signal));
    const starts = new Map<Lane, number>();
    for (const lane of lanes) {
      await lane.open(cleanup);
      const firstPacketMs = await measureStarts(lane, options.starts);
      starts.set(lane, firstPacketMs);
      console.log(`  ${lane.peer.name}: first packet ${firstPacketMs.toFixed(0)} ms after the start`);
    }
    const idle = await measureIdle(lanes, options.idleSeconds);
    const chosen = MEASURES.filter(
      ({ key }) => options.measures.length === 0 || options.measures.includes(key),
    );
    const samples = await runRounds(lanes, chosen, options.repeats, options.seconds);
    const nodes: Record<string, NodeFigures> = {};
    for (const [lane, figures] of idle) {
      if (lane.daemons.length === 0) continue;
      const firstPacketMs = starts.get(lane) ?? Number.NaN;
      nodes[lane.peer.name] = { firstPacketMs, ...figures, peakRssMb: peakMegabytes(lane) };
    }
    return { samples, nodes };
  } finally {
    cleanUp();
    process.off('exit', cleanUp);
  }
}

/** ns and bytes a packet of the TypeScript part, from its own program. */
function measureCore(warnings: string[]): Report['core'] {
  console.log('  the TypeScript part of the path');
  try {
    return runMeter(ROOT, 'dist/test/bench/core.js', ['--json']) as Report['core'];
  } catch (error) {
    warnings.push(`The core benchmark failed: ${error instanceof Error ? error.message : error}`);
    return {};
  }
}

/** By scheduling: how long our threads keep away from their work while everything happens at once, from its own program. */
function measurePauses(options: Options, warnings: string[]): Partial<Record<Scheduling, PauseFigures>> {
  console.log('  pauses under load');
  const figures: Partial<Record<Scheduling, PauseFigures>> = {};
  for (const scheduling of options.quick ? (['realtime'] as const) : (['normal', 'realtime'] as const)) {
    try {
      const argv = ['--json', '--seconds', String(options.quick ? 2 : 10), '--scheduling', scheduling];
      figures[scheduling] = runMeter(ROOT, 'dist/test/bench/pauses.js', argv) as PauseFigures;
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      warnings.push(`The measure of pauses, ${scheduling} scheduling, failed: ${reason}`);
    }
  }
  return figures;
}

function checkPrograms(): void {
  const missing = PROGRAMS.filter((name) => attempt(['sh', '-c', `command -v ${name}`]) === '');
  if (missing.length > 0)
    throw new Error(`Missing programs: ${missing.join(', ')}. Run scripts/setup bench.`);
}

async function bench(options: Options, signal: AbortSignal): Promise<void> {
  const unknown = options.measures.filter((key) => !MEASURES.some((measure) => measure.key === key));
  if (unknown.length > 0) throw new Error(`no such measure: ${unknown.join(', ')}`);
  checkPrograms();
  const { peers, missing, leftOut } = findPeers(ROOT, options.peers, options.workers);
  const warnings = [...missing, ...leftOut, ...peers.flatMap(({ warning }) => warning ?? [])];
  for (const peer of peers) console.log(`${peer.name}: ${peer.version}`);
  for (const warning of warnings) console.log(`warning: ${warning}`);
  const leftovers = removeLeftovers();
  if (leftovers.length > 0) console.log(`removed what a killed run left: ${leftovers.join(' ')}`);

  const ours = peers.some(({ name }) => name === OURS);
  const { samples, nodes } = options.traffic
    ? await measureLanes(peers, options, signal)
    : { samples: [], nodes: {} };
  const core = options.traffic && ours ? measureCore(warnings) : {};
  const pauses = options.traffic && ours ? measurePauses(options, warnings) : {};
  const scale = options.scale ? await measureScale(ROOT, options.quick, warnings, signal) : [];
  const circumstances = {
    date: new Date().toISOString(),
    kernel: release(),
    node: process.versions.node,
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cores: cpus().length,
    repeats: options.repeats,
    seconds: options.seconds,
    peers: Object.fromEntries(peers.map(({ name, title, version }) => [name, { title, version }])),
    warnings,
  };
  const taken = figuresOf(MEASURES).filter(({ key }) => samples.some((sample) => sample.measure === key));
  const report = { ...buildReport(circumstances, taken, samples, nodes, core, scale), pauses };
  console.log(`\n${renderTables(report)}\n`);
  for (const [scheduling, figures] of Object.entries(pauses)) {
    console.log(`Pauses under load, ${scheduling} scheduling: ${renderPauses(figures)}\n`);
  }
  for (const target of checkTargets(report)) console.log(describeTarget(target));
  for (const warning of report.warnings) console.log(`warning: ${warning}`);
  const json = resolve(ROOT, options.json);
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ ...report, targets: checkTargets(report) }, null, 2)}\n`);
  console.log(`${options.json}: wrote the figures.`);
  if (options.writeReadme) console.log(writeReadme(ROOT, report));
  if (missing.length > 0) process.exitCode = 1;
}

const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => abort.abort(new Error(`stopped by ${signal}`)));
}
try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else if (process.getuid?.() !== 0)
    throw new Error('The benchmark needs root: it makes network namespaces.');
  else await bench(options, abort.signal);
} catch (error) {
  const reason = abort.signal.aborted ? abort.signal.reason : error;
  console.error(`bench: ${reason instanceof Error ? reason.message : reason}`);
  process.exitCode = abort.signal.aborted ? 130 : 1;
}
