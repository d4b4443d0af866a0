/**
 * Runs the compiled tests with ava in four phases (files.ts) and prints what a person wants to see: failures with
 * their details, progress, and as the last line alone `N passed, N failed, N skipped`. The whole TAP goes to
 * dist/test-results.tap. The exit code is 0 only if something ran and nothing failed.
 *
 * Usage: node dist/test/support/runner/main.js [PATTERN …]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { filesBelow, planPhases, removeStale } from './files.js';
import { TapReader } from './tap.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const LOG = 'dist/test-results.tap';
/** A hung test must not hang a CI machine: after this, twice what a quiet machine needs, the rest counts as failed. */
const TOTAL_MS_MAX = 25 * 60_000;
const PROGRESS_EVERY_MS = 10_000;

const log = createWriteStream(`${ROOT}${LOG}`);
const startedAt = performance.now();
let lastTitle = '';
let announceEach = false;
let running: ChildProcess | undefined;
let stopped = '';

const reader = new TapReader(
  ({ title, state }) => {
    lastTitle = title;
    if (state === 'failed') console.log(`\n  ✘ ${title}`);
    else if (announceEach) console.log(`  ${state === 'passed' ? '✔' : '-'} ${title}`);
  },
  (line) => console.log(`  ${line}`),
);

function progress(): void {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`  ${seconds} s: ${reader.passed} passed, ${reader.failed} failed · ${lastTitle}`);
}

function stop(reason: string): void {
  stopped = reason;
  if (running?.pid !== undefined) process.kill(-running.pid, 'SIGTERM');
}

/** Runs ava on `files`, at most `concurrency` at a time; counts a failure of ava itself as one failed test. */
async function runPhase(name: string, files: readonly string[], concurrency: number): Promise<void> {
  if (files.length === 0 || stopped !== '') return;
  console.log(`\n${name}: ${files.length} ${files.length === 1 ? 'file' : 'files'}`);
  const failedBefore = reader.failed;
  const child = spawn(
    process.execPath,
    ['node_modules/ava/entrypoints/cli.mjs', '--tap', '--concurrency', String(concurrency), ...files],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  running = child;
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
  running = undefined;
  if (code !== 0 && reader.failed === failedBefore) {
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
await runPhase('tests', phases.plain, Math.max(2, availableParallelism()));
announceEach = true;
await runPhase('tests of sockets, servers, devices and the installer', phases.edges, 3);
await runPhase('tests of daemons', phases.daemons, 3);
await runPhase('tests of whole networks, one after the other', phases.serial, 1);
clearTimeout(limit);
clearInterval(ticker);
log.end();

if (stopped !== '') console.log(`\n${stopped}`);
const nothing = reader.passed + reader.failed + reader.skipped === 0;
if (nothing) console.log('\nno test ran');
console.log(`\n${Math.round((performance.now() - startedAt) / 1000)} s, full results in ${LOG}`);
console.log(`${reader.passed} passed, ${reader.failed} failed, ${reader.skipped} skipped`);
process.exitCode = nothing || reader.failed > 0 || stopped !== '' ? 1 : 0;
