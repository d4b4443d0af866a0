/**
 * One Redis as the scripts of the design leave it: a register, and for each member a counter and a record. It may be
 * down, frozen (commands wait and are executed later), restarted empty or restored with older data; its clock may step.
 */
import {
  type Beat,
  type BeatAnswer,
  type Claim,
  type ClaimAnswer,
  compareEpochs,
  type Epoch,
} from '../../src/core/cluster/register.js';
import type { VirtualClock } from './clock.js';

interface Data {
  register: Epoch | undefined;
  records: Map<number, { counter: number; text: string }>;
}

const SNAPSHOTS_EVERY_MS = 1_500;

export class SimRedis {
  up = true;
  frozen = false;
  clockOffsetMs = 1_000_000;
  readonly #clock: VirtualClock;
  #data: Data = { register: undefined, records: new Map() };
  #older: Data = { register: undefined, records: new Map() };
  #waiting: (() => void)[] = [];
  #snapshotAtMs = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Executes now, or when it thaws; never, where it goes down first. */
  execute<T>(command: () => T, reply: (answer: T) => void): void {
    if (!this.up) return;
    if (this.frozen) this.#waiting.push(() => reply(command()));
    else reply(command());
  }

  beat({ member, text, acting }: Beat): BeatAnswer {
    this.#snapshot();
    const { records } = this.#data;
    records.set(member, { counter: (records.get(member)?.counter ?? 0) + 1, text });
    if (acting !== undefined && this.#below(acting)) this.#data.register = acting;
    const others = [...records].filter(([other]) => other !== member);
    return { ...this.#head(), records: others.map(([other, stored]) => ({ member: other, ...stored })) };
  }

  claim({ epoch, expected, notAfterRedisMs }: Claim): ClaimAnswer {
    this.#snapshot();
    const { register } = this.#data;
    const same = (other: Epoch | undefined): boolean =>
      register === undefined || other === undefined
        ? register === other
        : compareEpochs(register, other) === 0;
    const head = this.#head();
    if (same(expected) && head.redisMs <= notAfterRedisMs) this.#data.register = epoch;
    const now = this.#data.register;
    return { ...this.#head(), taken: now !== undefined && compareEpochs(now, epoch) === 0 };
  }

  freeze(): void {
    this.frozen = true;
  }

  thaw(): void {
    this.frozen = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) run();
  }

  stop(): void {
    this.up = false;
    this.frozen = false;
    this.#waiting = [];
  }

  start(data: 'kept' | 'empty' | 'older'): void {
    this.up = true;
    if (data === 'empty') this.#data = { register: undefined, records: new Map() };
    if (data === 'older')
      this.#data = { register: this.#older.register, records: new Map(this.#older.records) };
  }

  /** Somebody else writes under our keys. */
  poison(register: Epoch): void {
    this.#data.register = register;
    for (const stored of this.#data.records.values()) stored.text = '{"not":"a record"}';
  }

  #below(epoch: Epoch): boolean {
    const { register } = this.#data;
    return register === undefined || compareEpochs(register, epoch) < 0;
  }

  #head(): { register: Epoch | undefined; redisMs: number } {
    return { register: this.#data.register, redisMs: Math.round(this.#clock.now + this.clockOffsetMs) };
  }

  #snapshot(): void {
    if (this.#clock.now - this.#snapshotAtMs < SNAPSHOTS_EVERY_MS) return;
    this.#snapshotAtMs = this.#clock.now;
    this.#older = { register: this.#data.register, records: new Map(this.#data.records) };
  }
}
