/**
 * Which test files there are, in which phase they run, and which compiled files have lost their source. The sources
 * decide: a compiled test whose source was deleted never runs.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

export interface Phases {
  /** Run at the lowest priority beside the plain ones: they compute, by a time of their own, and wait for nothing. */
  readonly pure: string[];
  /** Run a few at a time: many of them wait for sockets, servers, devices and the installer's machine. */
  readonly plain: string[];
  /** Run a few at a time: a few daemons each, which mostly wait for something to be noticed. */
  readonly daemons: string[];
  /** Run one after the other, last: they own whole networks of daemons, and look at when things happen. */
  readonly serial: string[];
}

const LONG = '.long.test.ts';
const PURE = /^test\/(core\/(?!wireguard\/interoperation)|sim\/)/;
/**
 * bad-ways: a machine that keeps a daemon waiting looks like an ISP that loses packets. scheduling: its daemon comes before
 * those of others.
 */
const DAEMONS = /^test\/(app\/daemon\/(?!bad-ways|scheduling)|interop\/|lab\/(?!lab\.))/;
const SERIAL = /^test\/(app\/daemon\/(bad-ways|scheduling)|lab\/lab\.)/;
/** Those that take longest, which begin first, so that none of them is left to run alone. */
const SLOW = [
  'deploy/install',
  'deploy/vagrant',
  'core/wireguard/interoperation',
  'edge/redis/deployment',
  'edge/linux/lan_root',
  'app/daemon/life',
  'interop/external_peer',
  'interop/wireguard_go',
  'app/daemon/uplinks',
  'interop/bfd_node',
  'app/daemon/bad-uplinks',
  'app/daemon/workers',
];

/** Every file below `root`/`folder`, as paths relative to `root`, sorted. */
export function filesBelow(root: string, folder: string): string[] {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * Test sources that match any of `patterns`, as phases of compiled files; where there is none, all but those that take
 * minutes (NAME.long.test.ts). A pattern is a part of a path; `dist/` before it and an extension after it do not matter.
 */
export function planPhases(sources: readonly string[], patterns: readonly string[]): Phases {
  const wanted = patterns.map((pattern) =>
    pattern.replace(/^(\.\/)?(dist\/)?/, '').replace(/(\.test)?\.[jt]s$/, ''),
  );
  const tests = sources.filter(
    (file) =>
      file.endsWith('.test.ts') &&
      (wanted.length === 0 ? !file.endsWith(LONG) : wanted.some((part) => file.includes(part))),
  );
  const of = (isOf: (file: string) => boolean): string[] =>
    tests
      .filter(isOf)
      .toSorted((a, b) => slowness(b) - slowness(a))
      .map((file) => `dist/${file.replace(/\.ts$/, '.js')}`);
  return {
    pure: of((file) => PURE.test(file)),
    plain: of((file) => ![PURE, SERIAL, DAEMONS].some((phase) => phase.test(file))),
    daemons: of((file) => DAEMONS.test(file)),
    serial: of((file) => SERIAL.test(file)),
  };
}

/** Greater for a file that takes longer; 0 for most. */
function slowness(file: string): number {
  const index = SLOW.findIndex((name) => file === `test/${name}.test.ts`);
  return index < 0 ? 0 : SLOW.length - index;
}

/** Compiled files (dist/src, dist/test) whose TypeScript source is not among `sources`. */
export function findStale(compiled: readonly string[], sources: readonly string[]): string[] {
  const known = new Set(sources);
  return compiled.filter((file) => {
    const match = /^dist\/(.*?)(\.d\.ts|\.js|\.js\.map)$/.exec(file);
    return match !== null && !known.has(`${match[1]}.ts`);
  });
}

/** Deletes stale compiled files below `root`; returns how many there were. */
export function removeStale(root: string): number {
  const sources = [...filesBelow(root, 'src'), ...filesBelow(root, 'test')];
  const stale = findStale([...filesBelow(root, 'dist/src'), ...filesBelow(root, 'dist/test')], sources);
  for (const file of stale) rmSync(join(root, file));
  return stale.length;
}
