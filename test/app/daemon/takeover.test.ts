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
import { type Ec2, ENI, Pair, recordingHook, TABLE } from './pair.js';

const testWithEc2 = hasMoto() ? rootTest : motoTest;

/** Prints how long after each step of the role change `node`'s first call for a route came in at EC2. */
function reportCall(t: ExecutionContext, node: Daemon, ec2: Ec2, eni: string): void {
  const call = ec2.calls.find((one) => one.action === 'ReplaceRoute' && one.eni === eni && !one.dryRun);
  const steps = node.events('role-changed').map(({ to, time }) => {
    const afterMs = (call?.atMs ?? Number.NaN) - Date.parse(String(time));
    return `${afterMs} ms after '${String(to)}'`;
  });
  t.log(`ReplaceRoute of ${node.node} reached EC2 ${steps.join(', ')}`);
}

testWithEc2('takeover moves the VIP, the VPC route and runs the hooks; EC2 may refuse', async (t) => {
  const pair = new Pair(t, { aws: true });
  const { n1, n2, network } = pair;
  const hook = recordingHook(network.folder);
  const hooks = { onActive: hook.program, onStandby: hook.program };
  for (const node of [n1, n2]) node.configure({ hooks });
  const ec2 = await pair.startEc2();
  await pair.start();
  await ec2.leadsTo(ENI.n1);
  t.is((await ec2.routes()).length, 1);
  t.true(pair.hasVip(n1) && !pair.hasVip(n2));
  await ping(network, 'site', HB);
  await until('n2 is told of the source/destination check', () => n2.has('aws-source-dest-check'));
  t.like(n2.events('aws-source-dest-check')[0], { level: 60, severity: 'critical' });
  t.false(n1.has('aws-source-dest-check') || n1.has('aws-eni-missing'), 'its MAC led to eni-0aaa');
  t.deepEqual(
    hook.runs().map((run) => [run['TWINSPAN_NODE'], run['TWINSPAN_ROLE'], run['TWINSPAN_EPOCH']]),
    [['n1', 'active', '1.0']],
  );

  await n1.kill();
  await pair.active(n2);
  await ec2.leadsTo(ENI.n2);
  await ping(network, 'site', HB);
  t.true(pair.hasVip(n2));
  const [, taken] = hook.runs();
  t.deepEqual(taken, {
    TWINSPAN_CLUSTER: 'A',
    TWINSPAN_EPOCH: '2.1',
    TWINSPAN_EVENT: 'on-active',
    TWINSPAN_NETWORK: 'pair',
    TWINSPAN_NODE: 'n2',
    TWINSPAN_REASON: 'no partner is heard on any channel',
    TWINSPAN_ROLE: 'active',
  });
  reportCall(t, n2, ec2, ENI.n2);

  await n1.start({ AWS_ACCESS_KEY_ID: 'lab', AWS_SECRET_ACCESS_KEY: 'lab' });
  const dryRuns = () => ec2.calls.filter(({ dryRun, eni }) => dryRun && eni === ENI.n1).length;
  await until('n1 knows its interface', () => dryRuns() === 4);
  await until(
    () => `n1 could take over: ${n1.program.output}`,
    async () => (await n1.peer('nb')).state === 'up' && (await n1.peer('n2')).state === 'up',
  );
  ec2.fault('deny');
  t.is(await n2.stop(), 0);
  await pair.active(n1);
  t.false(pair.hasVip(n2));
  await until('the refusal is told', () => n1.has('aws-permission'));
  const [refused] = n1.events('aws-permission');
  t.is(refused.level, 60);
  t.regex(
    String(refused['message']),
    /EC2 refuses ec2:ReplaceRoute on rtb-0a1b2c3d \(UnauthorizedOperation\)/,
  );
  t.regex(
    String(refused['hint']),
    new RegExp(`"Action":\\["ec2:ReplaceRoute","ec2:CreateRoute"\\].*${TABLE}`),
  );
  t.true(pair.hasVip(n1));
  await ping(network, 'site', HB);
  const [rested] = hook.runs().filter(({ TWINSPAN_ROLE: role }) => role === 'standby');
  t.like(rested, { TWINSPAN_NODE: 'n2', TWINSPAN_EVENT: 'on-standby' }, 'also when it stops as active');
});
