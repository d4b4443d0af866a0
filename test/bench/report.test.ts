import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { END_MARKER, replaceTables, START_MARKER } from './readme.js';
import { buildReport, flatten, type Report, renderTables, type Sample } from './report.js';
import { checkTargets, describeTarget } from './targets.js';

/** Write it anew with GOLDEN=write, then read the diff. */
const GOLDEN = fileURLToPath(new URL('../../../test/golden/bench-tables.md', import.meta.url));

const CIRCUMSTANCES = {
  date: '2026-11-21T10:00:00.000Z',
  kernel: '6.1.0-18-amd64',
  node: '20.19.0',
  cpu: 'Example CPU',
  cores: 2,
  repeats: 3,
  seconds: 5,
  peers: {
    kernel: { title: 'kernel forwarding, no encryption', version: '6.1.0-18-amd64' },
    'wireguard-go': { title: 'wireguard-go 2025-05-22', version: 'v0.0.20250522' },
    twinspan: { title: 'Twinspan', version: '0.1.0' },
  },
  warnings: [],
};
const MEASURES = [
  { key: 'tcp1', title: 'TCP, 1 stream', unit: 'Gb/s', better: 'higher' },
  { key: 'ping', title: 'ping, idle', unit: 'ms', better: 'lower' },
] as const;

function samplesOf(measure: string, peer: string, values: readonly number[]): Sample[] {
  return values.map((value) => ({ measure, peer, value, busyCores: 1.9, foreignCores: 0 }));
}

function example(): Report {
  const samples = [
    ...samplesOf('tcp1', 'kernel', [16, 17, 18]),
    ...samplesOf('tcp1', 'wireguard-go', [2, 2.5, 3]),
    ...samplesOf('tcp1', 'twinspan', [4, 5, 4.5]),
    ...samplesOf('ping', 'kernel', [0.031, 0.03, 0.035]),
    ...samplesOf('ping', 'twinspan', [0.26, 0.29, 0.27]),
  ];
  const node = { firstPacketMs: 840.4, idleRssMb: 92.5, peakRssMb: 120, idleCpuPercent: 0.31 };
  return buildReport(CIRCUMSTANCES, MEASURES, samples, { twinspan: node }, { route: { nsPerLookup: 41.27 } });
}

test('ratios pair the samples of one round, whoever is missing', (t) => {
  const { ratios } = example();
  t.deepEqual(Object.keys(ratios), ['tcp1/kernel', 'tcp1/wireguard-go', 'ping/kernel']);
  t.is(ratios['tcp1/wireguard-go'], 2);
  t.is(ratios['tcp1/kernel'], 0.25);
});

test('a result keeps its samples, their median and extremes', (t) => {
  const { results } = example();
  t.deepEqual(results['tcp1'].peers['twinspan'], {
    median: 4.5,
    minimum: 4,
    maximum: 5,
    samples: [4, 5, 4.5],
    busyCores: 1.9,
  });
  t.deepEqual(Object.keys(results['ping'].peers), ['kernel', 'twinspan']);
});

test('a run that others disturbed is warned of', (t) => {
  const [quiet] = samplesOf('tcp1', 'kernel', [16]);
  const report = (samples: Sample[]): Report => buildReport(CIRCUMSTANCES, MEASURES, samples, {}, {});
  t.deepEqual(report([quiet]).warnings, []);
  t.regex(report([quiet, { ...quiet, foreignCores: 0.5 }]).warnings[0], /busy during 1 of 2 runs/);
});

test('the tables are the golden ones', (t) => {
  const tables = `${renderTables(example())}\n`;
  if (process.env['GOLDEN'] === 'write') writeFileSync(GOLDEN, tables);
  t.is(tables, readFileSync(GOLDEN, 'utf8'));
});

test('figures of the core benchmark are found at any depth', (t) => {
  t.deepEqual(flatten({ a: 1, b: { c: 2, note: 'text', d: { e: 3 } }, f: null }), [
    ['a', 1],
    ['b.c', 2],
    ['b.d.e', 3],
  ]);
});

test('only what stands between the markers is replaced', (t) => {
  const readme = `# Title\n${START_MARKER}\nold\n${END_MARKER}\nrest\n`;
  const replaced = replaceTables(readme, 'new');
  t.is(replaced, `# Title\n${START_MARKER}\n\nnew\n\n${END_MARKER}\nrest\n`);
  t.is(replaceTables(replaced ?? '', 'new'), replaced);
  t.is(replaceTables('no markers', 'new'), undefined);
  t.is(replaceTables(`${END_MARKER} ${START_MARKER}`, 'new'), undefined);
});

test('targets are held or missed, and one without a figure is left out', (t) => {
  const report = example();
  const targets = [
    { title: 'fast', path: ['ratios', 'tcp1/wireguard-go'], atLeast: 2, goal: 3 },
    { title: 'small', path: ['nodes', 'twinspan', 'idleRssMb'], atMost: 92 },
    { title: 'not measured', path: ['core', 'nat', 'ns'], atMost: 150 },
  ];
  t.deepEqual(checkTargets(report, targets).map(describeTarget), [
    'held    fast: 2.00 (at least 2, goal 3)',
    'MISSED  small: 92.5 (at most 92)',
  ]);
});
