/** What a member knows at one moment, as it goes into events and reports: why it did what it did. */
import { witnessesOf } from './hearing.js';
import { type Evidence, epochText } from './outputs.js';
import type { MemberRecord } from './record.js';
import type { RegisterLink } from './register-link.js';
import type { Directory } from './roster.js';

/** What `own` and everybody else looks like at `now`. */
export function evidenceOf(
  own: MemberRecord,
  directory: Directory,
  register: RegisterLink,
  now: number,
): Evidence {
  const { role, epoch, able, lan, serve, score } = own;
  const ago = (atMs: number): number | null => (atMs === Number.NEGATIVE_INFINITY ? null : now - atMs);
  return {
    role,
    epoch: epochText(epoch),
    register: register.answering ? epochText(register.register) : 'no answer',
    able,
    lan,
    serve,
    score,
    partners: directory.partners.map((node) => ({
      name: node.name,
      heard: node.heard,
      lanMs: ago(node.receivedAtMs),
      redisMs: ago(node.beatAtMs),
      witnesses: witnessesOf(node, directory).map(({ name }) => name),
      role: node.record?.role ?? null,
      epoch: epochText(node.record?.epoch),
      able: node.record?.able ?? null,
      lan: node.record?.lan ?? null,
      serve: node.record?.serve ?? null,
      score: node.record?.score ?? null,
    })),
  };
}
