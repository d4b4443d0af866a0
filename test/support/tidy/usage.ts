/** Things that stand in a table or in a folder and that nobody uses. */
import { importsOf } from './imports.js';
import { isTypeScript, type Rule, type Source, withoutComments } from './source.js';

const ERRORS = 'src/core/base/errors.ts';
const DROPS = 'src/core/packet/drop.ts';

/** Modules of src that only tests use, and why they stand there all the same. */
const FOR_TESTS: Readonly<Record<string, string>> = {
  'src/core/base/random.ts': 'the chance of the simulators, pure like the core',
  'src/core/path/path-manager.ts': 'paths are measured by it once the node is wired to it',
  'src/core/wireguard/transport.ts': 'the slow twin of what the addon seals and opens',
  'src/edge/linux/fake_runner.ts': 'a fake stands beside its interface',
  'src/edge/aws/fake-ec2.ts': 'a fake stands beside its interface',
  'src/edge/redis/memory-register.ts': 'a fake stands beside its interface',
  'src/app/lab/programs/ec2.ts': 'how tests start the EC2 stand-in; the lab follows',
};

/** Modules that are started, not imported: named by package.json, a main.ts or worker.ts of app, or a program of the lab. */
function isEntry(path: string, sources: readonly Source[]): boolean {
  const manifest = sources.find((source) => source.path === 'package.json')?.text ?? '';
  const named = manifest.includes(path.replace(/^src\//, 'dist/src/').replace(/\.ts$/, '.js'));
  return path in FOR_TESTS || named || /^src\/app\/(.+\/)?(main|worker|programs\/.+)\.ts$/.test(path);
}

/** Every module of src is an entry or imported by another module of src; tests do not keep code alive. */
export const deadFiles: Rule = (sources) => {
  const modules = sources.filter(({ path }) => isTypeScript(path, 'src'));
  const imported = new Set(modules.flatMap(importsOf).map(({ to }) => to));
  return modules
    .filter(({ path }) => !imported.has(path) && !isEntry(path, sources))
    .map(({ path }) => `${path}: no module of src imports it`);
};

/** Names in a table of `path` that `isUsed` does not find in any other module's code. */
function unused(
  sources: readonly Source[],
  path: string,
  entry: RegExp,
  isUsed: (code: string, name: string) => boolean,
): string[] {
  const table = sources.find((source) => source.path === path);
  if (table === undefined) return [`${path}: there is no such table`];
  const names = [...withoutComments(table.text).matchAll(entry)].map((match) => match[1]);
  if (names.length === 0) return [`${path}: its table cannot be read`];
  const code = sources
    .filter((source) => isTypeScript(source.path, 'src') && source.path !== path)
    .map(({ text }) => withoutComments(text))
    .join('\n');
  return names.filter((name) => !isUsed(code, name)).map((name) => `${path}: nobody uses '${name}'`);
}

/** Every coded error is raised somewhere. */
export const unusedErrors: Rule = (sources) =>
  unused(sources, ERRORS, /^ {2}(TS_\w+):/gm, (code, name) => new RegExp(`\\b${name}\\b`).test(code));

/** Every drop reason is given somewhere: as `DROP['name']`, `DROP.name` or by its name. */
export const unusedDropReasons: Rule = (sources) =>
  unused(
    sources,
    DROPS,
    /^ {2}'([\w-]+)',$/gm,
    (code, name) =>
      name === 'none' || code.includes(`'${name}'`) || new RegExp(`\\bDROP\\.${name}\\b`).test(code),
  );
