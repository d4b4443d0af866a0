/**
 * `machines`: the topology that the Vagrantfile reads, as JSON. `machines PROFILE`: what each machine of that profile is
 * given, below build/vagrant/PROFILE, one tar file a machine. Keys that exist are kept.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { TwinspanError } from '../../../core/base/errors.js';
import { type Key, type MachineFile, machineFiles } from '../machines/files.js';
import { machinesOf } from '../machines/machines.js';
import { machineScenario, PROFILES, type Profile } from '../machines/scenario.js';
import { nodesOf } from '../plan/overlay.js';
import { command } from '../run/command.js';
import type { Scenario } from '../scenario.js';
import { currentLayout, ROOT, say } from './environment.js';

/** What vagrant/topology.json says. */
export function topologyJson(): string {
  const profiles = Object.fromEntries(
    PROFILES.map((profile) => [profile, { machines: machinesOf(machineScenario(profile)) }]),
  );
  const about = 'Written by: scripts/lab machines >vagrant/topology.json';
  return `${JSON.stringify({ about, profiles }, undefined, 2)}\n`;
}

/** The key pair of each node, made by the command line of Twinspan itself where there is none. */
async function keysOf(scenario: Scenario, directory: string): Promise<Map<string, Key>> {
  const { twinspan } = currentLayout();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const keys = new Map<string, Key>();
  for (const { name } of nodesOf(scenario)) {
    const file = `${directory}/${name}.key`;
    if (!existsSync(file)) await command([...twinspan, 'keygen', '--out', file]);
    const privateKey = readFileSync(file, 'utf8').trim();
    const publicKey = await command([...twinspan, 'pubkey'], { input: `${privateKey}\n` });
    keys.set(name, { privateKey, publicKey: publicKey.trim() });
  }
  return keys;
}

function write(directory: string, files: readonly MachineFile[]): void {
  rmSync(directory, { recursive: true, force: true });
  for (const { path, text, mode } of files) {
    const file = `${directory}/${path}`;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode });
    // The mode of a new file is cut by the umask.
    chmodSync(file, mode);
  }
}

/** Writes what the machines of a profile are given into `target`. */
export async function writeMachines(profile: Profile, target: string): Promise<void> {
  const scenario = machineScenario(profile);
  const keys = await keysOf(scenario, `${target}/keys`);
  for (const machine of machinesOf(scenario)) {
    const directory = `${target}/${machine.name}`;
    write(directory, machineFiles(scenario, machine, keys));
    await command(['tar', '--create', '--file', `${directory}.tar.new`, '--directory', directory, '.']);
    await command(['mv', `${directory}.tar.new`, `${directory}.tar`]);
    rmSync(directory, { recursive: true });
  }
}

/** `machines [PROFILE]`. */
export async function machines(words: readonly string[]): Promise<number> {
  if (words.length === 0) {
    process.stdout.write(topologyJson());
    return 0;
  }
  const profile = PROFILES.find((one) => one === words[0]);
  if (profile === undefined || words.length > 1) {
    throw new TwinspanError(
      'TS_LAB',
      `There is no profile '${words.join(' ')}'.`,
      `There are: ${PROFILES.join(' ')}`,
    );
  }
  await writeMachines(profile, `${ROOT}build/vagrant/${profile}`);
  const total = machinesOf(machineScenario(profile)).reduce((sum, machine) => sum + machine.memoryMb, 0);
  const hint = profile === 'small' ? '' : `TWINSPAN_PROFILE=${profile} `;
  say(
    `machines of the profile ${profile} are prepared (${total} MB of memory). Next: cd vagrant && ${hint}vagrant up`,
  );
  return 0;
}
