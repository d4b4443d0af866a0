/** scripts/install from a source tree, on a bare Debian machine that has neither Node nor a compiler: minutes of building. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Machine, machineTest } from '../support/machine.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The npm registry that we use, for programs on the machine. */
function registry(): Record<string, string> {
  const said = execFileSync('npm', ['config', 'get', 'registry'], { cwd: ROOT, encoding: 'utf8' });
  return { npm_config_registry: said.trim() };
}

machineTest('a source tree on a machine without Node: cut off, built, run', async (t) => {
  const machine = new Machine(t);
  await machine.boot();
  const tree = `${machine.root}/srv/twinspan`;
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
  });
  execFileSync('mkdir', [tree]);
  execFileSync('sh', ['-ec', `xargs -0 tar -c | tar -x -C ${tree}`], { cwd: ROOT, input: files });
  const offline = machine.run('/srv/twinspan/scripts/install');
  t.is(offline.code, 1);
  t.regex(offline.text, /is there a network/);
  const compiling = `${machine.root}/opt/twinspan/.build/source/native/build`;
  const options = { over: 'host', env: registry() } as const;
  await machine.cutOff('/srv/twinspan/scripts/install', () => existsSync(compiling), options);
  t.false(existsSync(`${machine.root}/opt/twinspan/current`));
  const text = machine.must('/srv/twinspan/scripts/install', options);
  t.regex(text, /building with Node v20\.20\.2 \(\/opt\/twinspan\/\.build\/kit\/bin\)/);
  t.regex(text, /npm packages: all there/, 'what was done is not done again');
  t.regex(machine.must('twinspan --version'), /^\d/);
  t.deepEqual(readdirSync(`${machine.root}/opt/twinspan`).sort(), ['current', 'releases']);
});
