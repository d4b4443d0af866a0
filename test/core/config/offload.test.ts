/** Offloads that the command line names. */
import test from 'ava';
import { parseOffloads } from '../../../src/core/config/offload.js';

test('names and switches are read, the last word on a name counts', (t) => {
  t.deepEqual(parseOffloads([]), {});
  t.deepEqual(parseOffloads(['udpGso=off', 'tunTso=on', 'udpGso=auto']), { udpGso: 'auto', tunTso: 'on' });
});

test('anything else is refused with a hint', (t) => {
  for (const text of [
    '',
    'udpGso',
    'udpGso=',
    '=off',
    'gso=off',
    'udpGso=no',
    'udpGso=off=on',
    'constructor=off',
  ]) {
    t.throws(() => parseOffloads([text]), { code: 'TS_CONFIG_INVALID', message: /is not NAME=SWITCH/ }, text);
  }
});
