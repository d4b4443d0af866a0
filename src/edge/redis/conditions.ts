/**
 * What answers show beside their content: garbage under our keys, a foreign network, a second process that beats as this
 * member. Each is told when it begins or becomes another, not with every beat.
 */
import { type ErrorCode, TwinspanError } from '../../core/base/errors.js';

/** What a beat showed; '' or false = nothing of the kind. */
export interface Shown {
  readonly garbage: string;
  readonly foreign: boolean;
  /** Which process wrote this member's record before; '' = none. */
  readonly before: string;
}

export class Conditions {
  readonly #key: string;
  readonly #process: string;
  readonly #tell: (condition: TwinspanError) => void;
  /** What was told of each condition that stands. */
  readonly #present = new Map<ErrorCode, string>();
  /** Whether the record there should be ours: true after our first beat that was answered. */
  #written = false;

  constructor(key: string, process: string, tell: ((condition: TwinspanError) => void) | undefined) {
    this.#key = key;
    this.#process = process;
    this.#tell = tell ?? (() => {});
  }

  /** Takes note of an answered beat. */
  handleBeat({ garbage, foreign, before }: Shown): void {
    this.handleGarbage(garbage);
    this.#set('TS_REDIS_FOREIGN', foreign, () => this.#foreign());
    const duplicate = !foreign && this.#written && before !== '' && before !== this.#process;
    this.#set('TS_REDIS_DUPLICATE', duplicate, () => this.#duplicate());
    if (!foreign) this.#written = true;
  }

  /** Takes note of what a claim or beat found under our keys. */
  handleGarbage(garbage: string): void {
    this.#set('TS_REDIS_GARBAGE', garbage !== '', () => this.#garbage(garbage));
  }

  #set(code: ErrorCode, present: boolean, condition: () => TwinspanError): void {
    if (!present) {
      this.#present.delete(code);
      return;
    }
    const told = condition();
    if (this.#present.get(code) === told.message) return;
    this.#present.set(code, told.message);
    this.#tell(told);
  }

  #garbage(what: string): TwinspanError {
    const message = `Redis held something that is not ours under ${this.#key} (${what}); it counted as empty.`;
    const hint = `Does another program write to this Redis? A key of the wrong type was kept as ${this.#key}:garbage.`;
    return new TwinspanError('TS_REDIS_GARBAGE', message, hint);
  }

  #foreign(): TwinspanError {
    const message = `Another network of the same name uses ${this.#key}; its keys are left alone.`;
    const hint =
      'Give one of the networks another name, or a Redis database of its own. While members run different' +
      ' configurations this is to be expected; the cluster serves without Redis meanwhile.';
    return new TwinspanError('TS_REDIS_FOREIGN', message, hint);
  }

  #duplicate(): TwinspanError {
    const message = `Another process writes this member's record under ${this.#key}.`;
    const hint = 'Is node.yaml of this node used on a second machine, or does a second daemon run?';
    return new TwinspanError('TS_REDIS_DUPLICATE', message, hint);
  }
}
