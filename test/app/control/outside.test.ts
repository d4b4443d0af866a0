/** An uplink as its peers see it: public, behind NATs of either kind, and not seen at all. */
import test from 'ava';
import { type Seen, viewFromOutside } from '../../../src/app/control/outside.js';

const PUBLIC = '198.51.100.2';
const OWN = [PUBLIC, '2001:db8::2'];

function seen(peer: string, address: string, port = 51_820, more: Partial<Seen> = {}): Seen {
  return { peer, remote: `${peer}:51820`, from: 0, ownPort: 51_820, address, port, agoMs: 5, ...more };
}

const CASES: readonly [string, readonly Seen[], string][] = [
  ['nobody has said', [], 'unknown, unknown'],
  ['public', [seen('a', PUBLIC), seen('b', PUBLIC)], 'no, same'],
  ['public, one peer', [seen('a', PUBLIC)], 'no, unknown'],
  ['public in both families', [seen('a', PUBLIC), seen('b', '2001:db8::2')], 'no, unknown'],
  ['one address for all', [seen('a', '192.0.2.1', 4_000), seen('b', '192.0.2.1', 4_000)], 'yes, same'],
  ['another port for each', [seen('a', '192.0.2.1', 4_000), seen('b', '192.0.2.1', 4_001)], 'yes, differs'],
  ['another address for each', [seen('a', '192.0.2.1'), seen('b', '192.0.2.2')], 'yes, differs'],
  ['only the port is another', [seen('a', PUBLIC, 4_000)], 'yes, unknown'],
  ['a spare port may be any', [seen('a', PUBLIC, 4_000, { from: 9, ownPort: undefined })], 'no, unknown'],
  [
    'two of our ports are not compared',
    [seen('a', '192.0.2.1', 4_000), seen('b', '192.0.2.1', 4_001, { from: 9, ownPort: undefined })],
    'yes, unknown',
  ],
  [
    'two paths to one place are not compared',
    [seen('a', '192.0.2.1', 4_000), seen('a', '192.0.2.1', 4_001)],
    'yes, unknown',
  ],
];

for (const [title, all, expected] of CASES) {
  test(title, (t) => {
    const view = viewFromOutside(OWN, all);
    t.is(`${view.nat}, ${view.mapping}`, expected);
    t.deepEqual(
      view.seen.map(({ peer }) => peer),
      all.map(({ peer }) => peer),
    );
  });
}

test('places are written as elsewhere', (t) => {
  const [four, six] = viewFromOutside(OWN, [seen('a', PUBLIC), seen('b', '2001:db8::2')]).seen;
  t.deepEqual(four, { as: '198.51.100.2:51820', peer: 'a', remote: 'a:51820', agoMs: 5 });
  t.is(six.as, '[2001:db8::2]:51820');
});
