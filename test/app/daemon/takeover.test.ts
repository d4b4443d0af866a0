/**
 * A takeover in whole nodes: the VIP, the VPC's route, the hooks, what EC2 refuses. Printed, not judged: how soon after
 * the decision EC2 is called.
 */
import type { ExecutionContext } from 'ava';
import { hasMoto } from '../../../src/app/lab/programs/ec2.js';
import { motoTest } from '../../support/aws/moto.js';
import type { Daemon } from '../../support/daemon.js';
import { until } from '../../support/namespaces.js';
import { rootTest } from '../../support/privileged.js';
import { ping } from '../../support/traffic.js';
import { HB } from './line.js';
import { type Ec2, type Ec2Call, ENI, Pair, recordingHook, TABLE } from './pair.js';

const testWithEc2 = hasMoto() ? rootTest : motoTest;

/** Prints how long after each step of its last role change `node`'s call for the route came in at EC2. */
function reportCall(t: ExecutionContext, daemon: Daemon, ec2: Ec2): void {
  const { node } = daemon;
  const isTakeover = (one: Ec2Call): boolean =>
    one.action === 'ReplaceRoute' && one.eni === ENI[node] && !one.dryRun;
  const atMs = ec2.calls.findLast(isTakeover)?.atMs ?? Number.NaN;
  const steps = daemon.events('role-changed').slice(-2);
  const texts = steps.map(({ to, time }) => `${atMs - Date.parse(String(time))} ms after '${String(to)}'`);
  t.log(`ReplaceRoute of ${node} reached EC2 ${texts.join(', ')}`);
}

testWithEc2('takeover moves the VIP, the VPC route and runs the hooks; EC2 may refuse', async (t) => {
  const pair = new Pair(t, { aws: true });
  const { n1, n2, network } = pair;
  const hook = recordingHook(network.folder);
  const hooks = { onActive: hook.program, onStandby: hook.program };
  for (const node of [n1, n2]) node.configure({ hooks });
  const ec2 = await pair.startEc2();
  const [first, second] = await pair.start();
  await ec2.leadsTo(first);
  t.true(pair.hasVip(first) && !pair.hasVip(second));
  await ping(network, 'site', HB);
  await until('n2 is told of the source/destination check', () => n2.has('aws-source-dest-check'));
  t.like(n2.events('aws-source-dest-check')[0], { level: 60, severity: 'critical' });
  t.false(n1.has('aws-source-dest-check') || n1.has('aws-eni-missing'), 'its MAC led to its interface');

  await first.kill();
  await pair.active(second);
  await ec2.leadsTo(second);
  await ping(network, 'site', HB);
  t.true(pair.hasVip(second));
  const { epoch } = await second.status();
  t.deepEqual(hook.runs().at(-1), {
    TWINSPAN_CLUSTER: 'A',
    TWINSPAN_EPOCH: `${epoch?.n}.${epoch?.memberIndex}`,
    TWINSPAN_EVENT: 'on-active',
    TWINSPAN_NETWORK: 'pair',
    TWINSPAN_NODE: second.node,
    TWINSPAN_REASON: 'no partner is heard on any channel',
    TWINSPAN_ROLE: 'active',
  });
  reportCall(t, second, ec2);

  const dryRuns = () => ec2.calls.filter(({ dryRun, eni }) => dryRun && eni === ENI[first.node]).length;
  const before = dryRuns();
  await pair.launch(first);
  await until('it knows its interface', () => dryRuns() === before + 2);
  await first.up('nb');
  await first.up(second.node);
  ec2.fault('deny');
  t.is(await second.stop(), 0);
  await pair.active(first);
  t.false(pair.hasVip(second));
  await until('the refusal is told', () => first.has('aws-permission'));
  const [refused] = first.events('aws-permission');
  t.is(refused.level, 60);
  t.regex(
    String(refused['message']),
    /EC2 refuses ec2:ReplaceRoute on rtb-0a1b2c3d \(UnauthorizedOperation\)/,
  );
  t.regex(
    String(refused['hint']),
    new RegExp(`"Action":\\["ec2:ReplaceRoute","ec2:CreateRoute"\\].*${TABLE}`),
  );
  t.true(pair.hasVip(first));
  await ping(network, 'site', HB);
  const rested = hook.runs().filter(({ TWINSPAN_ROLE: role }) => role === 'standby');
  t.like(rested.at(-1), { TWINSPAN_NODE: second.node, TWINSPAN_EVENT: 'on-standby' }, 'when it stops, too');
});
