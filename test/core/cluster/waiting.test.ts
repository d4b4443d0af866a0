/** Why a standby does not claim, as it would tell an operator, in the situations that matter; and that it keeps its word. */
import test, { type ExecutionContext } from 'ava';
import { setCarrier } from '../../sim/faults.js';
import { SMALL } from '../../sim/layout.js';
import { WARM_UP_MS } from '../../sim/run.js';
import { World } from '../../sim/world.js';
import { golden } from '../../support/golden.js';

const STEP_MS = 10;

/** Runs `world`, and returns each new thing that `name` says of its waiting, and each change of its role. */
function listen(t: ExecutionContext, world: World, name: string, forMs: number): string[] {
  const lines: string[] = [];
  let said = '';
  let promisedMs: number | undefined;
  for (let ms = 0; ms < forMs; ms += STEP_MS) {
    world.run(STEP_MS);
    const { core } = world.node(name);
    const { now } = world.clock;
    if (core === undefined) continue;
    const { role, waiting } = core.member;
    const line = role === 'standby' ? (waiting?.why ?? '?') : role;
    if (role === 'standby' && waiting?.untilMs !== undefined) {
      // Whoever promises a time asks to be called by then.
      if (waiting.untilMs > now) t.true(core.nextDeadline() <= waiting.untilMs, line);
      promisedMs = waiting.untilMs;
    }
    if (line === said) continue;
    if (role === 'active' && promisedMs !== undefined) t.true(now >= promisedMs && now <= promisedMs + 100);
    lines.push(line);
    said = line;
  }
  return lines;
}

function section(t: ExecutionContext, world: World, name: string, title: string, forMs = 1_000): string {
  return [`--- ${title}: ${name} says`, ...listen(t, world, name, forMs)].join('\n');
}

test('what stands against a claim', (t) => {
  const world = new World({ seed: 1, placement: { mesh: 'full', redis: 'site' }, clusters: SMALL });
  world.startAll();
  const texts = [section(t, world, 'b', 'both have just started', WARM_UP_MS)];
  const at = (title: string, change: () => unknown, name = 'b', forMs = 1_000): void => {
    change();
    texts.push(section(t, world, name, title, forMs));
  };
  at('b is drained', () => world.node('b').command('drain'));
  at('b is undrained', () => world.node('b').command('undrain'));
  at('the LAN of b has no carrier', () => setCarrier(world, 'b', false));
  at('it has one again', () => setCarrier(world, 'b', true), 'b', 4_000);
  at('a is killed', () => world.node('a').kill());
  at('a starts', () => world.node('a').start(), 'a', 14_000);
  at('the operator moves the role to b', () => world.node('b').command('failover'), 'a', 3_000);
  golden(t, 'cluster-waiting.txt', `${texts.join('\n')}\n`);
});

test('failback by hand', (t) => {
  const world = new World({
    seed: 1,
    placement: { mesh: 'full', redis: 'none' },
    clusters: SMALL,
    failback: 'manual',
  });
  world.startAll();
  world.run(WARM_UP_MS);
  world.node('a').kill();
  world.run(2_000);
  world.node('a').start();
  const lines = listen(t, world, 'a', 10_000);
  t.is(lines.at(-1), 'b is active, and failback is manual');
});
