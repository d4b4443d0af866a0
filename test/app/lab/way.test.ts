/** How the lab's firewall judges its ways, and which one it takes. */
import test from 'ava';
import { BACK_MS, chooseWay, SILENCE_MS, Way } from '../../../src/app/lab/programs/way.js';

/** Answers every 200 ms from `from` up to `until`. */
function answered(way: Way, from: number, until: number): void {
  for (let now = from; now <= until; now += 200) {
    way.handleAnswer(now);
    way.judge(now);
  }
}

test('a way is bad at once without a carrier, and good again only after a while', (t) => {
  const way = new Way(0);
  answered(way, 0, 10_000);
  t.true(way.good);
  way.handleCarrier(false);
  t.true(way.judge(10_010));
  t.false(way.good);
  t.is(way.why, 'no carrier');
  way.handleCarrier(true);
  answered(way, 10_100, 10_100 + BACK_MS - 100);
  t.false(way.good);
  answered(way, 10_100 + BACK_MS, 10_100 + BACK_MS);
  t.true(way.good);
});

test('a silent way is bad after a second, and one more silence begins the wait anew', (t) => {
  const way = new Way(0);
  t.false(way.judge(SILENCE_MS));
  t.true(way.judge(SILENCE_MS + 1));
  t.is(way.why, 'no answer for 1000 ms');
  answered(way, 2_000, 6_000);
  way.judge(7_500);
  answered(way, 8_000, 8_000 + BACK_MS - 200);
  t.false(way.good);
  answered(way, 8_000 + BACK_MS, 8_000 + BACK_MS);
  t.true(way.good);
});

test('the wanted way while it is good, else the first that is, else the wanted one all the same', (t) => {
  const [good, bad] = [{ good: true }, { good: false }];
  t.is(chooseWay([good, good], 1), 1);
  t.is(chooseWay([good, bad], 1), 0);
  t.is(chooseWay([bad, good], 0), 1);
  t.is(chooseWay([bad, bad], 1), 1);
});
