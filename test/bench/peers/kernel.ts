/** Plain forwarding by the kernel, without tunnel or encryption: the ceiling of the machine. */
import { release } from 'node:os';
import type { Lane } from '../lane.js';
import { attempt, run } from '../shell.js';
import { HB_ADDRESS, SITE, WAN_ADDRESS } from '../topology.js';
import type { Peer } from './peer.js';

export const kernel: Peer = {
  name: 'kernel',
  title: 'kernel forwarding, no encryption',
  version: release(),
  target: HB_ADDRESS,
  prepare() {},
  start(lane: Lane) {
    run(['ip', '-n', lane.namespace('na'), 'route', 'replace', SITE.nb, 'via', WAN_ADDRESS.nb]);
    run(['ip', '-n', lane.namespace('nb'), 'route', 'replace', SITE.na, 'via', WAN_ADDRESS.na]);
  },
  stopped(lane: Lane) {
    attempt(['ip', '-n', lane.namespace('na'), 'route', 'del', SITE.nb]);
    attempt(['ip', '-n', lane.namespace('nb'), 'route', 'del', SITE.na]);
  },
};
