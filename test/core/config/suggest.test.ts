import test from 'ava';
import fc from 'fast-check';
import { editDistance, nearest, suggestion } from '../../../src/core/config/suggest.js';

/** The recursive definition. */
function slowDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const cut = (text: string, n: number): string => text.slice(0, -n);
  const same = a.at(-1) === b.at(-1) ? 0 : 1;
  const costs = [
    slowDistance(cut(a, 1), b) + 1,
    slowDistance(a, cut(b, 1)) + 1,
    slowDistance(cut(a, 1), cut(b, 1)) + same,
  ];
  if (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)) {
    costs.push(slowDistance(cut(a, 2), cut(b, 2)) + 1);
  }
  return Math.min(...costs);
}

test('edit distance agrees with its recursive definition', (t) => {
  const word = fc.stringMatching(/^[abc]{0,5}$/);
  fc.assert(fc.property(word, word, (a, b) => t.is(editDistance(a, b), slowDistance(a, b))));
});

test('a near word is suggested, a far one is not', (t) => {
  const keys = ['members', 'failback', 'site', 'nat'];
  t.is(nearest('failbak', keys), 'failback');
  t.is(nearest('memebrs', keys), 'members');
  t.is(nearest('Site', keys), 'site');
  t.is(nearest('colour', keys), undefined);
  t.is(suggestion('colour', keys), 'Known here: members, failback, site, nat.');
  t.is(suggestion('colour', []), 'None is known here.');
});
