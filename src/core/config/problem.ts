/**
 * Problems: what is wrong with a configuration, said so that a person can go there and mend it: file, line, column,
 * the path inside the document, one sentence, and a hint where there is one. The pure core does not know files; who
 * reads them supplies `locate`.
 */
import type { ErrorCode } from '../base/errors.js';
import { LIMITS } from './limits.js';

/** Steps from the root of a document to a value. */
export type Path = readonly (string | number)[];

/** A place in a file; line and column count from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Finds a path in its file; where it does not exist, the nearest part of it that does. `key` asks for the place of the
 * last key instead of that of its value.
 */
export type Locate = (path: Path, part?: 'key') => Location;

/** One document to validate: its plain value, where its parts stand, and how its relative file names resolve. */
export interface Source {
  readonly value: unknown;
  readonly locate: Locate;
  /** Absolute form of a file name written in this document. */
  readonly resolve: (fileName: string) => string;
}

export interface Problem extends Location {
  readonly code: ErrorCode;
  /** Dotted path inside the document, '' for the document itself: `routes[2].cidr`. */
  readonly path: string;
  readonly message: string;
  readonly hint: string | undefined;
}

/** The text of a path: `clusters.EdgeCluster1.members[0]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** `file:line:column: path: message hint`, one line. */
export function formatProblem(problem: Problem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const hint = problem.hint === undefined ? '' : ` ${problem.hint}`;
  return `${where}: ${path}${problem.message}${hint}`;
}

/** Collects the problems and warnings of one load, up to LIMITS.problemsMax of each; more are counted, not kept. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];

  refuse(
    source: Source,
    path: Path,
    message: string,
    hint?: string,
    code: ErrorCode = 'TS_CONFIG_INVALID',
  ): void {
    keep(this.problems, { ...source.locate(path), code, path: formatPath(path), message, hint });
  }

  /** Refuses the key at the end of `path`, whatever its value. */
  refuseKey(source: Source, path: Path, message: string, hint?: string): void {
    const code = 'TS_CONFIG_INVALID';
    keep(this.problems, { ...source.locate(path, 'key'), code, path: formatPath(path), message, hint });
  }

  warn(source: Source, path: Path, message: string, hint?: string): void {
    const code = 'TS_CONFIG_INVALID';
    keep(this.warnings, { ...source.locate(path), code, path: formatPath(path), message, hint });
  }
}

function keep(list: Problem[], problem: Problem): void {
  if (list.length < LIMITS.problemsMax) list.push(problem);
}

/** Problems in the order in which a reader meets them: by file as first seen, then line, then column. */
export function inReadingOrder(problems: readonly Problem[]): Problem[] {
  const files = [...new Set(problems.map((problem) => problem.file))];
  return [...problems].sort(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
  );
}
