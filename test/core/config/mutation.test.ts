/** Whatever a configuration holds, loading it answers: accepted, or refused with a place and a sentence. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { parse } from 'yaml';
import { diffConfiguration } from '../../../src/core/config/diff.js';
import { type Loaded, loadConfiguration } from '../../../src/core/config/load.js';
import type { Source } from '../../../src/core/config/problem.js';
import { loadTexts, SEED_NETWORK, SEED_NODE } from '../../support/seed_config.js';

function checkAnswer(t: ExecutionContext, loaded: Loaded): void {
  if (loaded.ok) {
    const { self, cluster, memberIndex, clusters } = loaded.configuration;
    t.is(clusters[cluster].members[memberIndex], self);
    t.deepEqual(diffConfiguration(loaded.configuration, loaded.configuration).restartNeeded, []);
  } else t.true(loaded.problems.length > 0);
  for (const problem of [...loaded.warnings, ...(loaded.ok ? [] : loaded.problems)]) {
    const placed = problem.file !== '' && problem.line >= 1 && problem.column >= 1;
    t.true(placed && problem.message.length > 0, JSON.stringify(problem));
  }
}

function sourceOf(value: unknown): Source {
  return { value, locate: () => ({ file: 'f', line: 1, column: 1 }), resolve: (name) => name };
}

const WORDS = [
  'edge1-a',
  'AWSCluster',
  '10.100.10.0/24',
  '0.0.0.0/0',
  '::/0',
  '__proto__',
  'constructor',
  'toString',
  'wan',
];
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...WORDS, null, undefined, true, false, 0, -1, 1e308, Number.NaN, '', [], {}),
  fc.jsonValue(),
  fc.anything({
    withNullPrototype: true,
    withBigInt: true,
    withTypedArray: true,
    withMap: true,
    withDate: true,
  }),
);

interface Mutation {
  picks: number[];
  kind: 'set' | 'delete' | 'rename' | 'copy' | 'append';
  put: unknown;
  name: string;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  picks: fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }),
  kind: fc.constantFrom(
    'set' as const,
    'delete' as const,
    'rename' as const,
    'copy' as const,
    'append' as const,
  ),
  put: value,
  name: fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 5 })),
});

function define(at: object, key: string, put: unknown): void {
  Reflect.defineProperty(at, key, { value: put, enumerable: true, configurable: true, writable: true });
}

/** Changes one place of `root`, found by walking as `picks` say. */
function mutate(root: unknown, { picks, kind, put, name }: Mutation): void {
  let at = root as Record<string, unknown>;
  for (const [depth, pick] of picks.entries()) {
    const keys = Object.keys(at);
    if (keys.length === 0) return;
    const key = keys[pick % keys.length];
    const next = at[key];
    if (depth < picks.length - 1 && typeof next === 'object' && next !== null) {
      at = next as Record<string, unknown>;
      continue;
    }
    if (kind === 'append' && Array.isArray(next)) next.push(put);
    else if (kind === 'set' || kind === 'append') define(at, key, put);
    else if (kind === 'copy') define(at, key, at[keys[(pick + 1) % keys.length]]);
    else if (Array.isArray(at)) at.splice(Number(key), 1);
    else {
      Reflect.deleteProperty(at, key);
      if (kind === 'rename') define(at, name, next);
    }
    return;
  }
}

test('mutated values are accepted or refused, never thrown at', (t) => {
  const network = fc.array(mutation, { maxLength: 3 });
  fc.assert(
    fc.property(network, fc.array(mutation, { maxLength: 1 }), (forNetwork, forNode) => {
      const networkValue: unknown = parse(SEED_NETWORK);
      const nodeValue: unknown = parse(SEED_NODE);
      for (const change of forNetwork) mutate(networkValue, change);
      for (const change of forNode) mutate(nodeValue, change);
      checkAnswer(t, loadConfiguration({ node: sourceOf(nodeValue), network: sourceOf(networkValue) }));
    }),
    { numRuns: 500 },
  );
});

test('any values at all are accepted or refused', (t) => {
  fc.assert(
    fc.property(value, value, (node, network) => {
      checkAnswer(t, loadConfiguration({ node: sourceOf(node), network: sourceOf(network) }));
    }),
    { numRuns: 500 },
  );
});

const PIECES = [
  '\n',
  '  ',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '&a ',
  '*a',
  '<<: ',
  '!!binary ',
  '"',
  "'",
  '\t',
  '#',
  '|',
  '---\n',
  '\u0000',
  '🦊',
];

test('mutated text is accepted or refused, with places inside the text', (t) => {
  const cut = fc.record({
    at: fc.nat(SEED_NETWORK.length),
    remove: fc.nat(12),
    put: fc.oneof(fc.constantFrom(...PIECES, ...WORDS), fc.string({ maxLength: 4 })),
  });
  fc.assert(
    fc.property(fc.array(cut, { minLength: 1, maxLength: 3 }), (cuts) => {
      let text = SEED_NETWORK;
      for (const { at, remove, put } of cuts) text = text.slice(0, at) + put + text.slice(at + remove);
      const loaded = loadTexts(text, SEED_NODE);
      checkAnswer(t, loaded);
      const last = text.split('\n').length;
      for (const { file, line } of loaded.ok ? [] : loaded.problems) {
        t.true(line <= (file.endsWith('network.yaml') ? last : 8), `line ${line} of ${last}`);
      }
    }),
    { numRuns: 500 },
  );
});
