/** The other end of the control socket: one question, one answer, bounded in time and size. */
import { connect } from 'node:net';
import { ERROR_CODES, type ErrorCode, TwinspanError } from '../../core/base/errors.js';
import { LineSplitter } from './lines.js';

/** Longest answer: a status of a thousand peers is a few hundred KiB. */
const ANSWER_BYTES_MAX = 16 << 20;
export const CALL_TIMEOUT_MS = 5_000;

/**
 * Asks the daemon at `socketPath`. Throws TS_DAEMON_UNREACHABLE where nobody answers in time, else the daemon's own
 * coded error.
 */
export function callDaemon(
  socketPath: string,
  method: string,
  params: object = {},
  timeoutMs = CALL_TIMEOUT_MS,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const splitter = new LineSplitter(ANSWER_BYTES_MAX);
    const socket = connect(socketPath);
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
    };
    const fail = (reason: string, cause?: unknown): void => {
      finish();
      const message = `The daemon at ${socketPath} does not answer: ${reason}.`;
      reject(new TwinspanError('TS_DAEMON_UNREACHABLE', message, hintFor(cause), cause));
    };
    socket.on('connect', () => socket.write(`${JSON.stringify({ id: 1, method, params })}\n`));
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message, error));
    socket.on('close', () => fail('the connection was closed'));
    socket.on('data', (chunk: Buffer) => {
      const lines = splitter.push(chunk);
      if (lines === undefined) return fail('the answer is too long');
      if (lines.length === 0) return;
      const answer = parseAnswer(lines[0]);
      if (answer === undefined) return fail('the answer is malformed');
      finish();
      if ('error' in answer) reject(answer.error);
      else resolve(answer.result);
    });
  });
}

function hintFor(cause: unknown): string | undefined {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'EACCES') return "Run this as root or as a member of the group 'twinspan'.";
  return code === 'ENOENT' || code === 'ECONNREFUSED'
    ? 'Start it: twinspan up --config node.yaml'
    : undefined;
}

function parseAnswer(line: string): { result: unknown } | { error: TwinspanError } | undefined {
  let value: { result?: unknown; error?: { code?: unknown; message?: unknown; hint?: unknown } };
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (value.error === undefined || value.error === null) return { result: value.result };
  const { code, message, hint } = value.error;
  const known: ErrorCode =
    typeof code === 'string' && code in ERROR_CODES ? (code as ErrorCode) : 'TS_REQUEST_INVALID';
  return { error: new TwinspanError(known, String(message), typeof hint === 'string' ? hint : undefined) };
}
