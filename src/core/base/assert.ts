/**
 * Assertions stay on in production. A failed assertion is a bug in this program, never a reaction to input:
 * bad input is a counted drop (data path) or a coded error (control plane).
 */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws AssertionError with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
