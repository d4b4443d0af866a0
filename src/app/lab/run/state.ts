/**
 * The state file: what the lab has made so far, written before a thing is made, so that `down` finds it after a
 * crash too. It lies in the lab's directory and goes with it. All changes are made by one process at a time.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { TwinspanError } from '../../../core/base/errors.js';
import type { Layout } from '../layout.js';
import { conditionOf, identify, type ProcessId } from './process.js';

export interface ProcessRecord extends ProcessId {
  readonly name: string;
  readonly host: string;
}

export interface State {
  readonly scenario: string;
  /** Boot of the machine in which the rest is true. */
  readonly boot: string;
  /** Whoever is building or has built it. */
  readonly builder: ProcessId;
  readonly startedAt: string;
  /** Whether the machine had no directory of namespaces before: then it shall have none after. */
  readonly firstNamespaces: boolean;
  /** Set when `up` has come to its end. */
  complete: boolean;
  /** Latest process of each name. */
  processes: ProcessRecord[];
  /** Failures that are in force, as words. */
  failures: string[];
}

/** Where iproute2 keeps named namespaces; its first one makes and mounts it. */
export const NAMESPACES_DIR = '/var/run/netns';

function fileOf(layout: Layout): string {
  return `${layout.dir}/state.json`;
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The state of the lab, or undefined where none is up. A file from before a reboot holds no process. */
export function readState(layout: Layout): State | undefined {
  let text: string;
  try {
    text = readFileSync(fileOf(layout), 'utf8');
  } catch {
    return undefined;
  }
  try {
    const state = JSON.parse(text) as State;
    return state.boot === bootId() ? state : { ...state, complete: false, processes: [], failures: [] };
  } catch {
    throw new TwinspanError('TS_LAB', `${fileOf(layout)} is damaged.`, 'Run: npm run lab -- down');
  }
}

/** Replaces the state file. */
export function writeState(layout: Layout, state: State): void {
  const temporary = `${fileOf(layout)}.new`;
  writeFileSync(temporary, `${JSON.stringify(state, undefined, 2)}\n`);
  renameSync(temporary, fileOf(layout));
}

/** A fresh state, claimed for this process: throws TS_LAB where somebody else has claimed it in the meantime. */
export function claimState(layout: Layout, scenario: string): State {
  mkdirSync(layout.dir, { recursive: true, mode: 0o755 });
  const state: State = {
    scenario,
    boot: bootId(),
    builder: identify(process.pid)!,
    startedAt: new Date().toISOString(),
    firstNamespaces: !existsSync(NAMESPACES_DIR),
    complete: false,
    processes: [],
    failures: [],
  };
  try {
    writeFileSync(fileOf(layout), `${JSON.stringify(state, undefined, 2)}\n`, { flag: 'wx' });
  } catch {
    throw new TwinspanError('TS_LAB', 'Another `up` is at work on this lab.');
  }
  return state;
}

/** Whether the process that claimed an incomplete state is still building. */
export function beingBuilt(state: State): boolean {
  return !state.complete && state.builder.pid !== process.pid && conditionOf(state.builder) !== 'gone';
}

/** The state of a lab that is up. Throws TS_LAB where there is none. */
export function stateOfRunningLab(layout: Layout): State {
  const state = readState(layout);
  if (state?.complete) return state;
  throw new TwinspanError(
    'TS_LAB',
    state === undefined ? 'No lab is up.' : 'The lab is only half built.',
    state === undefined ? 'Run: npm run lab -- up ha-edge-to-aws' : 'Run: npm run lab -- down, then up again',
  );
}
