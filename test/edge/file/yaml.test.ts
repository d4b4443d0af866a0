import { writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { parse } from 'yaml';
import { formatProblem } from '../../../src/core/config/problem.js';
import { parseYaml, readYaml } from '../../../src/edge/file/yaml.js';
import { tempDir } from '../../support/temp_dir.js';

const REFUSED: [title: string, text: string, said: RegExp][] = [
  ['a duplicate key', 'a: 1\nb:\n  c: 1\n  c: 2\n', /^f:4:3: the same key stands here twice\.$/],
  ['two documents', 'a: 1\n---\nb: 2\n', /^f:2:1: more than one YAML document in one file\.$/],
  ['a tag', 'a: !!binary aGk=\n', /^f:1:4: not valid YAML: Unresolved tag/],
  ['a tab for indentation', 'a:\n\tb: 1\n', /^f:2:1: not valid YAML: /],
  ['an open bracket', 'a: [1, 2\nb: 3\n', /^f:2:1: not valid YAML: /],
  ['an alias without anchor', 'a: *b\n', /^f:1:4: there is no anchor 'b'\.$/],
  ['a key that is a list', '? [1, 2]\n: 3\n', /^f:1:3: not valid YAML: /],
];

for (const [title, text, said] of REFUSED) {
  test(`refused: ${title}`, (t) => {
    const result = parseYaml('f', text);
    t.false(result.ok);
    if (!result.ok) t.regex(formatProblem(result.problems[0]), said);
  });
}

test('aliases are bounded', (t) => {
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x, x]\n${['b', 'c', 'd', 'e', 'f', 'g']
    .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdef'[i]}`).join(', ')}]`)
    .join('\n')}\n`;
  const result = parseYaml('f', bomb);
  t.false(result.ok);
  if (!result.ok) t.regex(result.problems[0].message, /alias/i);
  const many = parseYaml('f', `a: &a 1\nb: [${Array(1001).fill('*a').join(', ')}]\n`);
  t.false(many.ok);
  if (!many.ok) t.is(many.problems[0].message, 'more than 1000 aliases.');
  t.true(parseYaml('f', `a: &a 1\nb: [${Array(100).fill('*a').join(', ')}]\n`).ok);
});

test('nesting is bounded before it can end the process', (t) => {
  const deep = [
    '['.repeat(100_000),
    '{a: '.repeat(100_000),
    `a: ${'[\n'.repeat(50_000)}`,
    '- '.repeat(200_000),
    '? '.repeat(200_000),
    '- &a '.repeat(100_000),
    Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}-`).join('\n'),
  ];
  for (const text of deep) {
    const result = parseYaml('f', text);
    t.false(result.ok);
    if (!result.ok) t.is(result.problems[0].message, 'is nested too deeply.', text.slice(0, 20));
  }
});

test('nesting just within the bound is parsed', (t) => {
  for (const text of [
    `${'['.repeat(500)}${']'.repeat(500)}`,
    `${'- '.repeat(250)}x`,
    Array.from({ length: 251 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  ]) {
    t.true(parseYaml('f', text).ok, text.slice(0, 20));
  }
});

test('what is not UTF-8, too large, or not there is refused', (t) => {
  const directory = tempDir(t);
  const said = (name: string, bytes?: Uint8Array): string => {
    const file = path.join(directory, name);
    if (bytes !== undefined) writeFileSync(file, bytes);
    const result = readYaml(file);
    return result.ok
      ? 'ok'
      : `${result.problems[0].code} ${result.problems[0].message} ${result.problems[0].hint ?? ''}`;
  };
  t.is(said('latin1', Uint8Array.of(0x61, 0x3a, 0x20, 0xe9)), 'TS_CONFIG_INVALID is not UTF-8 text. ');
  t.is(
    said('large', new Uint8Array((1 << 22) + 1).fill(32)),
    'TS_CONFIG_INVALID has 4194305 bytes; at most 4194304 are accepted. ',
  );
  t.is(said('absent'), 'TS_CONFIG_UNREADABLE cannot be read (ENOENT). There is no such file.');
  t.is(said('json', Buffer.from('{"a": [1, true, null]}')), 'ok');
});

test('places: values, keys of collections, items, and the nearest part of what is absent', (t) => {
  const text = 'a: 1\nb:\n  c:\n    - x\n    - { d: 2 }\n"quoted": ~\n';
  const result = parseYaml('f', text);
  t.true(result.ok);
  if (!result.ok) return;
  const at = (steps: (string | number)[], part?: 'key'): string => {
    const { line, column } = result.source.locate(steps, part);
    return `${line}:${column}`;
  };
  t.is(at([]), '1:1');
  t.is(at(['a']), '1:4');
  t.is(at(['a'], 'key'), '1:1');
  t.is(at(['b']), '2:1');
  t.is(at(['b', 'c', 0]), '4:7');
  t.is(at(['b', 'c', 1, 'd']), '5:12');
  t.is(at(['b', 'c', 1, 'd'], 'key'), '5:9');
  t.is(at(['b', 'missing', 'more']), '2:1');
  t.is(at(['b', 'c', 9]), '3:3');
  t.is(at(['quoted']), '6:1');
  t.is(at(['a', 'b', 'c']), '1:4');
});

test('relative names resolve against the file', (t) => {
  const result = parseYaml('/etc/twinspan/node.yaml', 'a: 1');
  t.true(result.ok);
  if (result.ok)
    t.deepEqual(['./k', '/k', '../k'].map(result.source.resolve), ['/etc/twinspan/k', '/k', '/etc/k']);
});

test('what is written as JSON is read as it was', (t) => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ depthSize: 'small' })),
      (value) => {
        const text = JSON.stringify(value);
        const result = parseYaml('f', text);
        t.true(result.ok, text);
        if (result.ok) t.deepEqual(result.source.value, parse(text));
      },
    ),
  );
});

test('any text is a document or a list of problems', (t) => {
  const pieces = fc.array(
    fc.oneof(
      fc.string({ maxLength: 5 }),
      fc.constantFrom('\n', ': ', '- ', '  ', '{', '}', '[', ']', '&a ', '*a', '? ', '%', '"', '|'),
    ),
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const result = parseYaml('f', parts.join(''));
      if (result.ok) t.is(typeof result.source.locate(['a', 0, 'b']).line, 'number');
      else
        t.true(
          result.problems.length > 0 && result.problems.every(({ line, column }) => line >= 1 && column >= 1),
        );
    }),
    { numRuns: 500 },
  );
});
