/**
 * The kernel refuses one granted offload after another under traffic: each is given up after one refusal, with an event
 * and a reason in `status`, and not one packet is lost. Numbered datagrams go both ways all the while; streams are
 * compared byte for byte.
 */
import type { OffloadName } from '../../../src/core/config/configuration.js';
import type { Daemon } from '../../support/daemon.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { RefusingKernel } from '../../support/refusing_kernel.js';
import { Flow, startEcho, stream } from '../../support/traffic.js';
import { FLOW_ENDS, HB, Line, ROUTES } from './line.js';

const INTERNET = '203.0.113.9';
/** Enough that several are in one batch. */
const PER_SECOND = 2_000;
const BYTES = 1 << 20;

rootTest('an offload that is refused at run time is given up, and nothing is lost', async (t) => {
  const line = new Line(t);
  const { network, na, nb } = line;
  network.run('nb', `ip addr add ${INTERNET}/32 dev lo`);
  line.describe({ routes: [...ROUTES, { cidr: '0.0.0.0/0', via: 'wan' }] });
  const kernels = new Map([na, nb].map((daemon) => [daemon, new RefusingKernel(daemon.folder)]));
  await Promise.all([na, nb].map((daemon) => daemon.start(kernels.get(daemon)?.env)));
  await Promise.all([na.up('nb'), nb.up('na'), startEcho(network, 'hb'), startEcho(network, 'nb')]);
  for (const name of ['na', 'nb']) {
    network.run(name, 'for d in ts-lan ts-wan; do ip link set $d txqueuelen 5000; done');
  }
  const flow = await Flow.start(network, FLOW_ENDS, PER_SECOND);

  const cases: readonly (readonly [OffloadName, Daemon, string, string])[] = [
    ['udpGso', na, 'EIO', HB],
    ['udpGro', nb, 'EINVAL', HB],
    ['tunUso', nb, 'EIO', HB],
    ['tunTso', nb, 'EINVAL', HB],
    ['tunCsum', na, 'EINVAL', INTERNET],
  ];
  for (const [name, daemon, error, to] of cases) {
    const kernel = kernels.get(daemon) as RefusingKernel;
    const report = async () => (await daemon.status()).offloads.find((one) => one.name === name);
    t.deepEqual(await report(), { name, on: true });
    kernel.refuse(name);
    await stream(network, 'ha', to, BYTES);
    await until(`${name} is given up`, async () => (await report())?.on === false);
    const refused = kernel.refused(name);
    await stream(network, 'ha', to, BYTES);
    const { cause, reason, demotions } = (await report()) ?? {};
    t.is(cause, 'demoted', name);
    t.regex(reason ?? '', new RegExp(`^demoted .*because of ${error}$`));
    t.like(demotions, { 0: { error }, length: 1 });
    t.is(kernel.refused(name), refused, `${name} is not tried again`);
    const told = daemon.events('offload-demoted').filter(({ offload }) => offload === name);
    t.like(told, { 0: { error }, length: 1 });
  }

  for (const { sent, received, missing } of await flow.finish()) {
    t.true(sent > PER_SECOND, `${sent} datagrams`);
    t.deepEqual([received, missing], [sent, []]);
  }
  for (const daemon of [na, nb]) {
    const { drops } = await daemon.status();
    t.deepEqual(
      [drops['send-error'], drops['tun-error'], drops.malformed, drops.authentication],
      new Array(4),
    );
  }
  t.like(
    (await na.status()).offloads.find(({ name }) => name === 'tunGro'),
    { on: false, cause: 'dependency' },
  );
  await Promise.all([na.stop(), nb.stop()]);
});
