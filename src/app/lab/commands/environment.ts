/** What every command needs: which lab, where the programs are, how to speak to the person at the terminal. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TwinspanError } from '../../../core/base/errors.js';
import { type Layout, layoutFor } from '../layout.js';
import { ec2Command } from '../programs/ec2.js';

/** The repository: this file is dist/src/app/lab/commands/environment.js in it. */
export const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

/** The layout of the lab that the environment names. */
export function currentLayout(): Layout {
  const { bin } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { bin: { twinspan: string } };
  const program = (name: string) => [process.execPath, `${ROOT}dist/src/app/lab/programs/${name}.js`];
  const twinspan = [process.execPath, ROOT + bin.twinspan];
  return layoutFor(process.env.TWINSPAN_LAB ?? '', twinspan, program, ec2Command);
}

/** Throws TS_NOT_ROOT unless we are root. */
export function needRoot(what: string): void {
  if (process.getuid?.() === 0) return;
  throw new TwinspanError(
    'TS_NOT_ROOT',
    `'npm run lab -- ${what}' needs root.`,
    'Run it as root or with sudo.',
  );
}

/** Progress and messages go to stderr: stdout belongs to what was asked for. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Seconds since `began` (performance.now()) with one decimal. */
export function secondsSince(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}
