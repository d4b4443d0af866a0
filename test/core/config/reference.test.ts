import { readFileSync } from 'node:fs';
import test from 'ava';
import { jsonSchemaOf, jsonSchemaText, referencePage } from '../../../src/core/config/reference.js';

const REGENERATE = 'run: twinspan schema --out schema --reference docs/configuration.md';

function committed(name: string): string {
  return readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8');
}

for (const kind of ['network', 'node'] as const) {
  test(`schema/${kind}.schema.json is up to date`, (t) => {
    t.is(committed(`schema/${kind}.schema.json`), jsonSchemaText(kind), REGENERATE);
  });

  test(`every key of ${kind}.yaml is described, and no other is allowed`, (t) => {
    const walk = (schema: Record<string, unknown>, path: string): void => {
      const properties = schema['properties'] as Record<string, Record<string, unknown>> | undefined;
      if (properties !== undefined) t.is(schema['additionalProperties'], false, path);
      for (const [key, property] of Object.entries(properties ?? {})) {
        const described = property['description'] !== undefined || property['$ref'] !== undefined;
        t.true(described, `${path}.${key}`);
        walk(property, `${path}.${key}`);
      }
      for (const inner of ['items', 'additionalProperties'] as const) {
        if (typeof schema[inner] === 'object') walk(schema[inner] as Record<string, unknown>, `${path}[]`);
      }
      for (const option of (schema['anyOf'] ?? []) as Record<string, unknown>[]) walk(option, path);
    };
    walk(jsonSchemaOf(kind) as Record<string, unknown>, kind);
  });
}

test('docs/configuration.md is up to date', (t) => {
  t.is(committed('docs/configuration.md'), referencePage(), REGENERATE);
});
