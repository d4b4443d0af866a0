/**
 * What the schemas say, for editors (JSON Schema) and for people (a reference page). Both are generated, committed, and
 * tested to be up to date, so that there is one source and nobody has to run a tool to read it.
 */
import { z } from 'zod';
import { LIMITS } from './limits.js';
import { networkSchema } from './network-schema.js';
import { nodeSchema } from './node-schema.js';

export type FileKind = 'network' | 'node';

const TITLES: Readonly<Record<FileKind, string>> = {
  network: 'Twinspan network.yaml: the whole network, the same on every node',
  node: 'Twinspan node.yaml: one machine',
};

interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  examples?: unknown[];
}

/** The JSON Schema of a configuration file. */
export function jsonSchemaOf(kind: FileKind): object {
  const schema = z.toJSONSchema(kind === 'network' ? networkSchema : nodeSchema, { io: 'input' });
  const { $schema, ...rest } = schema;
  return { $schema, title: TITLES[kind], ...rest };
}

/** The same as text with a final newline, as it is committed. */
export function jsonSchemaText(kind: FileKind): string {
  return `${JSON.stringify(jsonSchemaOf(kind), null, 2)}\n`;
}

/** The reference page in Markdown. */
export function referencePage(): string {
  return [
    '# Configuration reference',
    '',
    'Generated from the schemas in `src/core/config` by `twinspan schema --reference docs/configuration.md`; do not',
    'edit. Two YAML files: `network.yaml` is the same on every node, `node.yaml` is local to one machine. Unknown keys',
    `are errors. A file has at most ${LIMITS.fileBytesMax} bytes.`,
    '',
    ...sectionOf('network'),
    ...sectionOf('node'),
    ...wordsSection(),
  ].join('\n');
}

function sectionOf(kind: FileKind): string[] {
  const schema = jsonSchemaOf(kind) as JsonSchema;
  const rows: string[] = [];
  walk(schema, '', schema.$defs ?? {}, rows);
  return [`## ${kind}.yaml`, '', '| Key | Value | Default | Meaning |', '|---|---|---|---|', ...rows, ''];
}

/** The named kinds of text that both files use. */
function wordsSection(): string[] {
  const all = {
    ...(jsonSchemaOf('network') as JsonSchema).$defs,
    ...(jsonSchemaOf('node') as JsonSchema).$defs,
  };
  const rows = Object.entries(all)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, { description, examples }]) => {
      const shown = (examples ?? []).map((example) => `\`${String(example)}\``).join(', ');
      return `| ${word} | ${description ?? ''} | ${shown} |`;
    });
  return ['## Kinds of text', '', '| Kind | Meaning | Examples |', '|---|---|---|', ...rows, ''];
}

function walk(schema: JsonSchema, base: string, defs: Record<string, JsonSchema>, rows: string[]): void {
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const path = base === '' ? key : `${base}.${key}`;
    const required = schema.required?.includes(key) ?? false;
    rows.push(row(path, property, required, defs));
    descend(property, path, defs, rows);
  }
}

function descend(schema: JsonSchema, path: string, defs: Record<string, JsonSchema>, rows: string[]): void {
  if (schema.properties !== undefined) walk(schema, path, defs, rows);
  for (const option of schema.anyOf ?? []) descend(option, path, defs, rows);
  if (schema.items?.properties !== undefined) walk(schema.items, `${path}[]`, defs, rows);
  const values = schema.additionalProperties;
  if (typeof values === 'object' && values.properties !== undefined) walk(values, `${path}.NAME`, defs, rows);
}

function row(path: string, schema: JsonSchema, required: boolean, defs: Record<string, JsonSchema>): string {
  const shown = schema.default === undefined || typeof schema.default === 'object';
  const fallback = shown ? (required ? 'required' : '') : `\`${String(schema.default)}\``;
  const cells = [`\`${path}\``, valueText(schema, defs), fallback, schema.description ?? ''];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function valueText(schema: JsonSchema, defs: Record<string, JsonSchema>): string {
  if (schema.$ref !== undefined) return refName(schema.$ref);
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.anyOf !== undefined) return schema.anyOf.map((option) => valueText(option, defs)).join(' or ');
  if (schema.type === 'array') {
    const items = schema.items === undefined ? 'values' : valueText(schema.items, defs);
    return `list of ${items}${bounds(schema.minItems, schema.maxItems)}`;
  }
  if (schema.type === 'object') {
    const values = schema.additionalProperties;
    if (typeof values !== 'object') return 'mapping';
    return `mapping of names to ${valueText(values, defs)}s${bounds(undefined, schema.maxProperties)}`;
  }
  if (schema.type === 'integer') return `whole number${bounds(schema.minimum, schema.maximum)}`;
  return schema.type === 'boolean' ? '`true`, `false`' : 'text';
}

function bounds(min: number | undefined, max: number | undefined): string {
  if (max === undefined) return '';
  return min === undefined ? `, at most ${max}` : `, ${min}–${max}`;
}

function refName(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1);
}
