/**
 * The two scripts in TypeScript over a map: what a perfect Redis would do, without time of its own. The memory register
 * and the simulator are made of it, and the contract suite holds it against the Lua.
 */
import {
  type Beat,
  type Claim,
  compareEpochs,
  type Epoch,
  type StoredRecord,
} from '../../core/cluster/register.js';
import { epochText, parseEpoch } from './options.js';
import { DIGITS_MAX, FOREIGN_MS, RECORD_BYTES_MAX } from './scripts.js';

/** A key's value: a hash, or garbage of another type. */
export type StoredValue = Map<string, string> | string;

export interface StoreBeatAnswer {
  readonly foreign: boolean;
  readonly register: Epoch | undefined;
  readonly records: readonly StoredRecord[];
  readonly before: string;
  readonly garbage: string;
}

export interface StoreClaimAnswer {
  readonly foreign: boolean;
  readonly taken: boolean;
  readonly register: Epoch | undefined;
  readonly garbage: string;
}

interface Opened {
  readonly hash: Map<string, string>;
  readonly register: Epoch | undefined;
  readonly notes: string[];
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && text.length <= DIGITS_MAX && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}

function parseStored(text: string): Epoch | undefined {
  const [, n, member] = /^([0-9]+)\.([0-9]{1,2})$/.exec(text) ?? [];
  return whole(n) === undefined ? undefined : parseEpoch(`${Number(n)}.${Number(member)}`);
}

/** Keys and values of one Redis. UNBOUNDED: as many keys as clusters are opened on it. */
export class RegisterStore {
  readonly values = new Map<string, StoredValue>();

  /** The script `beat` at Redis TIME `nowMs`, for the hash `key`. */
  beat(
    key: string,
    network: string,
    members: number,
    process: string,
    beat: Beat,
    nowMs: number,
  ): StoreBeatAnswer {
    const opened = this.#open(key, network, nowMs);
    if (opened === undefined)
      return { foreign: true, register: undefined, records: [], before: '', garbage: '' };
    const { hash, notes } = opened;
    const me = beat.member;
    const before = (hash.get(`i${me}`) ?? '').slice(0, 64);
    hash.set('network', network).set('seen', String(nowMs));
    hash.set(`c${me}`, String((whole(hash.get(`c${me}`)) ?? 0) + 1));
    hash.set(`r${me}`, beat.text).set(`i${me}`, process);
    const raises = beat.acting && (!opened.register || compareEpochs(beat.acting, opened.register) > 0);
    const register = raises ? beat.acting : opened.register;
    if (raises) hash.set('epoch', epochText(register));
    const records: StoredRecord[] = [];
    for (let member = 0; member < members; member++) {
      if (member === me) continue;
      const text = hash.get(`r${member}`);
      const counter = whole(hash.get(`c${member}`));
      if (counter !== undefined && text !== undefined && text.length <= RECORD_BYTES_MAX) {
        records.push({ member, counter, text });
      } else if (text !== undefined || hash.has(`c${member}`)) notes.push(`the record of member ${member}`);
    }
    return { foreign: false, register, records, before, garbage: notes.join(', ') };
  }

  /** The script `claim` at Redis TIME `nowMs`, for the hash `key`. */
  claim(key: string, network: string, claim: Claim, nowMs: number): StoreClaimAnswer {
    const opened = this.#open(key, network, nowMs);
    if (opened === undefined) return { foreign: true, taken: false, register: undefined, garbage: '' };
    const { register, notes } = opened;
    const garbage = notes.join(', ');
    const { epoch, expected, notAfterRedisMs } = claim;
    const current = epochText(register);
    if (current === epochText(epoch)) return { foreign: false, taken: true, register, garbage };
    const rises = register === undefined || compareEpochs(epoch, register) > 0;
    if (current !== epochText(expected) || !rises || nowMs > notAfterRedisMs) {
      return { foreign: false, taken: false, register, garbage };
    }
    opened.hash.set('network', network).set('epoch', epochText(epoch));
    this.values.set(key, opened.hash);
    return { foreign: false, taken: true, register: epoch, garbage };
  }

  /** The hash under `key`, garbage moved aside; undefined where a foreign network uses it. */
  #open(key: string, network: string, nowMs: number): Opened | undefined {
    const notes: string[] = [];
    let value = this.values.get(key);
    if (typeof value === 'string') {
      notes.push('a string in place of a hash');
      value = this.#moveAside(key, value);
    }
    const owner = value?.get('network');
    if (owner !== undefined && owner !== network) {
      const seen = whole(value?.get('seen'));
      if (seen !== undefined && Math.abs(nowMs - seen) < FOREIGN_MS) return undefined;
      value = this.#moveAside(key, value ?? '');
    }
    const hash = value ?? new Map<string, string>();
    this.values.set(key, hash);
    const stored = hash.get('epoch');
    const register = stored === undefined ? undefined : parseStored(stored);
    if (stored !== undefined && register === undefined) notes.push('the epoch');
    return { hash, register, notes };
  }

  #moveAside(key: string, value: StoredValue): undefined {
    this.values.set(`${key}:garbage`, value);
    this.values.delete(key);
    return undefined;
  }
}
