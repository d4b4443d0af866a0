/** What the VPC keeper tells of a takeover, in order: that EC2 is asked, once for each epoch, and that it has followed. */
import test from 'ava';
import type { VpcEvent } from '../../../src/core/plan/vpc-events.js';
import { FakeEc2 } from '../../../src/edge/aws/fake-ec2.js';
import { VpcKeeper } from '../../../src/edge/aws/vpc-keeper.js';
import { eventually } from '../../support/redis/server.js';

const TABLES = ['rtb-1', 'rtb-2'];

test('EC2 is asked, then the routes have moved', async (t) => {
  const ec2 = new FakeEc2();
  for (const table of TABLES) ec2.tables.set(table, new Map());
  ec2.interfaces.set('eni-1', { sourceDestCheck: false });
  ec2.found = 'eni-1';
  const events: VpcEvent[] = [];
  let current = true;
  const keeper = new VpcKeeper({
    region: undefined,
    tables: TABLES,
    cidrs: ['10.100.0.0/16'],
    eniName: 'eni-1',
    ec2,
    now: () => performance.now(),
    isCurrent: () => current,
    onEvent: (event) => events.push(event),
  });
  t.teardown(() => keeper.close());
  const told = async (count: number): Promise<void> =>
    await eventually(() => {
      if (events.length < count) throw new Error(`told only ${JSON.stringify(events)}`);
    });
  keeper.becomeActive({ n: 1, member: 0 });
  await told(2);
  keeper.becomeStandby({ n: 2, member: 1 });
  keeper.becomeActive({ n: 3, member: 0 });
  await told(4);
  // Nothing is asked for an epoch that no longer stands.
  current = false;
  keeper.becomeActive({ n: 4, member: 0 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.deepEqual(
    events.map(({ event }) => event),
    ['aws-called', 'aws-routes-moved', 'aws-called', 'aws-routes-moved'],
  );
  t.regex(events[0].message, /move the VPC's routes to eni-1\.$/);
});
