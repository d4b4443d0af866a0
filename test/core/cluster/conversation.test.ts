/** What a pair says and does in the situations that matter, line by line (test/golden/cluster-*.txt). */
import test from 'ava';
import { parseHello } from '../../../src/core/cluster/hello.js';
import { epochText, type Output } from '../../../src/core/cluster/outputs.js';
import type { MemberRecord } from '../../../src/core/cluster/record.js';
import { type Placement, SMALL } from '../../sim/layout.js';
import type { SimNode } from '../../sim/node.js';
import { WARM_UP_MS } from '../../sim/run.js';
import { World } from '../../sim/world.js';
import { golden } from '../../support/golden.js';

function recordText({ role, epoch, able, lan, serve, score, held }: MemberRecord): string {
  const flags = Object.entries({ able, lan, serve, held }).filter(([, value]) => value);
  return `${role} ${epochText(epoch)} ${flags.map(([name]) => name).join(' ')} score ${score}`;
}

/** Writes down what the members of the site want done; a hello when its record says something new. */
class Script {
  readonly #lines: string[] = [];
  readonly #said = new Map<string, string>();
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    world.onOutput = (node, output) => {
      if (node.site.name === 'site') this.#write(node, output);
    };
  }

  say(text: string): void {
    this.#lines.push(`${this.#world.clock.now.toFixed(1).padStart(8)}  ${text}`);
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #write({ name }: SimNode, output: Output): void {
    switch (output.type) {
      case 'persist':
        this.say(`${name}  stores n = ${output.epochN}`);
        break;
      case 'send':
        this.#writeHello(name, output.bytes);
        break;
      case 'act':
        this.say(`${name}  ACTS under ${epochText(output.epoch)}`);
        break;
      case 'rest':
        this.say(`${name}  RESTS, below ${epochText(output.epoch)}`);
        break;
      case 'claim':
        this.say(
          `${name}  asks Redis for ${epochText(output.claim.epoch)}, expecting ${epochText(output.claim.expected)}`,
        );
        break;
      case 'event': {
        const { event } = output;
        const change = event.from === undefined ? event.name : `${event.from} → ${event.to}`;
        this.say(`${name}  ${change}: ${event.why}`);
        break;
      }
    }
  }

  #writeHello(name: string, bytes: Uint8Array): void {
    const message = parseHello(bytes);
    if (message?.kind !== 'hello') return;
    const text = recordText(message.record);
    if (this.#said.get(name) === text) return;
    this.#said.set(name, text);
    this.say(`${name}  announces ${text}`);
  }
}

const SITE_REDIS: Placement = { mesh: 'full', redis: 'site' };

function converse(placement: Placement, act: (world: World, script: Script) => void): string {
  const world = new World({ seed: 1, placement, clusters: SMALL });
  world.startAll();
  world.run(WARM_UP_MS);
  const script = new Script(world);
  act(world, script);
  return script.text;
}

test('the active is killed, and takes the role back after it has recovered', (t) => {
  const text = converse(SITE_REDIS, (world, script) => {
    script.say('--- a is killed');
    world.node('a').kill();
    world.run(2_000);
    script.say('--- a starts');
    world.node('a').start();
    world.run(16_000);
  });
  golden(t, 'cluster-takeover-and-failback.txt', text);
});

test('the active is drained, and put in service again', (t) => {
  const text = converse(SITE_REDIS, (world, script) => {
    script.say('--- a is drained');
    world.node('a').command('drain');
    world.run(1_000);
    script.say('--- a is undrained');
    world.node('a').command('undrain');
    world.run(12_000);
  });
  golden(t, 'cluster-drain.txt', text);
});

test('the operator hands the role over, and it stays', (t) => {
  const text = converse(SITE_REDIS, (world, script) => {
    script.say('--- failover at a');
    world.node('a').command('failover');
    world.run(30_000);
    t.true(world.node('b').acting);
    script.say('--- failover at a again');
    world.node('a').command('failover');
    world.run(1_000);
    t.true(world.node('a').acting);
  });
  golden(t, 'cluster-failover.txt', text);
});

test('Redis is dead: no role moves; then the active dies and witnesses tell', (t) => {
  const text = converse(SITE_REDIS, (world, script) => {
    script.say('--- Redis dies');
    world.redisOf(SMALL[0])?.stop();
    world.run(5_000);
    script.say('--- the partner link is cut');
    world.links.cut.add('a>b');
    world.links.cut.add('b>a');
    world.run(5_000);
    script.say('--- a is killed');
    world.node('a').kill();
    world.run(2_000);
  });
  golden(t, 'cluster-witnesses.txt', text);
});

test('Redis comes back empty: nothing moves and the register heals', (t) => {
  const text = converse(SITE_REDIS, (world, script) => {
    world.node('a').command('failover');
    world.run(1_000);
    script.say('--- Redis dies');
    world.redisOf(SMALL[0])?.stop();
    world.run(3_000);
    script.say('--- Redis starts empty');
    world.redisOf(SMALL[0])?.start('empty');
    world.run(5_000);
    t.deepEqual(world.node('b').core?.register.register, { n: 2, member: 1 });
  });
  golden(t, 'cluster-redis-empty.txt', text);
});
