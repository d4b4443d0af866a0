/** Puts the tables into the README, between two markers, and the charts beside the other documents. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderBars, renderLines } from './chart.js';
import { type Report, renderTables } from './report.js';

export const START_MARKER = '<!-- bench:start -->';
export const END_MARKER = '<!-- bench:end -->';
const BARS = 'docs/bench.svg';
const LINES = 'docs/scale.svg';

/** `readme` with `tables` between the markers; undefined where the markers are missing or in the wrong order. */
export function replaceTables(readme: string, tables: string): string | undefined {
  const start = readme.indexOf(START_MARKER);
  const end = readme.indexOf(END_MARKER);
  if (start < 0 || end < start) return undefined;
  return `${readme.slice(0, start + START_MARKER.length)}\n\n${tables}\n\n${readme.slice(end)}`;
}

/** Writes the README's tables and its charts, all in the repository at `root`. Returns a sentence about it. */
export function writeReadme(root: string, report: Report): string {
  const path = join(root, 'README.md');
  const charts = [
    ...(Object.keys(report.results).length === 0
      ? []
      : [{ file: BARS, title: 'Speed', image: renderBars(report) }]),
    ...(report.scale.length === 0
      ? []
      : [{ file: LINES, title: 'Growth', image: renderLines(report.scale) }]),
  ];
  const images = charts.map(({ file, title }) => `![${title}](${file})`);
  const readme = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const replaced = replaceTables(readme, [...images, renderTables(report)].join('\n\n'));
  if (replaced === undefined) return 'README.md has no bench markers: its tables are not written.';
  mkdirSync(join(root, 'docs'), { recursive: true });
  for (const { file, image } of charts) writeFileSync(join(root, file), image);
  writeFileSync(path, replaced);
  return `wrote README.md, ${charts.map(({ file }) => file).join(' and ')}.`;
}
