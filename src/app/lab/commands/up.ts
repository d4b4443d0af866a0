/** `up SCENARIO`: builds it, starts everything, waits until traffic flows, says what to try. `down`: takes it away. */
import { TwinspanError } from '../../../core/base/errors.js';
import type { Layout } from '../layout.js';
import { ec2Of } from '../plan/services.js';
import { formatPlan } from '../plan/step.js';
import { planUp } from '../plan/up.js';
import { type Context, performStage } from '../run/execute.js';
import { beingBuilt, claimState, readState, writeState } from '../run/state.js';
import { standingNamespaces, tearDown } from '../run/teardown.js';
import type { Scenario } from '../scenario.js';
import { SCENARIOS, scenarioNamed } from '../scenarios/index.js';
import { currentLayout, needRoot, say, secondsSince } from './environment.js';

/** The scenario called `name`. Throws TS_LAB with what there is. */
export function wantedScenario(name: string | undefined): Scenario {
  const found = scenarioNamed(name ?? '');
  if (found !== undefined) return found;
  const what = name === undefined ? 'Which scenario?' : `There is no scenario '${name}'.`;
  throw new TwinspanError('TS_LAB', what, `Choose one of: ${SCENARIOS.map((one) => one.name).join(' ')}`);
}

function suggest(scenario: Scenario): void {
  say('\nTry:');
  for (const one of scenario.suggestions) say(`  # ${one.about}\n  npm run lab -- ${one.command}`);
  say('  # take everything down\n  npm run lab -- down');
}

/** Clears what a broken `up` has left. Returns false where this scenario is up already. Throws TS_LAB if another is. */
export function makeRoom(scenario: Scenario, layout: Layout): Promise<boolean> {
  return makeRoomFor(scenario.name, layout);
}

/** As makeRoom for the scenario of this name; undefined: none may be up. */
export async function makeRoomFor(name: string | undefined, layout: Layout): Promise<boolean> {
  const state = readState(layout);
  if (state !== undefined && beingBuilt(state)) {
    throw new TwinspanError(
      'TS_LAB',
      `Another \`up\` is at work on this lab (process ${state.builder.pid}).`,
    );
  }
  if (state?.complete) {
    if (state.scenario === name) return false;
    throw new TwinspanError('TS_LAB', `The scenario ${state.scenario} is up.`, 'Run: npm run lab -- down');
  }
  if (state !== undefined || standingNamespaces(SCENARIOS, layout).length > 0) {
    say('clearing what an unfinished lab has left');
    await tearDown(SCENARIOS, layout);
  }
  return true;
}

/** Builds the scenario stage by stage. Throws what stopped it. */
export async function build(scenario: Scenario, layout: Layout, signal: AbortSignal): Promise<void> {
  const context: Context = { layout, state: claimState(layout, scenario.name), signal };
  for (const stage of planUp(scenario, layout)) {
    const began = performance.now();
    process.stderr.write(`  ${stage.title} … `);
    await performStage(context, stage);
    say(secondsSince(began));
  }
  context.state.complete = true;
  writeState(layout, context.state);
}

/** Runs `body` with a signal that aborts on Ctrl-C, SIGTERM and SIGHUP. */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort(new TwinspanError('TS_LAB', 'Interrupted.'));
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, stop);
  try {
    return await body(controller.signal);
  } finally {
    for (const name of names) process.off(name, stop);
  }
}

/** `up SCENARIO [--plan] [--keep]`. */
export async function up(
  name: string | undefined,
  options: { plan: boolean; keep: boolean },
): Promise<number> {
  const scenario = wantedScenario(name);
  const layout = currentLayout();
  if (options.plan) {
    process.stdout.write(formatPlan(planUp(scenario, layout)));
    return 0;
  }
  needRoot(`up ${scenario.name}`);
  if (!(await makeRoom(scenario, layout))) {
    say(`${scenario.name} is up already.`);
    suggest(scenario);
    return 0;
  }
  const began = performance.now();
  say(`${scenario.name}: ${scenario.title}`);
  if (scenario.cloud !== undefined && ec2Of(scenario, layout) === undefined) {
    say(
      '  no moto server on this machine (npm run setup -- moto): no EC2 API, and the VPC route stands fixed',
    );
  }
  await interruptible(async (signal) => {
    try {
      await build(scenario, layout, signal);
    } catch (error) {
      say('failed');
      if (!options.keep) await tearDown(SCENARIOS, layout);
      throw error;
    }
  });
  say(`up after ${secondsSince(began)}`);
  suggest(scenario);
  return 0;
}

/** `down`. */
export async function down(): Promise<number> {
  needRoot('down');
  const layout = currentLayout();
  const began = performance.now();
  let state: ReturnType<typeof readState>;
  try {
    state = readState(layout);
  } catch {
    state = undefined;
  }
  if (state !== undefined && beingBuilt(state)) {
    throw new TwinspanError(
      'TS_LAB',
      `An \`up\` is still at work (process ${state.builder.pid}).`,
      'Stop it first: Ctrl-C',
    );
  }
  const report = await tearDown(SCENARIOS, layout);
  const nothing = report.namespaces === 0 && report.processes === 0 && state === undefined;
  say(
    nothing
      ? 'No lab was up.'
      : `down: ${report.processes} processes and ${report.namespaces} namespaces removed in ${secondsSince(began)}`,
  );
  return 0;
}
