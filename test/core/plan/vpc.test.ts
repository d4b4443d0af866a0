import test from 'ava';
import fc from 'fast-check';
import { classifyRefusal, planVpc, type VpcRoute } from '../../../src/core/plan/vpc.js';

const tables = ['rtb-1', 'rtb-2'];
const cidrs = ['10.100.0.0/16', '10.200.0.0/16'];
const enis = ['eni-a', 'eni-b'];
const route = (cidr: string, target: string | undefined, more: Partial<VpcRoute> = {}): VpcRoute => ({
  cidr,
  target,
  state: 'active',
  propagated: false,
  ...more,
});

test('each table and destination gets what it lacks', (t) => {
  const observed = new Map([
    ['rtb-1', [route('192.168.10.0/24', 'local'), route(cidrs[0], 'eni-b')]],
    ['rtb-2', [route(cidrs[0], 'eni-a'), route(cidrs[1], 'eni-old', { state: 'blackhole' })]],
  ]);
  const { steps, problems } = planVpc({ eni: 'eni-a', tables, cidrs }, observed);
  t.deepEqual(problems, []);
  t.deepEqual(
    steps.map(({ kind, table, cidr, why }) => `${kind} ${table} ${cidr}: ${why}`),
    [
      'replace rtb-1 10.100.0.0/16: route leads to eni-b',
      'create rtb-1 10.200.0.0/16: route is missing',
      'replace rtb-2 10.200.0.0/16: route leads to eni-old (blackhole)',
    ],
  );
});

test('what no call can mend is a problem, not a step', (t) => {
  const observed = new Map([['rtb-1', [route(cidrs[0], 'eni-a', { state: 'blackhole' })]]]);
  t.deepEqual(planVpc({ eni: 'eni-a', tables, cidrs: [cidrs[0]] }, observed), {
    steps: [],
    problems: [
      { kind: 'blackhole', table: 'rtb-1', cidr: cidrs[0] },
      { kind: 'table-missing', table: 'rtb-2', cidr: cidrs[0] },
    ],
  });
});

test('a propagated route is no obstacle to a static one', (t) => {
  const observed = new Map([['rtb-1', [route(cidrs[0], 'vgw-1', { propagated: true })]]]);
  const { steps } = planVpc({ eni: 'eni-a', tables: ['rtb-1'], cidrs: [cidrs[0]] }, observed);
  t.is(steps[0]?.kind, 'create');
});

test('property: carrying the plan out leaves nothing to plan, and touches nothing else', (t) => {
  const routes = fc.uniqueArray(
    fc.record({
      cidr: fc.constantFrom(...cidrs, '0.0.0.0/0', '192.168.10.0/24'),
      target: fc.constantFrom(...enis, 'igw-1', 'local', undefined),
      state: fc.constant('active' as const),
      propagated: fc.constant(false),
    }),
    { selector: ({ cidr }) => cidr },
  );
  fc.assert(
    fc.property(routes, routes, fc.constantFrom(...enis), (first, second, eni) => {
      const desired = { eni, tables, cidrs };
      const observed = new Map<string, VpcRoute[]>([
        ['rtb-1', first],
        ['rtb-2', second],
      ]);
      const after = new Map(
        [...observed].map(([table, list]) => [table, new Map(list.map((one) => [one.cidr, one]))]),
      );
      for (const step of planVpc(desired, observed).steps) {
        const table = after.get(step.table);
        t.is(table?.has(step.cidr), step.kind === 'replace');
        table?.set(step.cidr, route(step.cidr, step.eni));
      }
      const lists = new Map([...after].map(([table, map]) => [table, [...map.values()]]));
      t.deepEqual(planVpc(desired, lists), { steps: [], problems: [] });
      for (const [table, list] of observed) {
        for (const one of list) if (!cidrs.includes(one.cidr)) t.is(after.get(table)?.get(one.cidr), one);
      }
    }),
  );
});

test('refusals by code, and by message where EC2 is vague', (t) => {
  const absent = "There is no route defined for '10.0.0.0/8' in the route table. Use CreateRoute instead.";
  t.is(classifyRefusal('InvalidParameterValue', absent), 'route-absent');
  t.is(classifyRefusal('InvalidParameterValue', 'invalid value'), 'other');
  t.is(classifyRefusal('InvalidRoute.NotFound', ''), 'route-absent');
  t.is(classifyRefusal('RequestLimitExceeded', ''), 'throttled');
  t.is(classifyRefusal('UnauthorizedOperation', ''), 'denied');
  t.is(classifyRefusal('SomethingNew', ''), 'other');
});
