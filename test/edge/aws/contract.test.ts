/** What the updater relies on in EC2, kept alike by the one in memory and by the AWS SDK against a moto server. */
import test, { type ExecutionContext } from 'ava';
import { EC2_ENVIRONMENT } from '../../../src/app/lab/programs/ec2.js';
import { classifyRefusal } from '../../../src/core/plan/vpc.js';
import type { VpcAnswer, VpcCall } from '../../../src/core/plan/vpc-updater.js';
import type { Ec2 } from '../../../src/edge/aws/ec2.js';
import { FakeEc2 } from '../../../src/edge/aws/fake-ec2.js';
import { openEc2 } from '../../../src/edge/aws/open-ec2.js';
import { MotoServer, motoTest, REGION } from '../../support/aws/moto.js';
import { eventually } from '../../support/redis/server.js';

Object.assign(process.env, EC2_ENVIRONMENT);

const [TABLE, OTHER] = ['rtb-0a1b2c3d', 'rtb-0a1b2c3e'];
const [ENI_A, ENI_B] = ['eni-0aaa', 'eni-0bbb'];
const MAC_B = '02:00:00:00:00:0b';
const SPEC = {
  vpc: '192.168.10.0/24',
  tables: [TABLE, OTHER],
  interfaces: [
    { id: ENI_A, address: '192.168.10.200' },
    { id: ENI_B, address: '192.168.10.201', mac: MAC_B, sourceDestCheck: true },
  ],
};

interface Subject {
  readonly ec2: Ec2;
  fault(fault: 'deny' | 'throttle' | 'slow' | 'down' | undefined): void;
}

function both(title: string, body: (t: ExecutionContext, subject: Subject) => Promise<void>): void {
  test.serial(`memory: ${title}`, async (t) => {
    const ec2 = new FakeEc2();
    for (const table of SPEC.tables) ec2.tables.set(table, new Map());
    ec2.interfaces.set(ENI_A, { sourceDestCheck: false }).set(ENI_B, { sourceDestCheck: true });
    ec2.found = ENI_B;
    const fault: Subject['fault'] = (wanted) => {
      ec2.fault = wanted;
    };
    await body(t, { ec2, fault });
  });
  motoTest(`moto: ${title}`, async (t) => {
    const { moto, ec2 } = await shared();
    const words = { deny: 'deny', throttle: 'throttle', slow: 'slow 4', down: 'unavailable' };
    cidr = `10.${++second}.0.0/16`;
    await body(t, { ec2, fault: (fault) => moto.fault(fault === undefined ? '' : words[fault]) });
  });
}

/** Destination of the test that runs: another one in each, since they share a server. */
let cidr = '10.100.0.0/16';
let second = 100;
let opened: { moto: MotoServer; ec2: Ec2 } | undefined;

async function shared(): Promise<{ moto: MotoServer; ec2: Ec2 }> {
  if (opened !== undefined) return opened;
  const moto = await MotoServer.start(SPEC);
  const ec2 = openEc2({
    region: REGION,
    endpoint: moto.url,
    mac: MAC_B,
    address: undefined,
    timeoutMs: 2_000,
  });
  opened = { moto, ec2 };
  await warm(ec2);
  return opened;
}

/** The first calls wait for the SDK to load and to be compiled. */
async function warm(ec2: Ec2): Promise<void> {
  await eventually(async () => {
    const answer = await ec2.run({ kind: 'interfaces' });
    if (!answer.ok) throw new Error(answer.message);
  }, 60_000);
}

test.after.always(async () => {
  await opened?.ec2.close();
  await opened?.moto.stop();
});

const change = (kind: 'replace' | 'create', eni: string, more: Partial<VpcCall> = {}): VpcCall =>
  ({ kind, table: TABLE, cidr, eni, dryRun: false, epoch: { n: 1, member: 0 }, ...more }) as VpcCall;

function refusal(answer: VpcAnswer): string {
  return answer.ok ? 'ok' : classifyRefusal(answer.code, answer.message);
}

async function target(ec2: Ec2, table = TABLE): Promise<string | undefined> {
  const answer = await ec2.run({ kind: 'describe', tables: [TABLE, OTHER, 'rtb-0ffff'] });
  if (!answer.ok) throw new Error(answer.message);
  return answer.observed?.get(table)?.find((route) => route.cidr === cidr)?.target;
}

both('a route is created, replaced, and read back', async (t, { ec2 }) => {
  t.is(await target(ec2), undefined);
  t.is(refusal(await ec2.run(change('replace', ENI_A))), 'route-absent');
  t.is(refusal(await ec2.run(change('create', ENI_A))), 'ok');
  t.is(await target(ec2), ENI_A);
  t.is(await target(ec2, OTHER), undefined);
  t.is(refusal(await ec2.run(change('create', ENI_B))), 'route-exists');
  t.is(refusal(await ec2.run(change('replace', ENI_B))), 'ok');
  t.is(refusal(await ec2.run(change('replace', ENI_B))), 'ok', 'idempotent');
  t.is(await target(ec2), ENI_B);
});

both('a dry run changes nothing', async (t, { ec2 }) => {
  await ec2.run(change('create', ENI_A));
  const answer = await ec2.run(change('replace', ENI_B, { dryRun: true }));
  t.like(answer, { ok: false, code: 'DryRunOperation' });
  t.is(await target(ec2), ENI_A);
});

both('tables and interfaces that do not exist', async (t, { ec2 }) => {
  t.is(refusal(await ec2.run(change('create', ENI_A, { table: 'rtb-0ffff' }))), 'table-missing');
  t.is(refusal(await ec2.run(change('create', 'eni-0ffff'))), 'eni-missing');
  const answer = await ec2.run({ kind: 'describe', tables: ['rtb-0ffff'] });
  t.true(answer.ok && answer.observed?.size === 0, 'a missing table is absent, not an error');
});

both('the own interface is found, with its source/destination check', async (t, { ec2 }) => {
  t.deepEqual(await ec2.run({ kind: 'interfaces' }), { ok: true, eni: { id: ENI_B, sourceDestCheck: true } });
});

both(
  'denied, throttled, away, slow: an answer each time, and nothing has changed',
  async (t, { ec2, fault }) => {
    await ec2.run(change('create', ENI_A));
    for (const [mode, expected] of [
      ['deny', 'denied'],
      ['throttle', 'throttled'],
      ['down', 'unreachable'],
      ['slow', 'unreachable'],
    ] as const) {
      fault(mode);
      t.is(refusal(await ec2.run(change('replace', ENI_B, { table: OTHER }))), expected, mode);
      t.is(refusal(await ec2.run({ kind: 'describe', tables: [TABLE] })), expected, mode);
    }
    fault(undefined);
    t.is(await target(ec2), ENI_A);
  },
);

motoTest('the SDK against a port where nobody listens, and one that is frozen', async (t) => {
  const nobody = openEc2({
    region: REGION,
    endpoint: 'http://127.0.0.1:1',
    mac: MAC_B,
    address: undefined,
  });
  t.is(refusal(await nobody.run({ kind: 'interfaces' })), 'unreachable');
  await nobody.close();
  t.is(refusal(await nobody.run({ kind: 'interfaces' })), 'unreachable', 'closed');
  const moto = await MotoServer.start(SPEC);
  const ec2 = openEc2({
    region: REGION,
    endpoint: moto.url,
    mac: 'none',
    address: '192.168.10.200',
    timeoutMs: 1_000,
  });
  await warm(ec2);
  t.like(await ec2.run({ kind: 'interfaces' }), { ok: true, eni: { id: ENI_A } }, 'found by its address');
  moto.signal('SIGSTOP');
  t.is(refusal(await ec2.run({ kind: 'interfaces' })), 'unreachable');
  moto.signal('SIGCONT');
  t.like(await ec2.run({ kind: 'interfaces' }), { ok: true });
  await ec2.close();
  await moto.stop();
});
