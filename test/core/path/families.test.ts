/** Families of an uplink as its addresses come and go. */
import test from 'ava';
import { withFamilies } from '../../../src/core/path/families.js';
import type { Uplink } from '../../../src/core/path/path.js';

const BOTH: Uplink = { id: 0, name: 'isp1', socket: 0, cost: 10, v4: true, v6: true };
const FOUR = '198.51.100.2/24';
const SIX = '2001:db8::2/64';

const CASES: readonly [string, readonly string[], 4 | 6 | undefined, string][] = [
  ['IPv4 alone', [FOUR], undefined, 'v4'],
  ['IPv6 alone', [SIX], undefined, 'v6'],
  ['both', [FOUR, SIX], undefined, 'v4 v6'],
  ['none: what it had', [], undefined, 'v4 v6'],
  ['bound to one of two', [FOUR, SIX], 4, 'v4'],
  ['bound to the other', [FOUR, SIX], 6, 'v6'],
  ['bound to what is away: what it had', [FOUR], 6, 'v4 v6'],
];

for (const [title, addresses, bound, expected] of CASES) {
  test(title, (t) => {
    const { v4, v6, ...rest } = withFamilies(BOTH, addresses, bound);
    t.is([v4 ? 'v4' : '', v6 ? 'v6' : ''].join(' ').trim(), expected);
    t.like(BOTH, rest);
  });
}

test('what does not change is the same object', (t) => {
  t.is(withFamilies(BOTH, [FOUR, SIX], undefined), BOTH);
});
