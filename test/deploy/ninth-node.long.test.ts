/**
 * A bare Debian machine becomes the ninth node of the lab by the README's own commands, to the letter. It has a place on the
 * lab's internet and a site with one host; ssh and scp to the other nodes, which the README takes for granted, lead to the
 * lab's `exec` and files.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { Machine, machineTest, packOnce } from '../support/machine.js';
import { Network, until } from '../support/namespaces.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const INSTANCE = `n${process.pid}`;
const LAB_MS = 240_000;

function lab(...words: string[]) {
  const env = { ...process.env, TWINSPAN_LAB: INSTANCE };
  const main = `${ROOT}dist/src/app/lab/main.js`;
  return spawnSync(process.execPath, [main, ...words], { env, encoding: 'utf8', timeout: LAB_MS });
}

/** The commands between two markers of the README. */
function commandsOf(name: string): string {
  const readme = readFileSync(`${ROOT}README.md`, 'utf8');
  const part = readme.split(`<!-- ${name}:start -->`)[1].split(`<!-- ${name}:end -->`)[0];
  return [...part.matchAll(/```\n([\s\S]*?)```/g)].map((match) => match[1]).join('');
}

const WIRE = '/srv/wire';
/** Stands for ssh and scp: leaves its words, and for scp the file, and waits for the answer. */
const STAND_IN = `#!/bin/bash
at=${WIRE}/$$
program=$(basename "$0")
if [ "$program" = scp ] && [[ "$1" != *:* ]]; then cp "$1" "$at.data"; fi
printf '%s\\n' "$program" "$@" >"$at.new" && mv "$at.new" "$at.asked"
until [ -e "$at.done" ]; do sleep 0.05; done
if [ "$program" = scp ] && [[ "$1" == *:* ]]; then cp "$at.data" "$2/$(basename "$1")"; fi
cat "$at.said"
exit "$(cat "$at.done")"
`;

/** Answers one ssh or scp of the machine. All nodes of the lab share one network.yaml. */
function answer(machine: Machine, asked: string): string {
  const at = `${machine.root}${WIRE}/${asked.replace('.asked', '')}`;
  const [program, first, ...rest] = readFileSync(`${at}.asked`, 'utf8').trimEnd().split('\n');
  rmSync(`${at}.asked`);
  const shared = `/var/lib/twinspan-lab-${INSTANCE}/network.yaml`;
  let [code, said] = [0, ''];
  if (program === 'ssh') {
    const { status, stdout, stderr } = lab('exec', first, '--', ...rest);
    [code, said] = [status ?? 1, `${stdout}${stderr}`];
  } else if (first.includes(':')) copyFileSync(shared, `${at}.data`);
  else copyFileSync(`${at}.data`, shared);
  writeFileSync(`${at}.said`, said);
  writeFileSync(`${at}.done.new`, `${code}\n`);
  execFileSync('mv', [`${at}.done.new`, `${at}.done`]);
  return [program, first, ...rest].join(' ');
}

/** Runs a script on the machine and answers its ssh and scp; what it printed and asked for. */
async function follow(machine: Machine, script: string) {
  const program = machine.start(`set -e\ncd /srv\n${script}`, { over: 'host' });
  const asked: string[] = [];
  while (program.outcome === undefined) {
    const names = readdirSync(`${machine.root}${WIRE}`).filter((name) => name.endsWith('.asked'));
    asked.push(...names.map((name) => answer(machine, name)));
    await sleep(50);
  }
  return { code: program.outcome, text: program.output, asked };
}

function wire(network: Network): void {
  network.add('node', 'site');
  network.cable('node', 'eth1', 'site', 'eth0');
  const internet = `twl-${INSTANCE}-internet`;
  const veth = `link add eth0 netns ${network.namespace('node')} type veth peer name ninth netns ${internet}`;
  execFileSync('ip', veth.split(' '));
  execFileSync('ip', `-n ${internet} link set ninth master br0 up`.split(' '));
  network.run(
    'node',
    'ip addr add 203.0.113.107/24 dev eth0; ip addr add 172.16.40.200/24 dev eth1; ip link set eth0 up',
  );
  network.run('site', 'ip addr add 172.16.40.15/24 dev eth0; ip route add 10.100.0.0/16 via 172.16.40.215');
}

async function joins(t: ExecutionContext): Promise<void> {
  const packed = packOnce();
  const network = new Network(t);
  wire(network);
  const machine = new Machine(t);
  await machine.boot(network.namespace('node'));
  copyFileSync(packed, `${machine.root}/srv/${packed.split('/').at(-1)}`);
  mkdirSync(`${machine.root}${WIRE}`);
  for (const name of ['ssh', 'scp']) {
    writeFileSync(`${machine.root}/usr/local/bin/${name}`, STAND_IN, { mode: 0o755 });
  }

  const { code, text, asked } = await follow(machine, commandsOf('another-site'));
  t.is(code, 0, text);
  t.is(asked.filter((one) => /^ssh \S+ twinspan reload$/.test(one)).length, 8, asked.join('\n'));
  t.is(machine.must('systemctl is-active twinspan').trim(), 'active');

  await until('the new site reaches the application server through the tunnel', () => {
    return (
      spawnSync('ip', ['netns', 'exec', network.namespace('site'), 'ping', '-c1', '-W1', '10.100.100.15'])
        .status === 0
    );
  });
  await until('the application server reaches the new site', () => {
    return lab('exec', 'app', '--', 'ping', '-c1', '-W1', '10.100.40.15').status === 0;
  });
  const answered = network.run('site', 'curl -sf --max-time 5 http://10.100.100.15/');
  t.regex(answered, /10\.100\.40\.15/, 'the server sees the overlay address');
}

machineTest('a bare machine joins the lab as a ninth node by the README', async (t) => {
  try {
    const { status, stderr } = lab('up', 'ha-edge-to-aws');
    t.is(status, 0, stderr);
    await joins(t);
  } finally {
    lab('down');
  }
  t.false(existsSync(`/var/lib/twinspan-lab-${INSTANCE}`));
});
