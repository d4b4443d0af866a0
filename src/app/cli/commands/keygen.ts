/** `twinspan keygen`: a new private key, to standard output or into a file that only its owner can read. */
import { formatKey } from '../../../core/base/key.js';
import { command } from '../command.js';
import { EXIT_OK } from '../context.js';

export const keygenCommand = command({
  usage: 'keygen',
  summary: 'Make a private key',
  options: (yargs) =>
    yargs.option('out', {
      type: 'string',
      requiresArg: true,
      describe: 'Write it to this new file with mode 0600 and print the public key',
    }),
  async run({ out }, context) {
    const { generatePrivateKey, publicKeyOf, writeSecretKey } = await import(
      '../../../edge/file/key-file.js'
    );
    const key = generatePrivateKey();
    if (out === undefined) context.out(formatKey(key));
    else {
      writeSecretKey(out, key);
      context.out(formatKey(publicKeyOf(key)));
    }
    return EXIT_OK;
  },
});
