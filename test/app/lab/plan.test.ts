/** Plans of the lab as plain command text. The golden file is reviewed as a diff: UPDATE_GOLDEN=1 writes it anew. */
import test from 'ava';
import { CHECKS } from '../../../src/app/lab/checks/index.js';
import { WAN_FAULTS } from '../../../src/app/lab/checks/wan/programmes.js';
import { layoutFor } from '../../../src/app/lab/layout.js';
import { failureNamed, failurePatterns, failuresOf } from '../../../src/app/lab/plan/failures.js';
import { namespacesOf } from '../../../src/app/lab/plan/network.js';
import { formatPlan, formatStep, quote, type Step } from '../../../src/app/lab/plan/step.js';
import { planUp } from '../../../src/app/lab/plan/up.js';
import type { Ec2Spec } from '../../../src/app/lab/programs/ec2.js';
import { SCENARIOS, scenarioNamed } from '../../../src/app/lab/scenarios/index.js';
import { golden } from '../../support/golden.js';

const ec2 = (spec: Ec2Spec) => ['ec2', JSON.stringify(spec)];
const layout = layoutFor('', ['twinspan'], (name) => ['lab-program', name], ec2);
const scenario = scenarioNamed('ha-edge-to-aws')!;

/** Both ends of every cable that is made. */
function linkEnds(steps: readonly Step[]): { name: string; index: string; netns: string }[] {
  return steps.flatMap((step) =>
    step.do === 'ip' && step.namespace === undefined && step.args.startsWith('link add')
      ? [...step.args.matchAll(/name (\S+) index (\d+) netns (\S+)/g)].map(([, name, index, netns]) => {
          return { name, index, netns };
        })
      : [],
  );
}

/** The one that has everything, and one with a firewall that chooses. */
for (const name of ['ha-edge-to-aws', 'wan-cluster-split-firewall']) {
  const one = scenarioNamed(name)!;

  test(`up ${name} is this text`, (t) => {
    golden(t, `lab-up-${name}.txt`, formatPlan(planUp(one, layout)));
  });

  test(`every failure of ${name} is this text`, (t) => {
    const text = [...failuresOf(one, layout).values()].map((failure) => {
      const part = (verb: string, list: readonly Step[]) =>
        `${verb} ${failure.what}\n${list.map(formatStep).join('\n')}\n`;
      return part('fail', failure.fail) + part('heal', failure.heal);
    });
    golden(t, `lab-failures-${name}.txt`, text.join('\n'));
  });
}

for (const one of SCENARIOS) {
  const steps = planUp(one, layout).flatMap((stage) => stage.lanes.flat());

  test(`${one.name}: everything is written below the directory of the lab`, (t) => {
    const paths = steps.flatMap((step) =>
      step.do === 'write' || step.do === 'directory' ? [step.path] : [],
    );
    t.true(paths.length > 20);
    t.deepEqual(
      paths.filter((path) => !path.startsWith(`${layout.dir}/`)),
      [],
    );
  });

  test(`${one.name}: every namespace has the prefix, is made once, and is where interfaces are made`, (t) => {
    const made = steps.flatMap((step) =>
      step.do === 'ip' ? (/^netns add (\S+)$/.exec(step.args)?.slice(1) ?? []) : [],
    );
    t.deepEqual(made.toSorted(), namespacesOf(one, layout).toSorted());
    t.is(new Set(made).size, made.length);
    t.true(made.every((name) => name.startsWith('twl-')));
    for (const { netns } of linkEnds(steps)) t.true(made.includes(netns), netns);
  });

  test(`${one.name}: interface names fit the kernel, are unique in their namespace, and have an index each`, (t) => {
    const ends = linkEnds(steps);
    const interfaces = one.hosts.flatMap((host) => host.interfaces).length;
    const cables = one.segments.filter((segment) => segment.kind === 'cable').length;
    t.is(ends.length, 2 * (interfaces - cables));
    t.true(ends.every(({ name }) => name.length <= 15));
    t.is(new Set(ends.map(({ name, netns }) => `${netns}/${name}`)).size, ends.length);
    t.is(new Set(ends.map(({ index }) => index)).size, ends.length);
  });

  test(`${one.name}: what its programme breaks can fail, and all that can is told in few words`, (t) => {
    t.true((CHECKS.get(one.name) ?? []).some(({ checks }) => checks.length > 0));
    const named = new Set(failuresOf(one, layout).keys());
    for (const { whats } of WAN_FAULTS[one.name] ?? []) {
      t.true(
        whats.every((what) => named.has(what)),
        whats.join(),
      );
    }
    const heads = failurePatterns(one, layout);
    t.true(heads.length <= 30, heads.join(' '));
  });
}

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
