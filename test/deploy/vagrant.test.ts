/** The Vagrantfile: what it reads is current, Vagrant accepts it for both providers, and what is wrong is one sentence. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { topologyJson, writeMachines } from '../../src/app/lab/commands/machines.js';
import { machinesOf } from '../../src/app/lab/machines/machines.js';
import { machineScenario, PROFILES } from '../../src/app/lab/machines/scenario.js';
import { tempDir } from '../support/temp_dir.js';

const FOLDER = fileURLToPath(new URL('../../../vagrant/', import.meta.url));

test('topology.json is what the lab says', (t) => {
  const said = JSON.parse(readFileSync(`${FOLDER}topology.json`, 'utf8'));
  t.deepEqual(said, JSON.parse(topologyJson()), 'scripts/lab machines >vagrant/topology.json');
});

test('machines: every host has a place, every card an address of its own', (t) => {
  for (const profile of PROFILES) {
    const scenario = machineScenario(profile);
    const machines = machinesOf(scenario);
    t.deepEqual(machines.flatMap((one) => one.hosts).sort(), scenario.hosts.map((one) => one.name).sort());
    const macs = machines.flatMap((one) => one.nics.map((nic) => nic.mac));
    t.is(new Set(macs).size, macs.length);
    for (const { name, nics } of machines) {
      t.true(nics.length <= 7, `${name}: VirtualBox has eight cards, one of which is Vagrant's`);
      t.is(new Set(nics.map((nic) => nic.device)).size, nics.length, name);
    }
  }
});

function hasVagrant(): boolean {
  return spawnSync('vagrant', ['--version']).status === 0;
}

/** Registers a test that needs Vagrant; without it, it is skipped visibly. */
function vagrantTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  test.serial(title, async (t) => {
    if (hasVagrant()) return await body(t);
    t.log('skipped: there is no vagrant');
    console.log(`# SKIP ${title} (there is no vagrant)`);
    t.pass();
  });
}

async function prepare(t: ExecutionContext): Promise<string> {
  const prepared = tempDir(t);
  for (const profile of PROFILES) await writeMachines(profile, `${prepared}/${profile}`);
  writeFileSync(`${prepared}/twinspan.tar.gz`, '');
  return prepared;
}

function vagrant(prepared: string, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync('vagrant', [...words, '--no-color'], {
    cwd: FOLDER,
    encoding: 'utf8',
    env: {
      ...process.env,
      VAGRANT_HOME: path.join(prepared, 'home'),
      VAGRANT_DOTFILE_PATH: path.join(prepared, 'dot'),
      VAGRANT_CHECKPOINT_DISABLE: '1',
      TWINSPAN_PREPARED: prepared,
      ...env,
    },
    timeout: 120_000,
  });
  return { status, text: `${stdout}${stderr}`.trim() };
}

vagrantTest('vagrant validate: both profiles, both providers', async (t) => {
  const prepared = await prepare(t);
  for (const profile of PROFILES) {
    for (const provider of ['libvirt', 'virtualbox']) {
      const env = { TWINSPAN_PROFILE: profile, VAGRANT_DEFAULT_PROVIDER: provider };
      // Without the provider itself only what it adds to the check is left out.
      const { status, text } = vagrant(prepared, ['validate', '--ignore-provider'], env);
      t.is(status, 0, `${profile}, ${provider}: ${text}`);
      t.regex(text, /validated successfully/);
    }
  }
});

vagrantTest('what is wrong is one sentence, and Vagrant does not begin', async (t) => {
  const prepared = await prepare(t);
  const refused = (says: RegExp, words: readonly string[], env: Readonly<Record<string, string>>) => {
    const { status, text } = vagrant(prepared, words, env);
    t.is(status, 1, text);
    t.is(text.split('\n').length, 1, text);
    t.regex(text, says);
  };
  const libvirt = { VAGRANT_DEFAULT_PROVIDER: 'libvirt', TWINSPAN_LIBVIRT_SOCKET: '/dev/null' };
  refused(/there is no profile 'huge': set TWINSPAN_PROFILE to small or full/, ['validate'], {
    TWINSPAN_PROFILE: 'huge',
  });
  refused(/the box ubuntu\/jammy64 is not known as Debian 12 or newer/, ['validate'], {
    TWINSPAN_BOX: 'ubuntu/jammy64',
  });
  refused(
    /the provider docker is not supported: use virtualbox or libvirt/,
    ['up', '--provider', 'docker'],
    {},
  );
  refused(/the plug-in vagrant-libvirt is missing: vagrant plugin install vagrant-libvirt/, ['up'], {
    ...libvirt,
    VAGRANT_NO_PLUGINS: '1',
    VAGRANT_DISABLE_RESOLV_REPLACE: '1',
  });
  refused(/VirtualBox is not installed: there is no VBoxManage in PATH/, ['up'], {
    VAGRANT_DEFAULT_PROVIDER: 'virtualbox',
  });
  refused(/libvirt is not installed or does not run/, ['up'], {
    ...libvirt,
    TWINSPAN_LIBVIRT_SOCKET: '/nowhere',
  });
  refused(/the profile full wants \d+ MB of memory and 512 MB are free: try TWINSPAN_PROFILE=small/, ['up'], {
    ...libvirt,
    TWINSPAN_PROFILE: 'full',
    TWINSPAN_MEMORY: '512',
  });
  rmSync(`${prepared}/small`, { recursive: true });
  refused(/nothing is prepared for the profile small: run npm run lab -- machines small/, ['validate'], {});
});
