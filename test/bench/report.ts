/**
 * From samples to the two things that are kept: a JSON object for scripts and a table for the README. Pure, so that
 * a golden test can hold the shape of both.
 */
import { markdown } from './markdown.js';
import type { NodeFigures } from './measure/node.js';
import { type Growth, perTenfold, renderGrowth } from './scale/growth.js';
import { pairwiseRatio, type Summary, significant, summarise } from './statistics.js';

/** The peer that all others are compared with. */
export const OURS = 'twinspan';

export interface Sample {
  readonly measure: string;
  readonly peer: string;
  readonly value: number;
  /** Cores of the whole machine that were busy meanwhile, traffic generators included. */
  readonly busyCores: number;
  /** Cores of these that programs which have nothing to do with us kept busy. */
  readonly foreignCores: number;
}

const FOREIGN_CORES_MAX = 0.1;

/** Whether others used so much of the machine that the figure says little. */
export function isDisturbed(sample: Sample): boolean {
  return sample.foreignCores > FOREIGN_CORES_MAX;
}

export interface Series extends Summary {
  readonly samples: readonly number[];
  readonly busyCores: number;
}

export interface Result {
  readonly title: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly peers: Readonly<Record<string, Series>>;
}

/** Where and when: all that one must know to read the figures. */
export interface Circumstances {
  readonly date: string;
  readonly kernel: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly repeats: number;
  readonly seconds: number;
  readonly peers: Readonly<Record<string, { title: string; version: string }>>;
  readonly warnings: readonly string[];
}

export interface Report extends Circumstances {
  /** `MEASURE/PEER` → median of the pairwise ratios ours ÷ theirs. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly results: Readonly<Record<string, Result>>;
  readonly nodes: Readonly<Record<string, NodeFigures>>;
  /** ns and bytes per packet of the TypeScript part, as the core benchmark names them. */
  readonly core: Readonly<Record<string, unknown>>;
  /** How costs grow with the size of a network; empty where that was not measured. */
  readonly scale: readonly Growth[];
  /** `COST@SIZE` → value, and `COST/tenfold` → factor of growth. */
  readonly atScale: Readonly<Record<string, number>>;
}

type MeasureInfo = Pick<Result, 'title' | 'unit' | 'better'> & { readonly key: string };

/** Puts samples, in the order in which they were taken, into a report. */
export function buildReport(
  circumstances: Circumstances,
  measures: readonly MeasureInfo[],
  samples: readonly Sample[],
  nodes: Report['nodes'],
  core: Report['core'],
  scale: Report['scale'] = [],
): Report {
  const results: Record<string, Result> = {};
  const ratios: Record<string, number> = {};
  for (const { key, title, unit, better } of measures) {
    const peers: Record<string, Series> = {};
    for (const peer of Object.keys(circumstances.peers)) {
      const own = samples.filter((sample) => sample.measure === key && sample.peer === peer);
      if (own.length === 0) continue;
      const values = own.map((sample) => sample.value);
      const busyCores = summarise(own.map((sample) => sample.busyCores)).median;
      peers[peer] = { ...summarise(values), samples: values, busyCores };
    }
    results[key] = { title, unit, better, peers };
    for (const [peer, series] of Object.entries(peers)) {
      if (peer === OURS || peers[OURS] === undefined) continue;
      ratios[`${key}/${peer}`] = pairwiseRatio(peers[OURS].samples, series.samples);
    }
  }
  const disturbed = samples.filter(isDisturbed).length;
  const warnings = [...circumstances.warnings];
  if (disturbed > 0) {
    warnings.push(
      `Other programs were busy during ${disturbed} of ${samples.length} runs: repeat on a quiet machine.`,
    );
  }
  return { ...circumstances, warnings, ratios, results, nodes, core, scale, atScale: indexScale(scale) };
}

function indexScale(scale: readonly Growth[]): Record<string, number> {
  const index: Record<string, number> = {};
  for (const { key, points } of scale) {
    for (const { size, value } of points) index[`${key}@${size}`] = value;
    index[`${key}/tenfold`] = perTenfold(points);
  }
  return index;
}

/** Numeric leaves of the core benchmark's object as `path → value`, in order. */
export function flatten(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    flatten(inner, path === '' ? key : `${path}.${key}`),
  );
}

function seriesCell(series: Series | undefined): string {
  if (series === undefined) return '–';
  const range =
    series.samples.length > 1 ? ` (${significant(series.minimum, 3)}–${significant(series.maximum, 3)})` : '';
  return `${significant(series.median, 3)}${range}`;
}

function trafficTable(report: Report): string {
  const names = Object.keys(report.peers);
  const others = names.includes(OURS) ? names.filter((name) => name !== OURS) : [];
  const header = [
    '',
    ...names.map((name) => report.peers[name].title),
    ...others.map((name) => `÷ ${name}`),
    'cores busy',
  ];
  const rows = Object.entries(report.results).map(([key, { title, unit, peers }]) => [
    `${title} (${unit})`,
    ...names.map((name) => seriesCell(peers[name])),
    ...others.map((name) => significant(report.ratios[`${key}/${name}`] ?? Number.NaN, 3)),
    names.map((name) => significant(peers[name]?.busyCores ?? Number.NaN, 2)).join(' / '),
  ]);
  return markdown(header, rows);
}

function nodeTable(report: Report): string {
  const names = Object.keys(report.nodes);
  const row = (title: string, figure: (node: NodeFigures) => string): string[] => [
    title,
    ...names.map((name) => figure(report.nodes[name])),
  ];
  return markdown(
    ['', ...names],
    [
      row('from start to the first forwarded packet (ms)', (node) => node.firstPacketMs.toFixed(0)),
      row('idle, resident memory (MB)', (node) => node.idleRssMb.toFixed(0)),
      row('under load, peak memory (MB)', (node) => node.peakRssMb.toFixed(0)),
      row('idle, CPU (% of a core)', (node) => node.idleCpuPercent.toFixed(1)),
    ],
  );
}

/** The tables as Markdown that also reads well on a terminal. */
export function renderTables(report: Report): string {
  const versions = Object.entries(report.peers).map(([name, peer]) => `${name} ${peer.version}`);
  const method =
    `Median (minimum–maximum) of ${report.repeats} × ${report.seconds} s, peers in turn, both nodes and both ends on one machine. ` +
    'Ratios are medians of neighbouring runs, which say more than the figures on a shared machine. ' +
    'CPU time is that of the whole machine, iperf3 at both ends included. ' +
    'UDP is the highest rate at which at most one datagram in ten thousand is lost.';
  const place = `${report.date.slice(0, 10)}, ${report.cores} × ${report.cpu}, Node ${report.node}, ${versions.join(', ')}.`;
  const core = flatten(report.core).map(([path, value]) => [path, significant(value, 3)]);
  return [
    ...(Object.keys(report.results).length === 0 ? [] : [trafficTable(report)]),
    ...(Object.keys(report.nodes).length === 0 ? [] : [nodeTable(report)]),
    ...(report.scale.length === 0 ? [] : [renderGrowth(report.scale)]),
    ...(core.length === 0 ? [] : [markdown(['TypeScript part of the path', ''], core)]),
    `${method} ${place}`,
  ].join('\n\n');
}
