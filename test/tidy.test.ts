/**
 * Taste as a test. Each rule reads the whole repository, and each has a test of its own with a sample that breaks it,
 * because a rule that cannot fail protects nothing.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { docstrings, moduleHeads, scriptHeads } from './support/tidy/heads.js';
import { importLaw, importsOf } from './support/tidy/imports.js';
import { fileLength, functionLength, medianLength } from './support/tidy/sizes.js';
import { type Rule, readSources, type Source, withoutComments } from './support/tidy/source.js';
import { deadFiles, unusedDropReasons, unusedErrors } from './support/tidy/usage.js';
import { bannedCalls, foreignWords, leftovers, noEvasion } from './support/tidy/words.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Rules of the finished whole: until all parts stand together they report without failing. */
const WHOLE = true;

const sources = readSources(ROOT);

/** The rule is kept by the repository, and breaks on each of `samples`: path, text, what it says. */
function hold(title: string, rule: Rule, samples: [string, string, RegExp][], enforced = true): void {
  test(title, (t) => {
    const problems = rule(sources);
    if (!enforced) t.log(problems.join('\n') || 'nothing to report');
    t.deepEqual(enforced ? problems : [], []);
  });
  test(`${title}: the rule can fail`, (t) => {
    for (const [path, text, complaint] of samples) {
      const others = sources.filter((source) => source.path !== path);
      const found = rule([...others, { path, text }]).filter((problem) => complaint.test(problem));
      t.true(found.length > 0, `nothing is said about ${path}`);
    }
  });
}

const lines = (count: number, line = 'x;'): string => `${line}\n`.repeat(count);

hold('imports follow the law', importLaw, [
  ['src/core/base/a.ts', "import { b } from '../packet/b.js';", /core\/base may import nothing/],
  ['src/core/nat/a.ts', "export type { R } from '../route/r.js';", /may import base, packet/],
  ['src/core/new/a.ts', "import '../base/b.js';", /has no place/],
  ['src/core/base/a.ts', "import { z } from 'zod';", /may not import the package zod/],
  ['src/core/plan/a.ts', "import { t } from '../../edge/tun/t.js';", /core is pure/],
  ['src/edge/tun/a.ts', "import {\n  u,\n} from '../udp/u.js';", /an edge imports/],
  ['src/edge/tun/a.ts', "await import('../../app/main.js');", /an edge imports/],
  ['src/app/cli/a.ts', "import { c } from '../control/c.js';", /over its socket/],
  ['src/app/dataplane/a.ts', "import pino from 'pino';", /may not import the package pino/],
  ['src/app/main.ts', "import { fake } from '../../test/support/fake.js';", /nothing but src/],
]);

hold('core asks nobody for time or chance', bannedCalls, [
  ['src/core/base/a.ts', 'const t = Date.now();', /a\.ts:1: Date\.now/],
  ['src/core/base/a.ts', '\nconst r = Math.random();', /a\.ts:2: Math\.random/],
  ['src/core/base/a.ts', 'const d = new Date(0);', /new Date/],
]);

hold('files are at most 400 lines', fileLength, [
  ['src/app/a.ts', lines(401), /401 lines/],
  ['native/a.cc', lines(500), /500 lines/],
]);

hold('functions are at most 70 lines', functionLength, [
  [
    'src/app/a.ts',
    `export function long(): void {\n${lines(69, '  x;')}}\n`,
    /a\.ts:1: a function of 71 lines/,
  ],
  [
    'src/app/a.ts',
    `class A {\n  #m(\n    a: number,\n  ): void {\n${lines(67, '    x;')}  }\n}\n`,
    /:2: .* 71 lines/,
  ],
  ['test/a.test.ts', `test('x', (t) => {\n${lines(70, '  x;')}});\n`, /72 lines/],
  ['native/a.cc', `int F(int a) noexcept {\n${lines(80, '  x;')}}\n`, /82 lines/],
]);

test('what is no function has no length', (t) => {
  const body = lines(80, '  x;');
  for (const head of ['if (a) {', 'if (\n  a\n) {', 'const table = {', 'export class A {', 'namespace a {']) {
    t.deepEqual(functionLength([{ path: 'src/app/a.ts', text: `${head}\n${body}}\n` }]), [], head);
  }
  const short = `function a() {\n${lines(60, '  x;')}}\n`;
  t.deepEqual(functionLength([{ path: 'src/app/a.ts', text: short + short }]), []);
});

test('half of the modules are at most 150 lines', (t) => {
  t.deepEqual(medianLength(sources), []);
  const long = (path: string): Source => ({ path, text: lines(151) });
  t.is(medianLength([long('src/a.ts'), long('src/b.ts'), { path: 'src/c.ts', text: '' }]).length, 1);
});

hold('nothing is left over', leftovers, [
  ['src/app/a.ts', `// ${'TO'}${'DO'}: later`, /later|do it/],
  ['scripts/a', `# ${'FIX'}${'ME'}`, /scripts\/a:1/],
]);

hold('the repository knows no machine and no registry', foreignWords, [
  ['README.md', `cd /${'home'}/me/twinspan`, /path of one machine/],
  ['scripts/a', `x=/${'root'}/go`, /path of one machine/],
  ['package-lock.json', `"https://${'registry'}.npmjs.org/x"`, /registry's host/],
]);

hold('no test is switched off', noEvasion, [
  ['test/a.test.ts', `${'test'}.skip('x', () => {});`, /every test runs/],
  ['test/a.test.ts', `${'test'}.serial.only('x', () => {});`, /every test runs/],
]);

hold('scripts and modules say what they are', (all) => [...scriptHeads(all), ...moduleHeads(all)], [
  ['scripts/a', '#!/usr/bin/env bash\nset -e\n', /scripts\/a/],
  ['src/app/a.ts', "import x from './x.js';\n", /src\/app\/a\.ts/],
]);

hold(
  'public functions have docstrings',
  docstrings,
  [['src/core/base/a.ts', '/** Head. */\n\nexport function bare(): void {}\n', /a\.ts:3: bare/]],
  WHOLE,
);

hold(
  'every module is imported',
  deadFiles,
  [['src/core/base/lonely.ts', 'export const a = 1;', /lonely\.ts: no module/]],
  WHOLE,
);

hold(
  'every coded error is raised',
  unusedErrors,
  [['src/core/base/errors.ts', "export const E = {\n  TS_NEVER_RAISED: '',\n};", /TS_NEVER_RAISED/]],
  WHOLE,
);

hold(
  'every drop reason is given',
  unusedDropReasons,
  [['src/core/packet/drop.ts', "export const D = [\n  'never-given',\n];", /never-given/]],
  WHOLE,
);

test('formatter and linter have nothing to say', (t) => {
  const biome = join(ROOT, 'node_modules/.bin/biome');
  const { status, stdout, stderr } = spawnSync(biome, ['check', '.'], { cwd: ROOT, encoding: 'utf8' });
  t.is(status, 0, `${stdout}${stderr}`);
});

test('imports are found in every form, and not in comments', (t) => {
  const text = [
    "import type { A } from './a.js';",
    "import './b.js';",
    "export * from '../c.js';",
    "const d = import('./d.js');",
    "new Worker(new URL('./e.js', import.meta.url));",
    "// import './f.js'",
    "/* import './g.js' */ const url = 'https://example.net/'; import h from 'h';",
  ].join('\n');
  t.deepEqual(
    importsOf({ path: 'src/app/x.ts', text })
      .map(({ to }) => to)
      .sort(),
    ['h', 'src/app/a.ts', 'src/app/b.ts', 'src/app/d.ts', 'src/app/e.ts', 'src/c.ts'],
  );
  t.is(withoutComments("a // b\n'//c' /* d\ne */ f").replace(/ +/g, ' '), "a \n'//c' \n f");
});
