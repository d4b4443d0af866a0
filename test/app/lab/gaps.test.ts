/** Gaps in relation to the switch of a firewall. */
import test from 'ava';
import { describeGaps, silentAfterSwitch } from '../../../src/app/lab/checks/wan/gaps.js';
import { emptyTrack, type Gap } from '../../../src/app/lab/programs/meter.js';

function tracks(there: Gap[], back: Gap[]) {
  return { there: { ...emptyTrack(), gaps: there }, back: { ...emptyTrack(), gaps: back } };
}

test('silence counts from the switch to the end of the gap that it is in, or that begins with it', (t) => {
  t.is(silentAfterSwitch(tracks([{ fromMs: 100, untilMs: 1_900 }], []), 1_500), 400);
  t.is(silentAfterSwitch(tracks([], [{ fromMs: 1_510, untilMs: 1_600 }]), 1_500), 100);
  t.is(silentAfterSwitch(tracks([{ fromMs: 100, untilMs: 900 }], []), 1_500), 0);
  const later = { fromMs: 4_000, untilMs: 4_200 };
  t.is(silentAfterSwitch(tracks([later], [{ fromMs: 1_400, untilMs: 1_550 }]), 1_500), 50);
  t.is(silentAfterSwitch(tracks([], []), 1_500), 0);
});

test('gaps are told from the fault on, the short ones not at all', (t) => {
  const told = describeGaps(
    tracks([{ fromMs: 1_004, untilMs: 1_308 }], [{ fromMs: 990, untilMs: 1_100 }]),
    1_000,
  );
  t.is(told, 'there 4–308, back -10–100');
  t.is(describeGaps(tracks([{ fromMs: 1_000, untilMs: 1_060 }], []), 1_000), 'none');
});
