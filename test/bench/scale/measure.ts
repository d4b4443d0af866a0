/** Runs what shows how costs grow: tables of routes and NATs in a program of its own, then peers on one gateway. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { workFolderOf } from '../topology.js';
import type { Growth } from './growth.js';
import { measurePeers } from './peers.js';

const METER_MS_MAX = 300_000;
const PEERS = [1, 10, 100, 1000, 2000, 5000];
const PEERS_QUICK = [1, 10, 100];

/** Runs a compiled program of the benchmark in a fresh process; returns the JSON that it prints. */
export function runMeter(root: string, program: string, argv: readonly string[]): unknown {
  const output = execFileSync(process.execPath, ['--expose-gc', join(root, program), ...argv], {
    cwd: root,
    encoding: 'utf8',
    timeout: METER_MS_MAX,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output.slice(output.search(/[[{]/)));
}

/** All series of growth; what fails is left out with a warning. `quick`: up to smaller sizes. */
export async function measureScale(
  root: string,
  quick: boolean,
  warnings: string[],
  signal: AbortSignal,
): Promise<Growth[]> {
  const series: Growth[] = [];
  try {
    console.log('  growth with routes and NAT entries');
    const sizes = quick ? ['--routes', '100000', '--nats', '10000'] : [];
    series.push(...(runMeter(root, 'dist/test/bench/scale/tables.js', sizes) as Growth[]));
  } catch (error) {
    warnings.push(`Growth with routes was not measured: ${error instanceof Error ? error.message : error}`);
  }
  const folder = join(workFolderOf(process.pid), 'scale');
  try {
    console.log('  growth with peers');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const sizes = quick ? PEERS_QUICK : PEERS;
    series.push(...(runMeter(root, 'dist/test/bench/scale/handshakes.js', sizes.map(String)) as Growth[]));
    series.push(...(await measurePeers(root, folder, sizes, signal)));
  } catch (error) {
    signal.throwIfAborted();
    warnings.push(`Growth with peers was not measured: ${error instanceof Error ? error.message : error}`);
  } finally {
    rmSync(workFolderOf(process.pid), { recursive: true, force: true });
  }
  return series;
}
