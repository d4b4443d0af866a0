/**
 * Which test files there are, in which phase they run, and which compiled files have lost their source. The sources
 * decide: a compiled test whose source was deleted never runs.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

export interface Phases {
  /** Run several at a time. */
  readonly plain: string[];
  /** Run a few at a time: most of them wait for sockets, servers, devices and the installer's machine. */
  readonly edges: string[];
  /** Run a few at a time: a few daemons each, which mostly wait for something to be noticed. */
  readonly daemons: string[];
  /** Run one after the other, last: they own whole networks of daemons, and look at when things happen. */
  readonly serial: string[];
}

const LONG = '.long.test.ts';
const EDGES = /^test\/(edge|deploy)\//;
/** bad-ways: a machine that keeps a daemon waiting looks like an ISP that loses packets. */
const DAEMONS = /^test\/(app\/daemon\/(?!bad-ways)|interop\/)/;
const SERIAL = /^test\/(app\/daemon\/bad-ways|lab\/)/;

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
  const compiled = (file: string): string => `dist/${file.replace(/\.ts$/, '.js')}`;
  return {
    plain: tests.filter((file) => ![SERIAL, DAEMONS, EDGES].some((phase) => phase.test(file))).map(compiled),
    edges: tests.filter((file) => EDGES.test(file)).map(compiled),
    daemons: tests.filter((file) => DAEMONS.test(file)).map(compiled),
    serial: tests.filter((file) => SERIAL.test(file)).map(compiled),
  };
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
