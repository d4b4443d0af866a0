/**
 * Carries out steps. It knows no scenario: what to do comes from the plan, what was done goes to the state file.
 * Lanes of a stage run side by side; the first failure stops the others.
 */

import { setMaxListeners } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TwinspanError } from '../../../core/base/errors.js';
import type { Layout } from '../layout.js';
import type { AwaitStep, IpStep, ProcessSpec, Stage, Step, StopStep, WriteStep } from '../plan/step.js';
import { command, tryCommand } from './command.js';
import { conditionOf, signalProcess, startProcess, waitGone } from './process.js';
import { type State, writeState } from './state.js';

const AWAIT_PAUSE_MS = 100;
const LOG_LINES = 12;

/** The lab's context while steps are carried out. */
export interface Context {
  readonly layout: Layout;
  readonly state: State;
  readonly signal: AbortSignal;
}

function record(context: Context, spec: ProcessSpec): void {
  const { state, layout } = context;
  const id = startProcess(spec);
  state.processes = state.processes.filter((one) => one.name !== spec.name);
  state.processes.push({ name: spec.name, host: spec.host, ...id });
  writeState(layout, state);
}

function recordOf(context: Context, name: string) {
  return context.state.processes.find((one) => one.name === name);
}

async function stop(context: Context, step: StopStep): Promise<void> {
  const found = recordOf(context, step.process);
  if (found === undefined || !signalProcess(found, step.signal)) {
    throw new TwinspanError('TS_LAB', `${step.process} is not running.`);
  }
  if (step.gone) await waitGone([found]);
}

function logTail(context: Context, name: string): string | undefined {
  try {
    const path = `${context.layout.dir}/log/${name}.log`;
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  } catch {
    return undefined;
  }
}

async function awaitCommand(context: Context, step: AwaitStep): Promise<void> {
  const end = performance.now() + step.timeoutMs;
  let last = '';
  while (performance.now() < end) {
    context.signal.throwIfAborted();
    const outcome = await tryCommand(step.argv, { timeoutMs: 5000, signal: context.signal });
    if (outcome.code === 0) return;
    last = outcome.stderr.trim();
    const found = step.process === undefined ? undefined : recordOf(context, step.process);
    if (found !== undefined && conditionOf(found) === 'gone') {
      throw new TwinspanError('TS_LAB', `${found.name} has ended.`, logTail(context, found.name));
    }
    await sleep(AWAIT_PAUSE_MS, undefined, { signal: context.signal });
  }
  const tail = step.process === undefined ? last : logTail(context, step.process);
  throw new TwinspanError('TS_LAB', `Waited ${step.timeoutMs / 1000} s for ${step.what}, in vain.`, tail);
}

function write(step: WriteStep): void {
  mkdirSync(dirname(step.path), { recursive: true });
  const text = step.text.replace(/\{\{(.+?)\}\}/g, (_, path: string) => readFileSync(path, 'utf8').trim());
  writeFileSync(step.path, text, { mode: step.mode });
}

async function perform(context: Context, step: Exclude<Step, IpStep>): Promise<void> {
  const { signal } = context;
  switch (step.do) {
    case 'run':
      await command(
        step.argv,
        step.timeoutMs === undefined ? { signal } : { signal, timeoutMs: step.timeoutMs },
      );
      return;
    case 'directory':
      mkdirSync(step.path, { recursive: true });
      if (step.owner !== undefined) await command(['chown', step.owner, step.path], { signal });
      return;
    case 'write':
      return write(step);
    case 'start':
      return record(context, step.process);
    case 'stop':
      return stop(context, step);
    case 'await':
      return awaitCommand(context, step);
  }
}

/** Runs neighbouring `ip` commands of one namespace as one batch: a process start each would take most of the time. */
async function performIp(context: Context, steps: readonly IpStep[]): Promise<void> {
  const { namespace } = steps[0];
  const argv = ['ip', ...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-'];
  await command(argv, { input: steps.map((step) => `${step.args}\n`).join(''), signal: context.signal });
}

/** Carries out the steps of one lane in order. Throws TS_LAB at the first that fails, AbortError when stopped. */
export async function performSteps(context: Context, steps: readonly Step[]): Promise<void> {
  for (let index = 0; index < steps.length; ) {
    context.signal.throwIfAborted();
    const step = steps[index];
    if (step.do !== 'ip') {
      await perform(context, step);
      index++;
      continue;
    }
    const batch: IpStep[] = [];
    for (let next: Step | undefined = step; next?.do === 'ip' && next.namespace === step.namespace; ) {
      batch.push(next);
      next = steps[++index];
    }
    await performIp(context, batch);
  }
}

/** Carries out a stage: all its lanes side by side. When one fails the others are stopped and the failure is thrown. */
export async function performStage(context: Context, stage: Stage): Promise<void> {
  const broken = new AbortController();
  const signal = AbortSignal.any([context.signal, broken.signal]);
  // One listener a running command; as many commands as lanes.
  setMaxListeners(2 * stage.lanes.length, signal);
  let first: unknown;
  await Promise.all(
    stage.lanes.map((lane) =>
      performSteps({ ...context, signal }, lane).catch((error: unknown) => {
        if (!signal.aborted) first = error;
        broken.abort();
      }),
    ),
  );
  context.signal.throwIfAborted();
  if (first !== undefined) throw first;
}
