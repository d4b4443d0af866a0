/** What the failure programme measured, as a table: percentiles, budgets, the README's place for it. */
import test from 'ava';
import { describeFigures, percentile } from '../../../src/app/lab/checks/figures.js';
import {
  formatRow,
  formatTable,
  isOverBudget,
  markersOf,
  mergeTable,
  withTable,
} from '../../../src/app/lab/commands/table.js';

const [START, END] = markersOf('wan');

const ROWS = [
  {
    name: 'killed',
    verdict: 'pass',
    detail: '',
    measuredMs: [300, 100, 200],
    budgetMs: 250,
    stallMs: 600,
  },
  { name: 'handed over', verdict: 'fail', detail: 'why', measuredMs: [20], lost: 3 },
  { name: 'skipped', verdict: 'skip', detail: 'no moto', measuredMs: [] },
  { name: 'nothing measured', verdict: 'pass', detail: 'fine' },
] as const;

test('percentiles are values that were measured (nearest rank)', (t) => {
  const values = Array.from({ length: 20 }, (_, index) => 20 - index);
  t.deepEqual(
    [0.5, 0.9, 0.99, 1].map((fraction) => percentile(values, fraction)),
    [10, 18, 20, 20],
  );
  t.is(percentile([7], 0.5), 7);
  t.is(percentile([], 0.5), Number.NaN);
  t.is(describeFigures([41.6]), '42 ms');
  t.is(describeFigures([1, 2, 3]), 'p50 2 p90 3 max 3 ms of 3');
});

test('the table has a line for each row that measured something', (t) => {
  t.deepEqual(formatTable(ROWS).split('\n'), [
    '|                      |   n | p50 | p90 | max | budget | TCP stall | packets lost |',
    '| -------------------- | --: | --: | --: | --: | -----: | --------: | -----------: |',
    '| killed               |   3 | 200 | 300 | 300 |    250 |       600 |              |',
    '| handed over — FAILED |   1 |  20 |  20 |  20 |        |           |            3 |',
  ]);
});

test('what is over its budget says so', (t) => {
  t.true(isOverBudget(ROWS[0]));
  t.false(isOverBudget(ROWS[1]));
  t.regex(formatRow({ ...ROWS[0], seconds: 1 }), /^pass {2}killed\n.*budget 250 ms: OVER/);
  t.regex(formatRow({ ...ROWS[1], seconds: 1 }), /^FAIL {2}handed over\n.*3 packets lost; why$/);
});

test('the README keeps everything but what is between the markers', (t) => {
  const other = markersOf('wan-one').join('\nother\n');
  const readme = `a\n${START}\nold\n${END}\nb\n${other}`;
  const changed = withTable(readme, 'wan', 'new');
  t.is(changed, `a\n${START}\n\nnew\n\n${END}\nb\n${other}`);
  t.is(withTable(changed!, 'wan', 'new'), changed);
  t.is(withTable(readme, 'wan-two', 'new'), undefined);
  t.is(withTable(`${END} ${START}`, 'wan', 'new'), undefined);
});

test('a part of the programme replaces its own rows of the table and keeps the others', (t) => {
  const readme = withTable(`${START}${END}`, 'wan', `${formatTable(ROWS)}\n\nabout | it`)!;
  const handedOver = {
    name: 'handed over',
    verdict: 'pass',
    detail: '',
    measuredMs: [5, 6],
    lost: 0,
  } as const;
  const silent = { name: 'silent', verdict: 'pass', detail: '', measuredMs: [9] } as const;
  t.deepEqual(mergeTable(readme, 'wan', [handedOver, silent]).split('\n').slice(2), [
    '| killed      |   3 | 200 | 300 | 300 |    250 |       600 |              |',
    '| handed over |   2 |   5 |   6 |   6 |        |           |            0 |',
    '| silent      |   1 |   9 |   9 |   9 |        |           |              |',
  ]);
});
