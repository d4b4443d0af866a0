/** `twinspan pubkey`: the public key of a private key, from a file or from standard input. */
import { TwinspanError } from '../../../core/base/errors.js';
import { formatKey, parseKey } from '../../../core/base/key.js';
import { command } from '../command.js';
import { EXIT_OK } from '../context.js';

export const pubkeyCommand = command({
  usage: 'pubkey [file]',
  summary: 'Print the public key of a private key (from FILE, else from standard input)',
  options: (yargs) => yargs.positional('file', { type: 'string', describe: 'Private key file' }),
  async run({ file }, context) {
    const { publicKeyOf, readSecretKey } = await import('../../../edge/file/key-file.js');
    const key = file === undefined ? parseKey((await context.stdin()).trim()) : readSecretKey(file);
    if (key === undefined) {
      throw new TwinspanError(
        'TS_KEY_INVALID',
        'Standard input does not hold a key.',
        '32 bytes in base64 are wanted.',
      );
    }
    context.out(formatKey(publicKeyOf(key)));
    return EXIT_OK;
  },
});
