import test from 'ava';
import fc from 'fast-check';
import { covers, type Prefix, prefixOf, samePrefix } from '../../../src/core/base/prefix.js';
import { PrefixTrie } from '../../../src/core/lpm/trie.js';
import { address, prefix } from '../../support/packets.js';

interface Row {
  prefix: Prefix;
  value: number;
}

/** The trie as a list. */
class SlowTrie {
  rows: Row[] = [];

  insert(at: Prefix, value: number): number | undefined {
    const before = this.remove(at);
    this.rows.push({ prefix: at, value });
    return before;
  }

  remove(at: Prefix): number | undefined {
    const before = this.get(at);
    this.rows = this.rows.filter((row) => !samePrefix(row.prefix, at));
    return before;
  }

  get(at: Prefix): number | undefined {
    return this.rows.find((row) => samePrefix(row.prefix, at))?.value;
  }

  longest(bytes: Uint8Array, below: number): number | undefined {
    const fits = this.rows.filter((row) => covers(row.prefix, bytes) && row.prefix.length < below);
    return fits.sort((a, b) => b.prefix.length - a.prefix.length)[0]?.value;
  }
}

/** Few bits vary, so that prefixes meet, nest and fork often. */
const prefixes = fc
  .tuple(
    fc.constantFrom('10.0.0.0', '10.0.0.128', '10.128.0.0', 'fd00::', 'fd00::1:0', 'fd00:8000::'),
    fc.nat(7),
    fc.nat(128),
  )
  .map(([text, noise, length]) => {
    const bytes = address(text);
    bytes[bytes.length - 1] ^= noise << 3;
    return prefixOf(bytes, Math.min(length, bytes.length * 8));
  });
const commands = fc.array(fc.tuple(fc.constantFrom('insert', 'insert', 'remove'), prefixes, fc.nat(99)), {
  maxLength: 80,
});

test('any history equals a list with the same history', (t) => {
  fc.assert(
    fc.property(commands, fc.array(prefixes, { maxLength: 20 }), (history, questions) => {
      const trie = new PrefixTrie<number>();
      const slow = new SlowTrie();
      for (const [verb, at, value] of history) {
        if (verb === 'insert') t.is(trie.insert(at, value), slow.insert(at, value));
        else t.is(trie.remove(at), slow.remove(at));
        t.is(trie.size, slow.rows.length);
      }
      for (const question of [...questions, ...slow.rows.map((row) => row.prefix)]) {
        t.is(trie.get(question), slow.get(question));
        t.is(trie.match(question.bytes)?.value, slow.longest(question.bytes, 129));
        t.is(trie.covering(question)?.value, slow.longest(question.bytes, question.length));
      }
      const sorted = [...slow.rows].sort(
        (a, b) =>
          a.prefix.family - b.prefix.family ||
          compare(a.prefix.bytes, b.prefix.bytes) ||
          a.prefix.length - b.prefix.length,
      );
      t.deepEqual([...trie.entries()], sorted);
    }),
    { numRuns: 500 },
  );
});

test('removing everything leaves an empty trie', (t) => {
  const trie = new PrefixTrie<number>();
  const all = [
    '0.0.0.0/0',
    '10.0.0.0/8',
    '10.1.0.0/16',
    '10.1.2.3/32',
    '::/0',
    'fd00::/8',
    'fd00::1/128',
  ].map(prefix);
  all.forEach((at, index) => {
    trie.insert(at, index);
  });
  for (const at of all) trie.remove(at);
  t.is(trie.size, 0);
  t.deepEqual([...trie.entries()], []);
  t.is(trie.match(address('10.1.2.3')), undefined);
});

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}
