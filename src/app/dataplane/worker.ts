/** Entry of a data-plane worker: opens its context in the addon, builds its router over the shared memory, breathes. */
import { availableParallelism } from 'node:os';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Histogram } from '../../core/base/histogram.js';
import { Stillness } from '../../core/base/stillness.js';
import { BeatTable } from '../../core/router/beat-table.js';
import { RouterMemory, type SharedTables } from '../../core/router/memory.js';
import { Router } from '../../core/router/router.js';
import { PeerTable, SessionTable } from '../../core/wireguard/tables.js';
import { native as loadNative, STAT } from '../../edge/native.js';
import { Breath, type Surroundings } from './breathe.js';
import { laneCount } from './lanes.js';
import { demotedOffloads } from './offloads.js';
import {
  type Command,
  GATE_OPEN,
  WORD_BREATHS,
  WORD_COMMANDS_POSTED,
  WORD_LOOKS,
  WORD_NOTIFIED,
  type WorkerNotice,
  type WorkerSetup,
} from './protocol.js';

const LAST_WORDS_WAIT_MS = 1_000;
/** As long as the cluster's address lives without its holder; longer than a reload of a large network takes. */
const CONTROL_HANGS_MS = 2_000;
const STAND_STILL_WAIT_MS = 20;

const port = parentPort!;
const native = loadNative();
native.threadName('ts-worker');
// The thread is there before its work is (control/worker-threads.ts).
Atomics.wait(workerData as Int32Array<SharedArrayBuffer>, GATE_OPEN, 0);
const setup = receiveMessageOnPort(port)?.message as WorkerSetup;
if (setup.priority > 0) native.threadPriority(0, setup.priority);
const words = new Int32Array(setup.words);
const memory = new RouterMemory(setup.memory);
const tables: SharedTables = {
  sessions: new SessionTable(setup.sessions.buffer, setup.sessions.capacity),
  peers: new PeerTable(setup.peers.buffer, setup.peers.capacity),
  beats: new BeatTable(setup.beats.buffer, setup.peers.capacity, setup.beats.rows),
  paths: new Uint8Array(setup.paths),
  available: new Int32Array(setup.available),
  era: new Int32Array(setup.era),
};
const router = new Router(memory, tables, setup.snapshot, setup.seed, setup.place);
const stats = new Float64Array(setup.stats);
const context = native.contextOpen({
  arena: memory.arena,
  rows: memory.rows,
  udpSlots: setup.udpSlots,
  tunSlots: setup.tunSlots,
  sources: memory.sources,
  paths: tables.paths,
  sendCounter: tables.sessions.sendCounter,
  remoteIndex: tables.sessions.remoteIndex,
  stats,
  lanes: laneCount(setup.place.workers, availableParallelism()),
});
setup.sockets.forEach((socket, index) => {
  native.socketSet(context, index, socket.fd, socket.offloads);
});

let stopping = false;

function obey(command: Command): void {
  switch (command.kind) {
    case 'install':
      native.keyInstall(context, command.slot, command.sendKey, command.receiveKey);
      port.postMessage({ kind: 'installed', slot: command.slot } satisfies WorkerNotice);
      break;
    case 'remove':
      native.keyRemove(context, command.slot);
      break;
    case 'socket':
      useSocket(command.index, command.fds[setup.place.worker] ?? -1, command.offloads);
      break;
    case 'snapshot':
      router.useSnapshot(command.snapshot);
      break;
    case 'stop':
      stopping = true;
      break;
  }
}

function useSocket(index: number, fd: number, offloads: number): void {
  native.socketSet(context, index, fd, offloads);
  breath.setSocket(index, fd);
  if (fd < 0) port.postMessage({ kind: 'released', index } satisfies WorkerNotice);
}

let commandsSeen = 0;
const surroundings: Surroundings = {
  drainCommands() {
    const posted = Atomics.load(words, WORD_COMMANDS_POSTED);
    if (posted === commandsSeen) return;
    commandsSeen = posted;
    for (
      let message = receiveMessageOnPort(port);
      message !== undefined;
      message = receiveMessageOnPort(port)
    ) {
      obey(message.message as Command);
    }
  },
  notifyOutbox() {
    if (!memory.outbox.waiting || Atomics.exchange(words, WORD_NOTIFIED, 1) !== 0) return;
    native.eventSignal(setup.outboxFd);
  },
};

const breath = new Breath(
  native,
  {
    context,
    ...setup.tuns,
    wakeFd: setup.wakeFd,
    tunOffloads: setup.tunOffloads,
    socketFds: setup.sockets.map((s) => s.fd),
    udpSlots: setup.udpSlots,
  },
  router,
  surroundings,
  new Histogram(setup.turns),
);

let demotionsSeen = 0;

function tellDemotions(): void {
  demotionsSeen = stats[STAT.demotions];
  port.postMessage({ kind: 'demoted', demoted: demotedOffloads(native, context) } satisfies WorkerNotice);
}

const control = new Stillness();

function controlHangs(): boolean {
  const looks = Atomics.load(words, WORD_LOOKS);
  return looks !== 0 && control.look(looks, native.now()) >= CONTROL_HANGS_MS;
}

/**
 * A control thread that hangs can neither hold the cluster's address nor see a higher epoch. If its worker went on, the
 * partner would hear a healthy member for ever. Standing still, this node looks like one that is frozen as a whole, which
 * the rules of the cluster know. Commands that were posted before are obeyed.
 */
function standStill(): void {
  const wake = native.pollerOpen([setup.wakeFd]);
  do {
    native.wait(wake, STAND_STILL_WAIT_MS);
    surroundings.drainCommands();
  } while (!stopping && controlHangs());
  native.pollerClose(wake);
}

/**
 * After a fault nothing is forwarded any more, but what the control thread has to say still goes out: that this node
 * gives its role up. Until it says stop.
 */
function sayLastWords(): void {
  const wake = native.pollerOpen([setup.wakeFd]);
  try {
    while (!stopping) {
      native.wait(wake, LAST_WORDS_WAIT_MS);
      surroundings.drainCommands();
      breath.emptyInbox(false);
    }
  } catch {
    // The same fault again: peers hear it by silence.
  }
  native.pollerClose(wake);
}

try {
  port.postMessage({ kind: 'ready' } satisfies WorkerNotice);
  while (!stopping) {
    breath.breathe();
    words[WORD_BREATHS] = (words[WORD_BREATHS] + 1) | 0;
    if (stats[STAT.demotions] !== demotionsSeen) tellDemotions();
    if (controlHangs()) standStill();
  }
} catch (error) {
  const fault = error instanceof Error ? error : new Error(String(error));
  port.postMessage({
    kind: 'fault',
    message: fault.message,
    stack: fault.stack ?? '',
  } satisfies WorkerNotice);
  sayLastWords();
}
breath.close();
native.contextClose(context);
port.close();
