/** With each offload off alone, and with all of them off, content arrives unchanged: TCP, UDP and what is larger. */
import { rootTest } from '../../support/privileged.js';
import { datagrams, ping, startEcho, stream } from '../../support/traffic.js';
import { HA, HB, Line } from './line.js';

const NAMES = ['tunCsum', 'tunTso', 'tunUso', 'tunGro', 'udpGso', 'udpGro'] as const;
const BYTES = 4 << 20;

const CASES: readonly (readonly string[])[] = [NAMES, ...NAMES.map((name) => [name])];

rootTest('TCP, UDP and large datagrams both ways, with offloads off alone and together', async (t) => {
  const line = new Line(t);
  const { network, na, nb } = line;
  await Promise.all([startEcho(network, 'ha'), startEcho(network, 'hb')]);
  for (const off of CASES) {
    const offload = Object.fromEntries(off.map((name) => [name, 'off']));
    na.configure({ offload });
    // One is told by its configuration, the other by its command line.
    nb.words = off.flatMap((name) => ['--offload', `${name}=off`]);
    await line.start();
    for (const [daemon, where] of [
      [na, 'in node.yaml'],
      [nb, 'by --offload'],
    ] as const) {
      const { offloads } = await daemon.status();
      for (const name of off) {
        const report = offloads.find((one) => one.name === name);
        t.deepEqual([report?.on, report?.reason], [false, `switched off ${where}`]);
      }
      t.deepEqual((await daemon.call('reload', {})).restartNeeded, []);
    }
    await ping(network, 'ha', HB);
    await Promise.all([
      stream(network, 'ha', HB, BYTES),
      stream(network, 'hb', HA, BYTES),
      datagrams(network, 'ha', HB),
      datagrams(network, 'hb', HA),
    ]);
    const { drops } = await na.status();
    t.is(drops['authentication'] ?? 0, 0);
    t.is(drops.malformed ?? 0, 0);
    await Promise.all([na.stop(), nb.stop()]);
  }
});
