/**
 * The protocol core against wireguard-go, each scenario in a network namespace of its own with nothing but loopback.
 * $WIREGUARD_GO names another build than the one in PATH.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { rootTest } from '../../support/privileged.js';
import { wireguardGo } from '../../support/wireguard-go.js';

const PROGRAM = fileURLToPath(new URL('../../support/wireguard-interop-main.js', import.meta.url));
const LIMIT_MS = 60_000;

function present(...programs: string[]): boolean {
  return programs.every((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0);
}

function interoperate(scenario: string): void {
  const title = `wireguard-go: ${scenario}`;
  rootTest(title, (t: ExecutionContext) => {
    if (!present(wireguardGo, 'wg', 'ip', 'ping')) {
      t.log('skipped: needs wireguard-go, wg, ip and ping');
      console.log(`# SKIP ${title} (needs wireguard-go, wg, ip and ping)`);
      t.pass();
      return;
    }
    const namespace = `ts-wg-${process.pid}`;
    execFileSync('ip', ['netns', 'add', namespace]);
    try {
      const child = spawnSync('ip', ['netns', 'exec', namespace, process.execPath, PROGRAM, scenario], {
        encoding: 'utf8',
        timeout: LIMIT_MS,
      });
      t.is(child.stdout.trim(), 'ok', child.stderr);
    } finally {
      execFileSync('ip', ['netns', 'delete', namespace]);
    }
  });
}

interoperate('we call');
interoperate('they call');
interoperate('renewal by us loses nothing');
interoperate('they restart');
interoperate('we restart with the clock an hour back');
interoperate('we restart and they call');
interoperate('we roam');
interoperate('they roam');
interoperate('they come back with our cookie');
interoperate('we come back with their cookie');
interoperate('both call at once');
interoperate('a wrong pre-shared key');
