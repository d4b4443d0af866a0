import test from 'ava';
import { renderLines } from '../chart.js';
import { atLargest, type Growth, perTenfold, renderGrowth } from './growth.js';

const LOOKUP: Growth = {
  key: 'lookup',
  title: 'lookup',
  unit: 'ns',
  of: 'routes',
  points: [
    { size: 10, value: 5 },
    { size: 1000, value: 20 },
    { size: 100_000, value: 80 },
  ],
};

test('growth per tenfold is the same factor at each step', (t) => {
  t.is(perTenfold(LOOKUP.points), 2);
  t.is(
    perTenfold([
      { size: 1, value: 3 },
      { size: 5000, value: 3 },
    ]),
    1,
  );
  t.is(perTenfold([{ size: 1, value: 3 }]), Number.NaN);
  t.is(perTenfold([]), Number.NaN);
  t.is(atLargest(LOOKUP), 80);
});

test('one table for each thing, one line for each cost', (t) => {
  const peers: Growth = {
    ...LOOKUP,
    key: 'memory',
    title: 'memory',
    of: 'peers',
    points: [{ size: 1, value: 9 }],
  };
  const [first, second] = renderGrowth([LOOKUP, peers]).split('\n\n');
  t.deepEqual(first.split('\n'), [
    '| routes      |   10 | 1,000 | 100,000 | per tenfold |',
    '| ----------- | ---: | ----: | ------: | ----------: |',
    '| lookup (ns) | 5.00 |  20.0 |    80.0 |       × 2.0 |',
  ]);
  t.regex(second, /peers.*\n.*\n\| memory \(ns\) \| 9\.00 \| +× – \|/);
});

test('the chart shows each cost as a line with its first and last value', (t) => {
  const image = renderLines([LOOKUP]);
  t.is(image.match(/<circle/g)?.length, 3);
  t.true(image.includes('<polyline points="8,86 108,65 208,44"'), image);
  t.true(image.includes('>5.00<') && image.includes('>80.0<') && !image.includes('>20.0<'));
  t.true(image.includes('prefers-color-scheme:dark'));
});
