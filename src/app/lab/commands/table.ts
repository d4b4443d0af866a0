/** The rows of a test as text: one by one as they come, and in the end a table of what was measured, also for the README. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { TwinspanError } from '../../../core/base/errors.js';
import type { NamedFinding } from '../checks/check.js';
import { describeFigures, figuresIn, figureText, percentile } from '../checks/figures.js';
import type { Scenario } from '../scenario.js';
import { ROOT } from './environment.js';

export interface Row extends NamedFinding {
  readonly seconds: number;
}

const MARKS = { pass: 'pass', fail: 'FAIL', skip: 'skip' } as const;

/** The README's place for the table of a scenario: what comes before it, and what comes after. */
export function markersOf(scenario: string): readonly [start: string, end: string] {
  return [`<!-- lab:${scenario}:start -->`, `<!-- lab:${scenario}:end -->`];
}

/** Whether something was measured above what the design allows. */
export function isOverBudget(row: NamedFinding): boolean {
  const { budget, values = [] } = figuresIn(row) ?? {};
  return budget !== undefined && values.some((value) => value > budget);
}

/** A row as two lines. */
export function formatRow(row: Row): string {
  const { name, verdict, detail, lost } = row;
  const { unit = 'ms', values = [], budget = row.budgetMs } = figuresIn(row) ?? {};
  const figures = values.length === 0 ? [] : [describeFigures(values, unit)];
  if (budget !== undefined) figures.push(`budget ${budget} ${unit}${isOverBudget(row) ? ': OVER' : ''}`);
  if (lost !== undefined) figures.push(`${lost} packets lost`);
  return `${MARKS[verdict]}  ${name}\n      ${[...figures, detail].join('; ')}`;
}

const HEADS = ['', 'n', 'p50', 'p90', 'max', 'budget', 'TCP stall', 'packets lost'];

const FAILED = ' — FAILED';

/** The cells of everything that was measured. */
function cellsOf(rows: readonly NamedFinding[]): string[][] {
  return rows.flatMap((row) => {
    const { name, stallMs, lost, verdict } = row;
    const figures = figuresIn(row);
    if (figures === undefined || verdict === 'skip') return [];
    const { unit, values, budget } = figures;
    return [
      [
        verdict === 'fail' ? `${name}${FAILED}` : name,
        String(values.length),
        ...[0.5, 0.9, 1].map((fraction) => figureText(percentile(values, fraction), unit)),
        budget === undefined ? '' : String(budget),
        stallMs === undefined ? '' : String(stallMs),
        lost === undefined ? '' : String(lost),
      ],
    ];
  });
}

function layOut(cells: readonly (readonly string[])[]): string {
  const widths = HEADS.map((head, index) =>
    Math.max(head.length, 3, ...cells.map((row) => row[index].length)),
  );
  const line = (row: readonly string[]) => {
    const padded = row.map((cell, index) =>
      index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index]),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = `| ${widths.map((width, index) => (index === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(HEADS), rule, ...cells.map(line)].join('\n');
}

/** Everything that was measured, as a Markdown table: ms, or what the row's name says. */
export function formatTable(rows: readonly NamedFinding[]): string {
  return layOut(cellsOf(rows));
}

/** A scenario's table in `readme` with the rows that were measured anew in their places; rows that it lacks come last. */
export function mergeTable(readme: string, scenario: string, rows: readonly NamedFinding[]): string {
  const [start, end] = markersOf(scenario).map((marker) => readme.indexOf(marker));
  const present = readme
    .slice(start, end)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()))
    .filter((cells) => cells.length === HEADS.length && /^\d+$/.test(cells[1]));
  const merged = new Map(
    [...present, ...cellsOf(rows)].map((cells) => [cells[0].replace(FAILED, ''), cells]),
  );
  return layOut([...merged.values()]);
}

/** `readme` with a scenario's table between its markers; undefined where they are missing or in the wrong order. */
export function withTable(readme: string, scenario: string, table: string): string | undefined {
  const [startMarker, endMarker] = markersOf(scenario);
  const [start, end] = [readme.indexOf(startMarker), readme.indexOf(endMarker)];
  if (start < 0 || end < start) return undefined;
  return `${readme.slice(0, start)}${startMarker}\n\n${table}\n\n${readme.slice(end)}`;
}

/**
 * Writes a scenario's table into the repository's README; of a part of the programme (`part`) the rows that were measured.
 * Throws TS_LAB where it has no place for it.
 */
export function writeReadme(
  scenario: Scenario,
  rows: readonly NamedFinding[],
  part: boolean,
  date: string,
): void {
  const path = `${ROOT}README.md`;
  const { name, hosts } = scenario;
  const machine = `${cpus().length} × ${cpus()[0].model.replace(/ Processor$/, '')}`;
  const units = rows.some((row) => row.measuredPercent !== undefined) ? 'Per cent of a core' : 'Milliseconds';
  const about = `${units}; ${date.slice(0, 10)}, ${machine}, all ${hosts.length} hosts on it.`;
  const readme = readFileSync(path, 'utf8');
  const table = part ? mergeTable(readme, name, rows) : formatTable(rows);
  const changed = withTable(readme, name, `${table}\n\n${about}`);
  if (changed === undefined) {
    throw new TwinspanError('TS_LAB', `README.md has no ${markersOf(name).join(' … ')}.`);
  }
  writeFileSync(path, changed);
}
