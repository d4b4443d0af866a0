/** `twinspan schema`: the JSON Schemas of the configuration files, for editors, and the reference page. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { command } from '../command.js';
import { EXIT_OK } from '../context.js';

export const schemaCommand = command({
  usage: 'schema [file]',
  summary: 'Print the JSON Schema of network.yaml or node.yaml',
  options: (yargs) =>
    yargs
      .positional('file', { choices: ['network', 'node'] as const, default: 'network' as const })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'Write both schemas into this directory',
      })
      .option('reference', {
        type: 'string',
        requiresArg: true,
        describe: 'Write the reference page to this file',
      }),
  async run({ file, out, reference }, context) {
    const { jsonSchemaText, referencePage } = await import('../../../core/config/reference.js');
    if (out === undefined && reference === undefined) context.out(jsonSchemaText(file).trimEnd());
    if (out !== undefined) {
      mkdirSync(out, { recursive: true });
      for (const name of ['network', 'node'] as const) {
        writeFileSync(path.join(out, `${name}.schema.json`), jsonSchemaText(name));
      }
    }
    if (reference !== undefined) writeFileSync(reference, referencePage());
    return EXIT_OK;
  },
});
