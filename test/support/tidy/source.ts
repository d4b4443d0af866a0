/**
 * The repository as a list of texts, which is all that the rules of taste look at. A rule is a function from sources
 * to sentences, each of which says where, what and why; no sentence means that the rule is kept.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, posix } from 'node:path';

export interface Source {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export type Rule = (sources: readonly Source[]) => string[];

const NOT_OURS = new Set(['node_modules', 'dist', 'build', '.git', 'coverage']);
const TEXT = new Set([
  '.ts',
  '.js',
  '.mjs',
  '.cc',
  '.h',
  '.gyp',
  '.json',
  '.md',
  '.yaml',
  '.yml',
  '.sh',
  '.txt',
  '',
]);

/** Every text file of the repository at `root`, without what is built or installed. */
export function readSources(root: string, folder = ''): Source[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) return readSources(root, path);
      if (!entry.isFile() || !TEXT.has(extname(entry.name))) return [];
      return [{ path, text: readFileSync(join(root, path), 'utf8') }];
    });
}

/** Whether `path` is TypeScript below one of `folders`. */
export function isTypeScript(path: string, ...folders: string[]): boolean {
  return path.endsWith('.ts') && folders.some((folder) => path.startsWith(`${folder}/`));
}

/** Number of lines, as an editor counts them. */
export function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** `text` with comments blanked out; strings and line numbers stay. */
export function withoutComments(text: string): string {
  const token = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(token, (match) =>
    match.startsWith('/*') || match.startsWith('//') ? match.replace(/[^\n]/g, ' ') : match,
  );
}

/** `path:line` of each match of `pattern` (global) in `text`. */
export function findLines(path: string, text: string, pattern: RegExp): { where: string; match: string }[] {
  return [...text.matchAll(pattern)].map((match) => ({
    where: `${path}:${text.slice(0, match.index).split('\n').length}`,
    match: match[0],
  }));
}
