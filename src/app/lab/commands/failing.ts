/** `fail WHAT` and `heal WHAT`. */
import { TwinspanError } from '../../../core/base/errors.js';
import { failureNamed } from '../plan/failures.js';
import { performSteps } from '../run/execute.js';
import { stateOfRunningLab, writeState } from '../run/state.js';
import { currentLayout, needRoot, say, secondsSince } from './environment.js';
import { interruptible, wantedScenario } from './up.js';

/** Breaks (`fail`) or mends (`heal`) WHAT; refuses to break what is broken or mend what is not. */
export async function failOrHeal(verb: 'fail' | 'heal', what: string | undefined): Promise<number> {
  if (what === undefined) {
    throw new TwinspanError('TS_LAB', `${verb} what?`, `For example: npm run lab -- ${verb} node:edge1-a`);
  }
  needRoot(`${verb} ${what}`);
  const layout = currentLayout();
  const state = stateOfRunningLab(layout);
  const failure = failureNamed(wantedScenario(state.scenario), layout, what);
  const inForce = state.failures.includes(what);
  if (inForce === (verb === 'fail')) {
    throw new TwinspanError('TS_LAB', inForce ? `${what} has failed already.` : `${what} has not failed.`);
  }
  const began = performance.now();
  await interruptible((signal) => performSteps({ layout, state, signal }, failure[verb]));
  state.failures = verb === 'fail' ? [...state.failures, what] : state.failures.filter((one) => one !== what);
  writeState(layout, state);
  say(`${what} ${verb === 'fail' ? 'failed' : 'healed'} (${secondsSince(began)})`);
  return 0;
}
