/** `twinspan up`: the one place where the command line meets the daemon. Loaded only when a daemon is wanted. */
import { TwinspanError } from '../core/base/errors.js';

/** Runs the daemon of `configFile` until it is told to stop; resolves to its exit code. */
export async function up(_configFile: string): Promise<number> {
  throw new TwinspanError('TS_NATIVE_MISSING', 'This build has no daemon.');
}
