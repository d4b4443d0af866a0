/** Replies of the two scripts as answers. A reply of another shape is no answer. */
import { TwinspanError } from '../../core/base/errors.js';
import type { BeatAnswer, ClaimAnswer, StoredRecord } from '../../core/cluster/register.js';
import type { Shown } from './conditions.js';
import { parseEpoch } from './options.js';

function texts(reply: unknown): string[] {
  const isTexts = Array.isArray(reply) && reply.every((item) => typeof item === 'string');
  const wanted =
    isTexts && (reply[0] === 'foreign' ? reply.length === 2 : reply[0] === 'ok' && reply.length >= 5);
  if (wanted) return reply;
  throw new TwinspanError('TS_REDIS', 'Redis gave a reply that our script does not give.');
}

/** Of `beat`: what it shows, and the answer unless a foreign network holds the key. Throws TS_REDIS. */
export function parseBeatReply(reply: unknown): { shown: Shown; answer: BeatAnswer | undefined } {
  const [status, redisMs, register, before, garbage, ...rest] = texts(reply);
  if (status === 'foreign') return { shown: { garbage: '', foreign: true, before: '' }, answer: undefined };
  const records: StoredRecord[] = [];
  for (let i = 0; i + 2 < rest.length; i += 3) {
    records.push({ member: Number(rest[i]), counter: Number(rest[i + 1]), text: rest[i + 2] });
  }
  return {
    shown: { garbage, foreign: false, before },
    answer: { register: parseEpoch(register), records, redisMs: Number(redisMs) },
  };
}

/** Of `claim`; the answer is undefined where a foreign network holds the key. Throws TS_REDIS. */
export function parseClaimReply(reply: unknown): { garbage: string; answer: ClaimAnswer | undefined } {
  const [status, redisMs, register, taken, garbage] = texts(reply);
  if (status === 'foreign') return { garbage: '', answer: undefined };
  return {
    garbage,
    answer: { taken: taken === '1', register: parseEpoch(register), redisMs: Number(redisMs) },
  };
}
