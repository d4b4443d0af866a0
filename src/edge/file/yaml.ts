/**
 * YAML from disk: a plain value plus where each part of it stands. Strict: UTF-8, one document, no duplicate keys, no
 * tags, aliases bounded, size bounded. Whatever the bytes are, the answer is a document or a list of problems.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { LIMITS } from '../../core/config/limits.js';
import type { Locate, Location, Path, Problem, Source } from '../../core/config/problem.js';
import { tooDeepAt } from './nesting.js';

/** What is wrong with a text, and from which character on. */
interface Complaint {
  readonly pos: readonly [from: number, ...rest: number[]];
  readonly code: string;
  readonly message: string;
}

export type YamlResult =
  | { readonly ok: true; readonly source: Source }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads and parses the file `fileName`; problems have TS_CONFIG_UNREADABLE where it cannot be read. */
export function readYaml(fileName: string): YamlResult {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(fileName);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    const hint = reason === 'ENOENT' ? 'There is no such file.' : undefined;
    return refuse(fileName, 1, 1, `cannot be read (${reason}).`, hint, 'TS_CONFIG_UNREADABLE');
  }
  if (bytes.length > LIMITS.fileBytesMax) {
    return refuse(fileName, 1, 1, `has ${bytes.length} bytes; at most ${LIMITS.fileBytesMax} are accepted.`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse(fileName, 1, 1, 'is not UTF-8 text.');
  }
  return parseYaml(fileName, text);
}

/** Parses YAML `text`; `fileName` is for messages and for resolving relative names. */
export function parseYaml(fileName: string, text: string): YamlResult {
  const lines = new LineCounter();
  const deep = tooDeepAt(text);
  if (deep !== undefined) return refuse(fileName, deep, 1, 'is nested too deeply.');
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      stringKeys: true,
      // Compares each key with all before it; `repeatedKeys` does not.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'error',
      resolveKnownTags: false,
    });
    const complaints = [...document.errors, ...document.warnings, ...repeatedKeys(document)];
    if (complaints.length > 0) {
      const problems = complaints.slice(0, LIMITS.problemsMax).map((complaint) => {
        const { line, col } = lines.linePos(complaint.pos[0]);
        return problemAt(fileName, line, col, yamlMessage(complaint.code, complaint.message));
      });
      return { ok: false, problems };
    }
    const stray = strayAlias(document);
    if (stray !== undefined) {
      const { line, col } = lines.linePos(startOf(stray.alias) ?? 0);
      return refuse(fileName, line, col, stray.message);
    }
    const value: unknown = document.toJS({ maxAliasCount: LIMITS.aliasesMax });
    const root = document.contents;
    const locate: Locate = (at, part) => locateIn(fileName, root, lines, at, part === 'key');
    const resolve = (name: string): string => path.resolve(path.dirname(fileName), name);
    return { ok: true, source: { value, locate, resolve } };
  } catch (error) {
    return refuse(fileName, 1, 1, `cannot be parsed: ${firstLine(error)}.`);
  }
}

/** Keys that stand in their mapping twice. */
function repeatedKeys(document: Document.Parsed): Complaint[] {
  const repeated: Complaint[] = [];
  visit(document, {
    Map(_key, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) repeated.push({ pos: [startOf(key) ?? 0], code: 'DUPLICATE_KEY', message: '' });
        seen.add(name);
      }
    },
  });
  return repeated;
}

/** An alias that has no anchor, or the first of too many. */
function strayAlias(document: Document.Parsed): { alias: Alias; message: string } | undefined {
  let found: { alias: Alias; message: string } | undefined;
  let count = 0;
  visit(document, {
    Alias(_key, alias) {
      count++;
      if (count > LIMITS.aliasesMax) found = { alias, message: `more than ${LIMITS.aliasesMax} aliases.` };
      else if (alias.resolve(document) === undefined)
        found = { alias, message: `there is no anchor '${alias.source}'.` };
      return found === undefined ? undefined : visit.BREAK;
    },
  });
  return found;
}

function yamlMessage(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'the same key stands here twice.';
  if (code === 'MULTIPLE_DOCS') return 'more than one YAML document in one file.';
  const text = message.split('\n', 1)[0].replace(/\.$/, '');
  return `not valid YAML: ${text}.`;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0];
}

/**
 * Where `at` stands: a scalar's own place; for a mapping or list under a key, the key. A path that does not exist is
 * located at its nearest existing part.
 */
function locateIn(file: string, root: Node | null, lines: LineCounter, at: Path, wantKey: boolean): Location {
  let node: unknown = root;
  let offset = 0;
  for (const [depth, step] of at.entries()) {
    if (isAlias(node)) break;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) break;
      const toKey = wantKey && depth === at.length - 1;
      const scalar = !toKey && isScalar(pair.value) && pair.value.value !== null;
      offset = startOf(scalar ? pair.value : pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(step)];
      if (item === undefined) break;
      offset = startOf(item) ?? offset;
      node = item;
    } else break;
  }
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

function startOf(node: unknown): number | undefined {
  return (node as Node | undefined)?.range?.[0];
}

function problemAt(
  file: string,
  line: number,
  column: number,
  message: string,
  hint?: string,
  code: Problem['code'] = 'TS_CONFIG_INVALID',
): Problem {
  return { file, line: Math.max(1, line), column: Math.max(1, column), path: '', message, hint, code };
}

function refuse(...at: Parameters<typeof problemAt>): YamlResult {
  return { ok: false, problems: [problemAt(...at)] };
}
