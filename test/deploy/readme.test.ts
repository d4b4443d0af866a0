/** What the README says about real machines agrees with the code. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { machinesOf } from '../../src/app/lab/machines/machines.js';
import { machineScenario, PROFILES } from '../../src/app/lab/machines/scenario.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const README = readFileSync(`${ROOT}README.md`, 'utf8');

test('the IAM policy allows the calls that are made and no others', (t) => {
  const worker = readFileSync(`${ROOT}src/edge/aws/ec2-worker.ts`, 'utf8');
  const made = [...worker.matchAll(/new (\w+)Command\(/g)].map((match) => `ec2:${match[1]}`);
  const text = README.split('<!-- iam:start -->')[1].split('<!-- iam:end -->')[0];
  const policy = JSON.parse(text.replace(/```(json)?/g, '')) as {
    Statement: { Action: string[]; Resource: string }[];
  };
  const allowed = policy.Statement.flatMap((statement) => statement.Action);
  t.deepEqual(allowed.toSorted(), [...new Set(made)].sort());
  const changing = policy.Statement.find(({ Action }) => Action.includes('ec2:ReplaceRoute'));
  t.regex(changing?.Resource ?? '', /:route-table\/rtb-/, 'only on the tables that are named');
});

test('the table of virtual machines has their memory and processors', (t) => {
  for (const profile of PROFILES) {
    const machines = machinesOf(machineScenario(profile));
    const total = machines.reduce((sum, machine) => sum + machine.memoryMb, 0);
    t.regex(README, new RegExp(`\\| together .*\\b${total}\\b`), profile);
    for (const { name, memoryMb, cpus } of machines) {
      const row = README.split('\n').find((line) => {
        return (
          line.startsWith('| ') &&
          line.includes(`\`${name.replace(/[1-9](?=-|$)/, '1').replace(/-b$/, '-a')}\``)
        );
      });
      t.regex(row ?? '', new RegExp(`\\| +${memoryMb} \\| +${cpus} \\|`), name);
    }
  }
});
