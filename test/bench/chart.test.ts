import test from 'ava';
import { renderBars } from './chart.js';
import { buildReport } from './report.js';

const PLACE = {
  date: '',
  kernel: '',
  node: '',
  cpu: '',
  cores: 2,
  repeats: 1,
  seconds: 1,
  warnings: [],
};

const sample = (measure: string, peer: string, value: number) => ({
  measure,
  peer,
  value,
  busyCores: 1,
  foreignCores: 0,
});

test('bars of a figure are as long as their share of its largest, and ours has a colour of its own', (t) => {
  const peers = {
    kernel: { title: 'kernel <plain>', version: '' },
    twinspan: { title: 'Twinspan', version: '' },
  };
  const figure = { key: 'tcp1', title: 'TCP', unit: 'Gb/s', better: 'higher' } as const;
  const samples = [sample('tcp1', 'kernel', 10), sample('tcp1', 'twinspan', 5)];
  const image = renderBars(buildReport({ ...PLACE, peers }, [figure], samples, {}, {}));
  t.deepEqual(
    [...image.matchAll(/<rect x="250".*? width="(\d+)".*? class="(\w+)"/g)].map(([, width, name]) => [
      width,
      name,
    ]),
    [
      ['400', 'bar'],
      ['200', 'ours'],
    ],
  );
  t.true(image.includes('kernel &lt;plain>') && image.includes('prefers-color-scheme:dark'));
});

test('a figure that is missing or without end is a bar of no length', (t) => {
  const peers = { twinspan: { title: 'Twinspan', version: '' } };
  const figure = { key: 'p99', title: 'p99', unit: 'ms', better: 'lower' } as const;
  const samples = [sample('p99', 'twinspan', Number.POSITIVE_INFINITY)];
  const image = renderBars(buildReport({ ...PLACE, peers }, [figure], samples, {}, {}));
  t.regex(image, /<rect x="250".*? width="1"/);
});
