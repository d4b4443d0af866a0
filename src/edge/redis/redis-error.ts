/** Whatever goes wrong with Redis as TS_REDIS: "no answer" to the caller, with the cause and what to do for people. */
import { TwinspanError } from '../../core/base/errors.js';

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/^(NOAUTH|WRONGPASS)|invalid password|invalid username-password/, 'Check user and password in redis.url.'],
  [/^NOPERM/, 'The Redis user needs EVALSHA, EVAL, INFO and the key pattern twinspan:*.'],
  [/^READONLY/, 'This is a read-only replica: name the master in redis.url, or use redis+sentinel://.'],
  [/^(OOM|MISCONF|NOREPLICAS)/, 'Redis refuses to write; its own log says why.'],
  [/^LOADING/, 'Redis is still reading its data.'],
  [/ECONNREFUSED/, 'Does Redis run there?'],
  [/ENOTFOUND|EAI_AGAIN/, 'The name in redis.url is not known to DNS.'],
  [/certificate|self.signed|SSL|TLS/i, 'Check the certificate of the server, and redis.ca.'],
];

/** `error` as a TwinspanError; one that is already passes. */
export function redisError(error: unknown): TwinspanError {
  if (error instanceof TwinspanError) return error;
  return notAnswering(error);
}

/** TS_REDIS because of `reason`: an error of the client, or words. */
export function notAnswering(reason: unknown): TwinspanError {
  const text =
    reason instanceof Error ? reason.message : typeof reason === 'string' ? reason : 'no connection';
  const code = reason instanceof Error ? String((reason as NodeJS.ErrnoException).code ?? '') : '';
  const hint = CAUSES.find(([pattern]) => pattern.test(text) || pattern.test(code))?.[1];
  const cause = reason instanceof Error ? reason : undefined;
  return new TwinspanError('TS_REDIS', `Redis does not answer: ${text || code}`, hint, cause);
}
