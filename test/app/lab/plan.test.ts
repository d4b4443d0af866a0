/** Plans of the lab as plain command text. The golden file is reviewed as a diff: UPDATE_GOLDEN=1 writes it anew. */
import test from 'ava';
import { layoutFor } from '../../../src/app/lab/layout.js';
import { failureNamed, failuresOf } from '../../../src/app/lab/plan/failures.js';
import { namespacesOf } from '../../../src/app/lab/plan/network.js';
import { formatPlan, formatStep, quote, type Step } from '../../../src/app/lab/plan/step.js';
import { planUp } from '../../../src/app/lab/plan/up.js';
import type { Ec2Spec } from '../../../src/app/lab/programs/ec2.js';
import { scenarioNamed } from '../../../src/app/lab/scenarios/index.js';
import { golden } from '../../support/golden.js';

const ec2 = (spec: Ec2Spec) => ['ec2', JSON.stringify(spec)];
const layout = layoutFor('', ['twinspan'], (name) => ['lab-program', name], ec2);
const scenario = scenarioNamed('ha-edge-to-aws')!;
const stages = planUp(scenario, layout);
const steps = stages.flatMap((stage) => stage.lanes.flat());

test('up ha-edge-to-aws is this text', (t) => {
  golden(t, 'lab-up-ha-edge-to-aws.txt', formatPlan(stages));
});

test('every failure of ha-edge-to-aws is this text', (t) => {
  const text = [...failuresOf(scenario, layout).values()].map((failure) => {
    const part = (verb: string, list: readonly Step[]) =>
      `${verb} ${failure.what}\n${list.map(formatStep).join('\n')}\n`;
    return part('fail', failure.fail) + part('heal', failure.heal);
  });
  golden(t, 'lab-failures-ha-edge-to-aws.txt', text.join('\n'));
});

test('everything is written below the directory of the lab', (t) => {
  const paths = steps.flatMap((step) => (step.do === 'write' || step.do === 'directory' ? [step.path] : []));
  t.true(paths.length > 50);
  t.deepEqual(
    paths.filter((path) => !path.startsWith(`${layout.dir}/`)),
    [],
  );
});

test('every namespace has the prefix, is made once, and is the only place where interfaces are made', (t) => {
  const made = steps.flatMap((step) =>
    step.do === 'ip' ? (/^netns add (\S+)$/.exec(step.args)?.slice(1) ?? []) : [],
  );
  t.deepEqual(made.toSorted(), namespacesOf(scenario, layout).toSorted());
  t.is(new Set(made).size, made.length);
  t.true(made.every((name) => name.startsWith('twl-')));
  for (const step of steps) {
    if (step.do !== 'ip' || !step.args.startsWith('link add') || step.namespace !== undefined) continue;
    const [, a, b] =
      /^link add name \S+ index \d+ netns (\S+) type veth peer name \S+ index \d+ netns (\S+)$/.exec(
        step.args,
      ) ?? [];
    t.true(made.includes(a) && made.includes(b), step.args);
  }
});

test('interface names fit the kernel and are unique in their namespace', (t) => {
  const names = steps.flatMap((step) =>
    step.do === 'ip' && step.namespace === undefined && step.args.startsWith('link add')
      ? [...step.args.matchAll(/name (\S+) index (\d+) netns (\S+)/g)].map(([, name, index, netns]) => ({
          name,
          index,
          netns,
        }))
      : [],
  );
  const interfaces = scenario.hosts.flatMap((host) => host.interfaces).length;
  const cables = scenario.segments.filter((one) => one.kind === 'cable').length;
  t.is(names.length, 2 * (interfaces - cables));
  t.true(names.every(({ name }) => name.length <= 15));
  t.is(new Set(names.map(({ name, netns }) => `${netns}/${name}`)).size, names.length);
  t.is(new Set(names.map(({ index }) => index)).size, names.length);
});

test('an instance shares no namespace and no directory with the default lab', (t) => {
  const other = layoutFor('two', ['twinspan'], (name) => [name], ec2);
  const mine = new Set(namespacesOf(scenario, layout));
  t.false(namespacesOf(scenario, other).some((name) => mine.has(name)));
  t.not(other.dir, layout.dir);
  for (const name of ['../x', 'A', 'a-b', 'x'.repeat(13)]) {
    t.throws(() => layoutFor(name, [], () => [], ec2), { message: /is not usable/ });
  }
});

test('what cannot fail is refused with what can', (t) => {
  t.throws(() => failureNamed(scenario, layout, 'node:edge9'), { message: /edge9/ });
  const error = t.throws(() => failureNamed(scenario, layout, 'edge1-a')) as Error & { hint: string };
  t.regex(error.hint, /node:NAME/);
  const near = t.throws(() => failureNamed(scenario, layout, 'node:edge1-a:slowly')) as Error & {
    hint: string;
  };
  t.regex(near.hint, /node:edge1-a:freeze/);
});

test('words are quoted as a shell wants them', (t) => {
  t.is(quote('a-b/c.d'), 'a-b/c.d');
  t.is(quote(''), "''");
  t.is(quote("it's $x"), "'it'\\''s $x'");
});
