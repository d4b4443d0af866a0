/**
 * The import law. Three tiers: core is pure, edge touches one outside thing each, app puts them together. The fence
 * around core is compiled (src/core/tsconfig.json); the arrows inside core and between folders are checked here.
 */
import { posix } from 'node:path';
import { isTypeScript, type Rule, type Source, withoutComments } from './source.js';

/** Which folders of core a folder of core may import, besides itself. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  packet: ['base'],
  lpm: ['base'],
  route: ['base', 'lpm'],
  nat: ['base', 'packet', 'lpm'],
  wireguard: ['base'],
  path: ['base', 'packet'],
  uplink: ['base'],
  cluster: ['base'],
  config: ['base'],
  plan: ['base', 'config'],
  router: ['base', 'packet', 'lpm', 'route', 'nat', 'wireguard', 'path'],
};

/** Which npm packages a folder may import; a trailing `/` allows a whole scope. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'src/core/config': ['ip-address', 'zod'],
  'src/edge/aws': ['@aws-sdk/'],
  'src/edge/crypto': ['@noble/'],
  'src/edge/file': ['yaml'],
  'src/edge/redis': ['ioredis'],
  'src/app/cli': ['yargs'],
  'src/app/control': ['pino'],
  'src/app/observe': ['pino'],
  'src/app/lab': ['yaml'],
};

const IMPORTS = [
  /\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g,
  /\bimport\s*\(?\s*['"]([^'"]+)['"]/g,
  /\bnew URL\(\s*['"](\.[^'"]+\.js)['"],\s*import\.meta\.url/g,
];

export interface Import {
  readonly from: string;
  /** A path of the repository, or a package. */
  readonly to: string;
  readonly isPackage: boolean;
}

/** What a TypeScript source imports: statically, dynamically, or as the file of a worker. */
export function importsOf({ path, text }: Source): Import[] {
  const code = withoutComments(text);
  return IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)]).map(([, specifier]) => {
    const isPackage = !specifier.startsWith('.');
    const resolved = posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
    return { from: path, to: isPackage ? specifier : resolved, isPackage };
  });
}

function packageProblem({ from, to }: Import): string | undefined {
  if (to.startsWith('node:')) return undefined;
  const folder = from.split('/').slice(0, 3).join('/');
  const allowed = PACKAGES[folder] ?? [];
  const fits = allowed.some((name) =>
    name.endsWith('/') ? to.startsWith(name) : to === name || to.startsWith(`${name}/`),
  );
  return fits
    ? undefined
    : `${from}: ${folder} may not import the package ${to} (allowed: ${allowed.join(', ') || 'none'})`;
}

function moduleProblem({ from, to }: Import): string | undefined {
  const [, tier, folder] = from.split('/');
  const [toTop, toTier, toFolder] = to.split('/');
  const problem = (why: string): string => `${from}: may not import ${to}: ${why}`;
  if (toTop !== 'src') return problem('src imports nothing but src');
  if (tier === 'core') {
    if (toTier !== 'core') return problem('core is pure and imports only core');
    if (ARROWS[folder] === undefined) return problem(`core/${folder} has no place in the import law`);
    const fits = folder === toFolder || ARROWS[folder].includes(toFolder);
    return fits ? undefined : problem(`core/${folder} may import ${ARROWS[folder].join(', ') || 'nothing'}`);
  }
  if (tier === 'edge') {
    const fits =
      toTier === 'core' || to === 'src/edge/native.ts' || (toTier === 'edge' && toFolder === folder);
    return fits ? undefined : problem('an edge imports core, native.ts and itself');
  }
  const reachesControl = toTier === 'app' && toFolder === 'control';
  return folder === 'cli' && reachesControl
    ? problem('the CLI talks to the daemon over its socket')
    : undefined;
}

/** Tiers, arrows, packages, and nothing that imports tests. */
export const importLaw: Rule = (sources) =>
  sources
    .filter(({ path }) => isTypeScript(path, 'src'))
    .flatMap(importsOf)
    .flatMap((entry) => (entry.isPackage ? packageProblem(entry) : moduleProblem(entry)) ?? []);
