/** What is said of an uplink, by what is wrong with it and what the others show. */
import test from 'ava';
import { type JudgedPath, type JudgedUplink, verdictOn } from '../../../src/app/control/verdict.js';

function path(peer: string, lossPercent = 0, state: JudgedPath['state'] = 'up', why = ''): JudgedPath {
  return { peer, lossPercent, state, why, narrowMtu: undefined };
}

function uplink(name: string, paths: JudgedPath[], more: Partial<JudgedUplink> = {}): JudgedUplink {
  return { name, state: 'up', reasons: [], paths, ...more };
}

const POOR = {
  state: 'degraded' as const,
  reasons: [{ code: 'paths-degraded', text: 'packets to a, b are lost or late' }],
};
const LOSSY = ['a', 'b', 'c'].map((peer, index) => path(peer, 26 + index, 'degraded', 'loss'));
const CLEAN = ['a', 'b', 'c'].map((peer) => path(peer));
const DEAD = CLEAN.map(({ peer }) => path(peer, 0, 'down', 'detection time expired'));

const CASES: readonly [string, JudgedUplink, JudgedUplink[], string][] = [
  ['all is well', uplink('isp1', CLEAN), [], 'well: 3 of 3 paths up'],
  [
    'a node that is reached at one of its endpoints',
    uplink('isp1', [path('a'), path('a', 0, 'down', 'not heard yet')]),
    [],
    'well: 1 of 2 paths up, every node reached',
  ],
  ['nothing to measure by', uplink('isp1', []), [], 'well: no path to a node goes by it'],
  [
    'loss that another uplink does not have',
    uplink('isp2', LOSSY, POOR),
    [uplink('isp1', CLEAN)],
    'poor: 28 % loss on 3 of 3 paths, none by isp1 to the same nodes',
  ],
  ['loss, and no other uplink', uplink('isp1', LOSSY, POOR), [], 'poor: 28 % loss on 3 of 3 paths'],
  [
    'loss that all uplinks have',
    uplink('isp2', LOSSY, POOR),
    [uplink('isp1', LOSSY, POOR), uplink('lte', DEAD)],
    'poor: 28 % loss on 3 of 3 paths, and by isp1 too: perhaps not its fault',
  ],
  [
    'loss to one node',
    uplink('isp1', [path('a', 7, 'degraded', 'loss 7 %'), path('b'), path('c')]),
    [],
    'well: 3 of 3 paths up; 7 % loss to a alone, perhaps not its fault',
  ],
  [
    'late',
    uplink(
      'isp1',
      [90, 700].map((ms) => path('a', 0, 'degraded', `round trip ${ms} ms, was 12`)),
      POOR,
    ),
    [],
    'poor: packets are late on 2 of 2 paths: round trip 700 ms, was 12',
  ],
  [
    'certainly down',
    uplink('isp1', DEAD, { state: 'down', reasons: [{ code: 'no-carrier', text: 'wan0 has no carrier' }] }),
    [uplink('isp2', CLEAN)],
    'bad: wan0 has no carrier',
  ],
  [
    'a cause, and what follows from it',
    uplink('isp1', DEAD, {
      state: 'down',
      reasons: [
        { code: 'gateway-silent', text: 'the gateway 198.51.100.1 does not answer' },
        { code: 'paths-down', text: 'a, b, c cannot be reached by it' },
      ],
    }),
    [],
    'bad: the gateway 198.51.100.1 does not answer; a, b, c cannot be reached by it',
  ],
  [
    'down, and recovering',
    uplink('isp1', CLEAN, { state: 'down' }),
    [],
    'bad: it has yet to prove itself again',
  ],
  [
    'degraded, and recovering',
    uplink('isp1', CLEAN, { state: 'degraded' }),
    [],
    'poor: 3 of 3 paths up; it has yet to prove itself again',
  ],
  [
    'a node that answers nobody',
    uplink('isp1', [path('a'), path('b'), DEAD[2]]),
    [uplink('isp2', [path('a'), path('b'), DEAD[2]])],
    'well: 2 of 3 paths up; no answer from c by any uplink',
  ],
  [
    'a narrow link on the way',
    uplink('isp1', [{ ...path('a'), narrowMtu: 1_220 }, { ...path('b'), narrowMtu: 1_300 }, path('c')]),
    [],
    'well: 3 of 3 paths up; packets of more than 1220 bytes do not pass 2 of 3 paths',
  ],
  [
    'several things at once',
    uplink('isp1', LOSSY, {
      ...POOR,
      reasons: [...POOR.reasons, { code: 'some-probes-failed', text: 'no answer from ping 192.0.2.7' }],
    }),
    [],
    'poor: 28 % loss on 3 of 3 paths; no answer from ping 192.0.2.7',
  ],
];

for (const [title, one, others, expected] of CASES) {
  test(title, (t) => {
    const { grade, text } = verdictOn(one, others);
    t.is(`${grade}: ${text}`, expected);
  });
}
