/** Two members with the real SDK against one moto server: takeover, failback, an API that is down meanwhile. */
import { EC2_ENVIRONMENT } from '../../../src/app/lab/programs/ec2.js';
import type { VpcEvent } from '../../../src/core/plan/vpc-events.js';
import { openEc2 } from '../../../src/edge/aws/open-ec2.js';
import { VpcKeeper } from '../../../src/edge/aws/vpc-keeper.js';
import { MotoServer, motoTest, REGION } from '../../support/aws/moto.js';
import { eventually } from '../../support/redis/server.js';

Object.assign(process.env, EC2_ENVIRONMENT);

const TABLES = ['rtb-0a1b2c3d', 'rtb-0a1b2c3e'];
const CIDR = '10.100.0.0/16';
const ADDRESSES = { 'eni-0aaa': '192.168.10.200', 'eni-0bbb': '192.168.10.201' } as const;

motoTest('the routes follow the epoch', async (t) => {
  const interfaces = Object.entries(ADDRESSES).map(([id, address]) => ({ id, address }));
  const moto = await MotoServer.start({ vpc: '192.168.10.0/24', tables: TABLES, interfaces });
  const events: VpcEvent[] = [];
  let allowed = true;
  const keepers = Object.values(ADDRESSES).map(
    (address) =>
      new VpcKeeper({
        region: REGION,
        tables: TABLES,
        cidrs: [CIDR],
        eniName: address,
        ec2: openEc2({ region: REGION, endpoint: moto.url, mac: '02:ff:ff:ff:ff:ff', address }),
        now: () => performance.now(),
        isCurrent: () => allowed,
        onEvent: (event) => events.push(event),
      }),
  );
  const [a, b] = keepers;
  const lead = async (eni: string): Promise<void> => {
    await eventually(async () => {
      const routes = await moto.routes();
      const fits = routes.filter((route) => route.interface === eni && route.cidr === CIDR).length;
      if (fits !== TABLES.length) throw new Error(JSON.stringify(routes));
    }, 30_000);
  };
  const told = async (event: VpcEvent['event']): Promise<VpcEvent> =>
    await eventually(() => {
      const found = events.find((one) => one.event === event);
      if (found === undefined) throw new Error(`not told: ${event} in ${JSON.stringify(events)}`);
      return found;
    }, 30_000);
  try {
    a.becomeActive({ n: 1, member: 0 });
    await lead('eni-0aaa');
    await told('aws-routes-moved');
    b.becomeActive({ n: 2, member: 1 });
    a.becomeStandby({ n: 2, member: 1 });
    await lead('eni-0bbb');
    moto.fault('deny');
    events.length = 0;
    a.becomeActive({ n: 3, member: 0 });
    b.becomeStandby({ n: 3, member: 0 });
    t.regex((await told('aws-permission')).hint ?? '', /ec2:ReplaceRoute.*route-table\/rtb-0a1b2c3d/);
    moto.fault('unavailable');
    a.becomeActive({ n: 4, member: 0 });
    await told('aws-unreachable');
    moto.fault('');
    await lead('eni-0aaa');
    allowed = false;
    b.becomeActive({ n: 5, member: 1 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.true(
      (await moto.routes()).every((route) => route.interface === 'eni-0aaa'),
      'the epoch no longer stood',
    );
  } finally {
    for (const keeper of keepers) await keeper.close();
    await moto.stop();
  }
});
