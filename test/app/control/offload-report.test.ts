/** What `status` says of each offload, and how a demotion comes to be told. */
import { constants } from 'node:os';
import test from 'ava';
import { Demotions } from '../../../src/app/control/demotions.js';
import type { Logger } from '../../../src/app/control/log.js';
import { type OffloadFacts, offloadReports } from '../../../src/app/control/offload-report.js';
import type { DemotedOffload } from '../../../src/app/dataplane/protocol.js';
import type { OffloadName } from '../../../src/core/config/configuration.js';

const { EIO, EINVAL } = constants.errno;
const AUTO = {
  tunCsum: 'auto',
  tunTso: 'auto',
  tunUso: 'auto',
  tunGro: 'auto',
  udpGso: 'auto',
  udpGro: 'auto',
} as const;
const SOCKETS = ['isp1', 'isp2'].map((name) => ({ name, fds: [9], offloads: 3, waitsFor: '' }));

function facts(demoted: readonly DemotedOffload[], changes: Partial<OffloadFacts> = {}) {
  const events: unknown[] = [];
  const log = { warn: (event: unknown) => events.push(event) } as unknown as Logger;
  const demotions = new Demotions(log, SOCKETS);
  demotions.handle(demoted);
  const all: OffloadFacts = {
    offload: AUTO,
    offloadChosen: {},
    machine: { tunOffloads: 15, sockets: SOCKETS },
    demotions,
    kernel: '6.12.1',
    ...changes,
  };
  return { events, demotions, report: () => offloadReports(all) };
}

const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

test('all that is granted is on', (t) => {
  const on = Object.keys(AUTO).map((name) => ({ name, on: true }));
  t.deepEqual(facts([]).report(), on);
  const waiting = SOCKETS.map((socket) => ({ ...socket, fds: [], offloads: 0 }));
  t.deepEqual(facts([], { machine: { tunOffloads: 15, sockets: waiting } }).report(), on);
});

test('each way to be off has its own words', (t) => {
  const reasons = (changes: Partial<OffloadFacts>): string[] =>
    facts([], changes)
      .report()
      .map(({ on, cause, reason }) => (on ? 'on' : `${cause}: ${reason}`));
  t.deepEqual(
    reasons({
      offload: { ...AUTO, tunUso: 'off', udpGro: 'off' },
      offloadChosen: { udpGro: 'off' },
      machine: { tunOffloads: 11, sockets: SOCKETS.map((socket) => ({ ...socket, offloads: 0 })) },
      kernel: '7.1.2',
    }),
    [
      'on',
      'on',
      'configuration: switched off in node.yaml',
      'on',
      'kernel: broken in Linux 7.1.2',
      'configuration: switched off by --offload',
    ],
  );
  t.deepEqual(
    reasons({ offload: { ...AUTO, tunCsum: 'off' }, machine: { tunOffloads: 0, sockets: SOCKETS } }),
    [
      'configuration: switched off in node.yaml',
      'dependency: of no use without tunCsum',
      'dependency: of no use without tunCsum',
      'dependency: of no use without tunCsum',
      'on',
      'on',
    ],
  );
});

test('a demotion is told once, with its error, its time and its uplink', (t) => {
  const gso = { name: 'udpGso', socket: 1, errno: EIO } as const;
  const { events, demotions, report } = facts([gso, { name: 'tunTso', socket: -1, errno: EINVAL }]);
  const said = [
    { event: 'offload-demoted', offload: 'udpGso', error: 'EIO', uplink: 'isp2' },
    { event: 'offload-demoted', offload: 'tunTso', error: 'EINVAL' },
  ];
  demotions.handle([gso]);
  t.deepEqual(events, said);
  const find = (name: OffloadName) => report().find((one) => one.name === name);
  t.like(find('udpGso'), { on: true, cause: 'demoted', demotions: [{ error: 'EIO', uplink: 'isp2' }] });
  t.is(find('udpGso')?.reason?.replace(TIME, 'T'), 'demoted on isp2 at T because of EIO');
  t.like(find('tunTso'), { on: false, cause: 'demoted' });
  t.is(find('tunTso')?.reason?.replace(TIME, 'T'), 'demoted at T because of EINVAL');
  demotions.handle([{ ...gso, socket: 0 }]);
  t.false(find('udpGso')?.on);
  demotions.forget(1);
  t.true(find('udpGso')?.on);
  demotions.handle([gso]);
  t.is(events.length, 4);
});

test('coalescing needs one of the segmentations', (t) => {
  const demoted: DemotedOffload[] = [{ name: 'tunTso', socket: -1, errno: EIO }];
  t.true(facts(demoted).report()[3].on);
  demoted.push({ name: 'tunUso', socket: -1, errno: EIO });
  t.like(facts(demoted).report()[3], { on: false, cause: 'dependency' });
});
