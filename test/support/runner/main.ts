/**
 * Runs the compiled tests with ava in phases (files.ts), the pure ones all the while beside them, and prints what a
 * person wants to see: failures with their details, progress, and as the last line alone `N passed, N failed,
 * N skipped`. The whole TAP goes to dist/test-results.tap. The exit code is 0 only if something ran and nothing failed.
 *
 * Usage: node dist/test/support/runner/main.js [PATTERN …]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, writeFileSync } from 'node:fs';
import { availableParallelism, constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { filesBelow, planPhases, removeStale } from './files.js';
import { TapReader } from './tap.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const LOG = 'dist/test-results.tap';
/** A hung test must not hang a CI machine: after this, twice what a busy machine needs, the rest counts as failed. */
const TOTAL_MS_MAX = 25 * 60_000;
const PROGRESS_EVERY_MS = 10_000;

const log = createWriteStream(`${ROOT}${LOG}`);
const startedAt = performance.now();
let lastTitle = '';
const running = new Set<ChildProcess>();
const readers: TapReader[] = [];
let stopped = '';

interface Phase {
  readonly name: string;
  readonly files: readonly string[];
  /** Files at a time. */
  readonly concurrency: number;
  /** Whether each test is named that passes. */
  readonly announced?: boolean;
  /** Whether it only gets what time the others leave. */
  readonly idle?: boolean;
}

/** How many tests have come to an end so far. */
function count(state: 'passed' | 'failed' | 'skipped'): number {
  return readers.reduce((sum, reader) => sum + reader[state], 0);
}

function progress(): void {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`  ${seconds} s: ${count('passed')} passed, ${count('failed')} failed · ${lastTitle}`);
}

function stop(reason: string): void {
  stopped = reason;
  for (const { pid } of running) if (pid !== undefined) process.kill(-pid, 'SIGTERM');
}

function readerFor(announced: boolean): TapReader {
  const reader = new TapReader(
    ({ title, state }) => {
      lastTitle = title;
      if (state === 'failed') console.log(`\n  ✘ ${title}`);
      else if (announced) console.log(`  ${state === 'passed' ? '✔' : '-'} ${title}`);
    },
    (line) => console.log(`  ${line}`),
  );
  readers.push(reader);
  return reader;
}

/**
 * Has a process, and all that it starts from now on, yield to others (PRIORITY_LOW) or no longer (PRIORITY_NORMAL, for
 * which one must be root). Linux may weigh sessions against each other rather than processes.
 */
function weigh(pid: number, priority: number): void {
  try {
    setPriority(pid, priority);
    writeFileSync(`/proc/${pid}/autogroup`, String(priority));
  } catch {
    // It only takes longer, or is in the way.
  }
}

/** Runs ava on files; counts a failure of ava itself as one failed test. */
async function runPhase({ name, files, concurrency, announced = false, idle = false }: Phase): Promise<void> {
  if (files.length === 0 || stopped !== '') return;
  console.log(`\n${name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}`);
  const reader = readerFor(announced);
  const child = spawn(
    process.execPath,
    ['node_modules/ava/entrypoints/cli.mjs', '--tap', '--concurrency', String(concurrency), ...files],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, TEST_ORDER: files.join(':') },
    },
  );
  running.add(child);
  if (idle && child.pid !== undefined) weigh(child.pid, constants.priority.PRIORITY_LOW);
  createInterface({ input: child.stdout }).on('line', (line) => {
    log.write(`${line}\n`);
    reader.handleLine(line);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.write(`# ${line}\n`);
    if (reader.handleOutput(line)) console.log(`  - ${line.slice('# SKIP '.length)}`);
    else if (line.trim() !== '') console.log(`    ${line}`);
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  running.delete(child);
  if (code !== 0 && reader.failed === 0) {
    console.log(`\n  ✘ ${name}: ava ended with ${code ?? 'a signal'} without naming a failed test`);
    reader.failed++;
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(`stopped by ${signal}`));
const limit = setTimeout(() => stop(`stopped after ${TOTAL_MS_MAX / 60_000} minutes`), TOTAL_MS_MAX);
const ticker = setInterval(progress, PROGRESS_EVERY_MS);

const stale = removeStale(ROOT);
if (stale > 0) console.log(`removed ${stale} compiled files without a source`);
const phases = planPhases(filesBelow(ROOT, 'test'), process.argv.slice(2));
const processors = Math.max(2, availableParallelism());
/** One more than there are processors: a file that waits leaves room. With two more, daemons miss what they time. */
const few = Math.min(processors, 4) + 1;
const pure = runPhase({ name: 'pure tests', files: phases.pure, concurrency: processors, idle: true });
await runPhase({ name: 'tests', files: phases.plain, concurrency: few, announced: true });
// Daemons miss what they time beside a machine that computes, however low the priority.
for (const { pid } of running) if (pid !== undefined) weigh(pid, constants.priority.PRIORITY_NORMAL);
await pure;
await runPhase({ name: 'tests of daemons', files: phases.daemons, concurrency: few, announced: true });
await runPhase({
  name: 'tests of whole networks, one after the other',
  files: phases.serial,
  concurrency: 1,
  announced: true,
});
clearTimeout(limit);
clearInterval(ticker);
log.end();

if (stopped !== '') console.log(`\n${stopped}`);
const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
const nothing = passed + failed + skipped === 0;
if (nothing) console.log('\nno test ran');
console.log(`\n${Math.round((performance.now() - startedAt) / 1000)} s, full results in ${LOG}`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = nothing || failed > 0 || stopped !== '' ? 1 : 0;
