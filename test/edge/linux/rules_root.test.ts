/** Rules by rtnetlink are the rules that `ip` would make: it reads them back as they were wanted, and as its own. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ruleCommand } from '../../../src/core/plan/commands.js';
import { type HostRule, ruleIdentity } from '../../../src/core/plan/host.js';
import { rootTest } from '../../support/privileged.js';

const CHILD = fileURLToPath(new URL('./rules_child.js', import.meta.url));
const NAMESPACE = `tsrules-${process.pid}`;

const FIRST: HostRule[] = [
  { family: 4, priority: 8401, iif: 'ts-wan', mark: 0x54530001, table: 8401 },
  { family: 4, priority: 8420, iif: 'ts-wan', table: 8401 },
  { family: 4, priority: 8440, iif: 'eth1', table: 254, suppressPrefixLength: 0 },
  { family: 4, priority: 33001, oif: 'a-long-name-15c', table: 8401 },
  { family: 6, priority: 8430, mark: 0x54530000, table: 8420 },
];
const SECOND: HostRule[] = [...FIRST.slice(2), { family: 4, priority: 8420, iif: 'ts-wan', table: 8402 }];

const inside = (...argv: string[]): string =>
  execFileSync('ip', ['netns', 'exec', NAMESPACE, ...argv], { encoding: 'utf8' });
const sorted = (rules: readonly HostRule[]): string[] => rules.map(ruleIdentity).sort();

rootTest('rules are switched by rtnetlink: added, replaced, removed, and the same as those of ip', (t) => {
  execFileSync('ip', ['netns', 'add', NAMESPACE]);
  try {
    const steps = [FIRST, SECOND, []];
    const seen = JSON.parse(inside(process.execPath, CHILD, JSON.stringify(steps))) as HostRule[][];
    t.deepEqual(seen.map(sorted), steps.map(sorted));
    // Made by ip, gone by rtnetlink: they are one and the same to the kernel.
    for (const rule of FIRST) inside(...ruleCommand('add', rule));
    const [there, gone] = JSON.parse(
      inside(process.execPath, CHILD, JSON.stringify([FIRST, []])),
    ) as HostRule[][];
    t.deepEqual([sorted(there), gone], [sorted(FIRST), []]);
  } finally {
    execFileSync('ip', ['netns', 'del', NAMESPACE]);
  }
});
