/** Runs a VpcUpdater (core/plan) against EC2: calls, one timer, events. Holds no rules of its own. */
import { timeoutMs } from '../../core/base/timeout.js';
import type { Ballot } from '../../core/plan/takeover.js';
import type { VpcEvent, VpcOptions } from '../../core/plan/vpc-events.js';
import { SUPERSEDED, type VpcCall, type VpcTargetStatus, VpcUpdater } from '../../core/plan/vpc-updater.js';
import type { Ec2 } from './ec2.js';

export interface VpcKeeperOptions extends VpcOptions {
  readonly ec2: Ec2;
  /** The control thread's clock, ms. */
  readonly now: () => number;
  /** Asked right before each call that changes something: whether `epoch` is still the highest this member knows. */
  readonly isCurrent: (epoch: Ballot) => boolean;
  readonly onEvent: (event: VpcEvent) => void;
}

export class VpcKeeper {
  readonly #options: VpcKeeperOptions;
  readonly #updater: VpcUpdater;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** The epoch for which EC2 was last told to be asked. */
  #asked: Ballot | undefined;

  constructor(options: VpcKeeperOptions) {
    this.#options = options;
    this.#updater = new VpcUpdater(options, options.now());
    this.#drain();
  }

  /** Moves the routes to this member for `epoch`; the calls are on their way when this returns. */
  becomeActive(epoch: Ballot): void {
    this.#updater.becomeActive(epoch, this.#options.now());
    this.#drain();
  }

  /** Makes no further calls, because of `epoch`. */
  becomeStandby(epoch: Ballot): void {
    this.#updater.becomeStandby(epoch);
    this.#drain();
  }

  /** Where each route stands, and this member's ENI, for people. */
  status(): { eni: string | undefined; targets: VpcTargetStatus[] } {
    return { eni: this.#updater.eni, targets: this.#updater.status() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#options.ec2.close();
  }

  #drain(): void {
    if (this.#closed) return;
    const updater = this.#updater;
    updater.handleTimeout(this.#options.now());
    for (let call = updater.pollCall(); call !== undefined; call = updater.pollCall()) void this.#make(call);
    for (let event = updater.pollEvent(); event !== undefined; event = updater.pollEvent()) {
      this.#options.onEvent(event);
    }
    clearTimeout(this.#timer);
    const deadlineMs = updater.nextDeadline();
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#drain(), timeoutMs(deadlineMs, this.#options.now()));
  }

  async #make(call: VpcCall): Promise<void> {
    const epoch = 'epoch' in call ? call.epoch : undefined;
    const stands = this.#updater.isCurrent(epoch) && (epoch === undefined || this.#options.isCurrent(epoch));
    const running = stands ? this.#options.ec2.run(call) : undefined;
    if (running !== undefined) this.#tellAsked(call);
    const answer = running
      ? await running
      : ({ ok: false, code: SUPERSEDED, message: 'the epoch was overtaken' } as const);
    if (this.#closed) return;
    this.#updater.handleAnswer(call, answer, this.#options.now());
    this.#drain();
  }

  /** The first call of a takeover is on its way. */
  #tellAsked(call: VpcCall): void {
    if (!('epoch' in call) || call.epoch === undefined || call.epoch === this.#asked) return;
    this.#asked = call.epoch;
    const message = `EC2 is asked to move the VPC's routes to ${call.eni}.`;
    this.#options.onEvent({ event: 'aws-called', severity: 'info', message });
  }
}
