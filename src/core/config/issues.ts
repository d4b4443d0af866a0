/**
 * From what a schema refuses to what a person reads. Zod says which rule failed; this says it in one voice, points at
 * the key or value at fault, and guesses what an unknown key was meant to be.
 */
import type { z } from 'zod';
import type { Findings, Path, Source } from './problem.js';
import { nearest } from './suggest.js';

type Issue = z.core.$ZodIssue;

const SHAPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/**
 * Validates a source's value by `schema`. Returns the schema's output, or undefined after refusing each issue.
 * `schema` must be strict objects all the way down.
 */
export function parseWith<S extends z.ZodType>(
  schema: S,
  source: Source,
  findings: Findings,
): z.output<S> | undefined {
  const result = schema.safeParse(source.value, { reportInput: true });
  if (result.success) return result.data;
  for (const issue of result.error.issues) refuseIssue(schema, issue, [], source, findings);
  return undefined;
}

function refuseIssue(schema: z.ZodType, issue: Issue, base: Path, source: Source, findings: Findings): void {
  const path = [...base, ...(issue.path as Path)];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path);
      for (const key of issue.keys) {
        const near = nearest(key, known);
        const hint = near === undefined ? `Keys here: ${known.join(', ')}.` : `Did you mean '${near}'?`;
        findings.refuseKey(source, [...path, key], 'is not a known key.', hint);
      }
      return;
    }
    case 'invalid_union': {
      const best = bestBranch(issue.errors as Issue[][]);
      if (best === undefined)
        findings.refuse(source, path, `${unionMessage(issue)}, not ${shapeOf(issue.input)}.`);
      else for (const inner of best) refuseIssue(schema, inner, path, source, findings);
      return;
    }
    case 'invalid_key':
      findings.refuseKey(source, path, `${sentenceOf(issue.issues[0] as Issue)}.`);
      return;
    case 'custom':
      findings.refuse(source, path, `${issue.message}.`, issue.params?.['hint'] as string | undefined);
      return;
    default:
      findings.refuse(source, path, `${sentenceOf(issue)}.`);
  }
}

function sentenceOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return `must be ${SHAPES[issue.expected] ?? issue.expected}, not ${shapeOf(issue.input)}`;
    case 'too_small':
      if (issue.message.startsWith('must ')) return issue.message;
      return `must ${sizeVerb(issue.origin)} at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      if (issue.message.startsWith('must ')) return issue.message;
      return `must ${sizeVerb(issue.origin)} at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'invalid_value': {
      if (issue.input === undefined) return 'is missing';
      const values = issue.values.map(String);
      return `must be ${values.length === 1 ? values[0] : `one of ${values.join(', ')}`}, not ${shown(issue.input)}`;
    }
    default:
      return issue.message;
  }
}

function sizeVerb(origin: string): string {
  return origin === 'array' || origin === 'string' ? 'have' : 'be';
}

function unitOf(origin: string): string {
  if (origin === 'array') return ' entries';
  return origin === 'string' ? ' characters' : '';
}

/** What a value is, in the words of SHAPES. */
function shapeOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return shown(value);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 40 ? `'${value.slice(0, 40)}…'` : `'${value}'`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'object' || value === undefined ? shapeOf(value) : 'something else';
}

/** The branch of a union that the value was meant for: one whose own shape fits. Undefined where none does. */
function bestBranch(branches: Issue[][]): Issue[] | undefined {
  return branches.find((issues) => {
    const first = issues[0];
    return first.path.length > 0 || (first.code !== 'invalid_type' && first.code !== 'invalid_value');
  });
}

function unionMessage(issue: Issue & { code: 'invalid_union' }): string {
  if (issue.input === undefined) return 'is missing';
  const wanted = (issue.errors as Issue[][]).map(([first]) => {
    if (first.code === 'invalid_type') return SHAPES[first.expected] ?? first.expected;
    return first.code === 'invalid_value' ? first.values.map(String).join(' or ') : 'another value';
  });
  return `must be ${wanted.join(' or ')}`;
}

/** The keys that the object schema at `path` knows. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  let at: unknown = schema;
  for (const step of path) at = descend(unwrap(at), step);
  const shape = (unwrap(at) as { shape?: object } | undefined)?.shape;
  return shape === undefined ? [] : Object.keys(shape);
}

interface SchemaDefinition {
  innerType?: unknown;
  in?: unknown;
  options?: unknown[];
  shape?: Record<string, unknown>;
  element?: unknown;
  valueType?: unknown;
}

function definitionOf(schema: unknown): SchemaDefinition {
  return (schema as { def?: SchemaDefinition } | undefined)?.def ?? {};
}

/** The object, array or record inside defaults, options and unions. */
function unwrap(schema: unknown): unknown {
  const def = definitionOf(schema);
  if (def.innerType !== undefined) return unwrap(def.innerType);
  if (def.options !== undefined) return unwrap(def.options.find((option) => definitionOf(option).shape));
  return schema;
}

function descend(schema: unknown, step: string | number): unknown {
  const def = definitionOf(schema);
  return def.shape?.[step] ?? def.element ?? def.valueType;
}
