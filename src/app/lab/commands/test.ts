/**
 * `test SCENARIO`: every promise of the scenario tried on the lab, as a table; `test all`: of all scenarios in turn. A lab
 * that is up is used and left standing; otherwise one is built for the test and taken down after it. Where nobody but
 * nodes speaks by way of the ISPs their links are captured, and the last row says what was on them.
 */
import { writeFileSync } from 'node:fs';
import { TwinspanError } from '../../../core/base/errors.js';
import { type Capture, openCapture } from '../checks/capture.js';
import {
  type Check,
  type CheckGroup,
  type Finding,
  finding,
  Lab,
  type NamedFinding,
  type Programme,
} from '../checks/check.js';
import { figuresIn } from '../checks/figures.js';
import { CHECKS } from '../checks/index.js';
import type { Layout } from '../layout.js';
import { readState } from '../run/state.js';
import { tearDown } from '../run/teardown.js';
import type { Scenario } from '../scenario.js';
import { SCENARIOS } from '../scenarios/index.js';
import { currentLayout, needRoot, say, secondsSince } from './environment.js';
import { formatRow, formatTable, isOverBudget, type Row, writeReadme } from './table.js';
import { build, interruptible, makeRoom, makeRoomFor, wantedScenario } from './up.js';

export interface TestOptions extends Programme {
  /** Only checks whose name contains this. */
  readonly only: string | undefined;
  readonly jsonFile: string | undefined;
  /** Whether the table is written into the README. */
  readonly readme: boolean;
}

const CALM_AFTER_FAILURE_MS = 3_000;

/** Runs a check; whatever it leaves broken is mended, so that one failure does not bring the next. */
async function tryCheck(lab: Lab, check: Check, signal: AbortSignal): Promise<Row[]> {
  const began = performance.now();
  let found: Finding | readonly NamedFinding[];
  try {
    found = await check.run(lab);
  } catch (error) {
    signal.throwIfAborted();
    found = finding(false, error instanceof Error ? error.message : String(error));
  }
  if (lab.failures.length > 0) {
    for (const what of lab.failures) await lab.heal(what).catch(() => {});
    lab.disturb(performance.now(), ...lab.scenario.overlay.clusters.map((cluster) => cluster.name));
    await new Promise((resolve) => setTimeout(resolve, CALM_AFTER_FAILURE_MS));
  }
  const seconds = Math.round(performance.now() - began) / 1000;
  const findings: readonly NamedFinding[] = 'verdict' in found ? [{ name: check.name, ...found }] : found;
  return findings.map((one) => ({ ...one, seconds }));
}

/** What the captures of a group say. A link on which nothing was seen proves nothing, so that fails too. */
async function judgeCaptures(captures: readonly Capture[], clean: boolean): Promise<Finding> {
  const judged = await Promise.all(captures.map((capture) => capture.end()));
  const errors = judged.reduce((sum, one) => sum + one.errors, 0);
  const leaks = captures.flatMap((one, index) => judged[index].leaks.map((leak) => `${one.host}: ${leak}`));
  const idle = captures.filter((_, index) => judged[index].transport + judged[index].handshakes === 0);
  const total = judged.reduce((sum, one) => sum + one.transport + one.handshakes, 0);
  if (leaks.length > 0) return finding(false, leaks.join('; '));
  if (idle.length > 0)
    return finding(false, `nothing at all seen at ${idle.map((one) => one.host).join(' ')}`);
  const also = errors === 0 ? '' : `, ${errors} ICMP errors about WireGuard datagrams`;
  return finding(!clean || errors === 0, `${total} WireGuard frames and ARP${also}, ${captures.length} ISPs`);
}

async function runGroup(lab: Lab, group: CheckGroup, signal: AbortSignal): Promise<Row[]> {
  const isCaptured = group.capture !== 'none';
  const isps = lab.scenario.hosts.filter(({ kind }) => isCaptured && kind === 'isp').map(({ name }) => name);
  const captures = await Promise.all(isps.map((isp) => openCapture(lab, isp)));
  const rows: Row[] = [];
  const add = async (check: Check) => {
    const found = await tryCheck(lab, check, signal);
    for (const row of found) process.stdout.write(`${formatRow(row)}\n`);
    rows.push(...found);
  };
  const seen = `the ISPs see WireGuard and nothing else ${group.title}`;
  try {
    for (const check of group.checks) await add(check);
  } finally {
    if (isCaptured) {
      await add({ name: seen, run: () => judgeCaptures(captures, group.capture === 'clean') });
    }
  }
  return rows;
}

/** The groups with what is wanted of each. */
function chosen(scenario: Scenario, { short, only }: TestOptions): CheckGroup[] {
  const groups = CHECKS.get(scenario.name) ?? [];
  const wanted = (check: Check) => (!short || check.short === true) && check.name.includes(only ?? '');
  return groups
    .map((group) => ({ ...group, checks: group.checks.filter(wanted) }))
    .filter((group) => group.checks.length > 0);
}

async function withLab(
  scenario: Scenario,
  layout: Layout,
  options: TestOptions,
  signal: AbortSignal,
): Promise<Row[]> {
  const mine = await makeRoom(scenario, layout);
  try {
    if (mine) await build(scenario, layout, signal);
    const state = readState(layout)!;
    if (state.failures.length > 0) {
      throw new TwinspanError(
        'TS_LAB',
        `Something has failed already: ${state.failures.join(' ')}`,
        'Heal it first.',
      );
    }
    const lab = new Lab(scenario, { layout, state, signal }, options);
    const rows: Row[] = [];
    for (const group of chosen(scenario, options)) rows.push(...(await runGroup(lab, group, signal)));
    return rows;
  } finally {
    if (mine) await tearDown(SCENARIOS, layout);
  }
}

/** What a test of one scenario has come to. */
interface Tested {
  readonly scenario: Scenario;
  readonly rows: readonly Row[];
}

function summaryOf(rows: readonly Row[]): { passed: number; failed: number; skipped: number } {
  const count = (verdict: Finding['verdict']) => rows.filter((row) => row.verdict === verdict).length;
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') };
}

function tell(name: string, rows: readonly Row[], began: number): void {
  const { passed, failed, skipped } = summaryOf(rows);
  const slow = rows.filter(isOverBudget).length;
  const over = slow === 0 ? '' : `, ${slow} over budget`;
  say(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped${over} (${secondsSince(began)})`);
}

/** Tests one scenario. Among several one that cannot be built is a failed row. */
async function testOne(
  scenario: Scenario,
  options: TestOptions,
  among: boolean,
  signal: AbortSignal,
): Promise<Tested> {
  const began = performance.now();
  let rows: Row[];
  try {
    rows = await withLab(scenario, currentLayout(), options, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!among || !(error instanceof TwinspanError)) throw error;
    const detail = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
    rows = [{ ...finding(false, detail), name: 'the scenario stands', seconds: 0 }];
    process.stdout.write(`${formatRow(rows[0])}\n`);
  }
  tell(scenario.name, rows, began);
  return { scenario, rows };
}

/** As one scenario's JSON report. */
function reportOf({ scenario, rows }: Tested, date: string) {
  return { scenario: scenario.name, date, ...summaryOf(rows), rows };
}

/**
 * Tests a scenario, or one after the other where `name` is `all`; exit code 0 when nothing failed. `jsonFile` receives the
 * rows, the README their tables.
 */
export async function test(name: string | undefined, options: TestOptions): Promise<number> {
  const all = name === 'all';
  const scenarios = all ? SCENARIOS : [wantedScenario(name)];
  needRoot(`test ${name}`);
  const began = performance.now();
  const date = new Date().toISOString();
  const tested: Tested[] = [];
  // One after the other needs the place for itself.
  if (all) await makeRoomFor(undefined, currentLayout());
  await interruptible(async (signal) => {
    for (const scenario of scenarios) {
      if (chosen(scenario, options).length === 0) continue;
      if (all) process.stdout.write(`\n${scenario.name}: ${scenario.title}\n`);
      tested.push(await testOne(scenario, options, all, signal));
    }
  });
  const reports = tested.map((one) => reportOf(one, date));
  if (options.jsonFile !== undefined) {
    const report = all ? { date, scenarios: reports } : reports[0];
    writeFileSync(options.jsonFile, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  const named = tested.flatMap(({ scenario, rows }) =>
    rows.map((row) => (all ? { ...row, name: `${scenario.name}: ${row.name}` } : row)),
  );
  if (named.some((row) => figuresIn(row) !== undefined)) process.stdout.write(`\n${formatTable(named)}\n`);
  if (options.readme) {
    const part = options.short || options.only !== undefined;
    for (const { scenario, rows } of tested) writeReadme(scenario, rows, part, date);
  }
  if (all) tell(`${tested.length} scenarios`, named, began);
  return named.every(({ verdict }) => verdict !== 'fail') && named.length > 0 ? 0 : 1;
}
