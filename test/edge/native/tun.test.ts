import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import {
  native,
  type STAT,
  TUN_OFFLOAD_CSUM,
  TUN_OFFLOAD_GRO,
  TUN_OFFLOAD_TSO,
  TUN_OFFLOAD_USO,
  UDP_OFFLOAD_GRO,
  UDP_OFFLOAD_GSO,
} from '../../../src/edge/native.js';
import { privileged, rootTest } from '../../support/privileged.js';

const TUN_ALL = TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO | TUN_OFFLOAD_USO | TUN_OFFLOAD_GRO;
const UDP_ALL = UDP_OFFLOAD_GSO | UDP_OFFLOAD_GRO;

interface Answer {
  mode: { tun: number; udp: number; tunnel: boolean };
  got: { tun: number; udp: number };
  streams: boolean[];
  datagrams: number[];
  train: boolean;
  superPackets: number;
  stats: Record<keyof typeof STAT, number>;
}

/** Runs a script of this folder in a fresh network namespace and answers its lines as JSON. */
async function inNamespace<T>(script: string, argument: unknown): Promise<T[]> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const words = ['--net', process.execPath, path, JSON.stringify(argument)];
  const { stdout } = await promisify(execFile)('unshare', words, { timeout: 240_000, killSignal: 'SIGKILL' });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

for (const tunnel of [false, true]) {
  rootTest(
    `traffic passes real devices unchanged with every offload off alone and all together (tunnel ${tunnel})`,
    async (t) => {
      t.timeout(250_000);
      const sets = [
        { tun: TUN_ALL, udp: UDP_ALL, tunnel },
        { tun: TUN_ALL & ~TUN_OFFLOAD_CSUM, udp: UDP_ALL, tunnel },
        { tun: TUN_ALL & ~TUN_OFFLOAD_TSO, udp: UDP_ALL, tunnel },
        { tun: TUN_ALL & ~TUN_OFFLOAD_USO, udp: UDP_ALL, tunnel },
        { tun: TUN_ALL & ~TUN_OFFLOAD_GRO, udp: UDP_ALL, tunnel },
        { tun: 0, udp: 0, tunnel },
        ...(tunnel ? [UDP_OFFLOAD_GSO, UDP_OFFLOAD_GRO].map((udp) => ({ tun: TUN_ALL, udp, tunnel })) : []),
      ];
      const answers = await inNamespace<Answer>('./tun-tunnel.js', sets);
      t.deepEqual(
        answers.map(({ mode }) => mode),
        sets,
      );
      for (const { mode, got, streams, datagrams, train, stats } of answers) {
        const label = JSON.stringify(mode);
        t.deepEqual(streams, [true, true], label);
        t.true(Math.min(...datagrams) >= 195, `${label}: ${datagrams}`);
        t.true(train, label);
        t.is(got.udp, mode.udp, label);
        t.is(
          got.tun & ~TUN_OFFLOAD_USO,
          (mode.tun & TUN_OFFLOAD_CSUM) === 0 ? 0 : mode.tun & ~TUN_OFFLOAD_USO,
          label,
        );
        t.is(
          stats.segmentErrors + stats.tunDemoted + stats.udpDemoted + stats.openFailed + stats.keyMissing,
          0,
          label,
        );
        t.log(
          `${label}: ${stats.tunReadPackets} read, ${stats.tunWrites} writes of ${stats.tunWritePackets}`,
        );
      }
      const [all, ...rest] = answers;
      const none = rest.find(({ mode }) => mode.tun === 0);
      t.true(all.superPackets < 30 || (all.got.tun & TUN_OFFLOAD_USO) === 0, 'USO hands out trains whole');
      t.true(all.stats.tunReadPackets * 3 < (none?.stats.tunReadPackets ?? 0), 'TSO hands out super-packets');
    },
  );
}

rootTest(
  'a link that is too narrow for trains gets their datagrams alone, loses none, and gets trains again',
  async (t) => {
    t.timeout(60_000);
    const answers = await inNamespace<Record<string, unknown>>('./narrow-device.js', {});
    t.is(answers.length, 2);
    answers.forEach((answer, v6) => {
      t.deepEqual(answer, {
        // The train, and its twenty datagrams; then one sendmmsg for all, as trains of shorter ones are.
        refused: [20, 1 + 20],
        singly: [20, 1],
        shorter: [20, 1],
        // One that must stay whole is tried twice, and does not pass; those around it do.
        mixed: [2, 1 + 2 + 1],
        small: [3, 3],
        df: v6 === 1 ? 0 : 2,
        passes: [1, 1],
        trains: [20, 1],
        received: 86,
        demoted: 0,
        errors: 0,
        tooLong: 1,
      });
    });
  },
);

rootTest('a socket whose buffer stays full is not waited for, and holds nothing else up', async (t) => {
  t.timeout(60_000);
  const [answer] = await inNamespace<Record<string, unknown>>('./stuck-device.js', {});
  t.deepEqual(answer, {
    // One call for each message that finds no room, and one for all that go by the other socket.
    full: { sent: 20, calls: 20 + 1 },
    freed: { sent: 40, calls: 2 },
    lost: 0,
    filled: true,
  });
});

rootTest('a device with two queues answers two descriptors', async (t) => {
  t.timeout(60_000);
  interface Answer {
    fds: number;
    name: string;
    again: string;
  }
  const [answer] = await inNamespace<Answer>('./two-queues.js', {});
  t.deepEqual(answer, { fds: 2, name: 'ts-two', again: 'EINVAL' });
});

rootTest('flows are spread over the queues, and what a writer writes moves none of them', async (t) => {
  t.timeout(60_000);
  interface Answer {
    flows: number;
    spread: number[];
    moved: { byWriters: number; byReader: number };
    answers: number;
  }
  const [{ flows, spread, moved, answers }] = await inNamespace<Answer>('./flow-queues.js', {});
  t.is(flows, 64);
  t.true(Math.min(...spread) > 10, `${spread}`);
  t.is(answers, 2 * flows, 'what a writer writes arrives');
  t.is(moved.byWriters, 0);
  t.is(moved.byReader, spread[1], 'the kernel moves a flow to the queue by which it is answered');
});

rootTest('a name that is no device name, or is taken by another kind of device, is a coded error', (t) => {
  t.throws(() => native().tunOpen('a-name-longer-than-15', 1, 0), { code: 'TS_DEVICE' });
  t.throws(() => native().tunOpen('lo', 1, 0), { code: 'TS_DEVICE', message: /TUNSETIFF/ });
  t.throws(() => native().tunOpen('ts-none', 0, 0), { code: 'TS_DEVICE' });
  t.throws(() => native().tunOpen('ts-none', 17, 0), { code: 'TS_DEVICE' });
});

test('without privileges a TUN device is a coded error with a hint', (t) => {
  if (privileged) {
    t.pass();
    return;
  }
  t.throws(() => native().tunOpen('', 1, 0), { code: 'TS_DEVICE' });
});
