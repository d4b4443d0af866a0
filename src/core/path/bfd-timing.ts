/**
 * Which intervals a BFD session asks for, tells and uses (RFC 5880 6.5, 6.8.3). They differ while a change is under way:
 *
 *   wanted → advertised, and a Poll Sequence starts → the other side's Final ends it → in effect
 *
 * While Up a longer transmit interval, or a shorter receive interval, comes into effect only with the Final: until then
 * the other side may still count by the old values. Changes in the other direction are safe at once. A change that comes
 * during a Poll Sequence waits for its end and for one packet without Final, so that no Final answers the wrong Poll
 * (6.8.3, the third of its choices).
 */
export class BfdTiming {
  /** In our packets, microseconds. */
  advertisedTxUs: number;
  advertisedRxUs: number;
  /** Desired min TX for our transmit interval, required min RX for our detection time. */
  effectiveTxUs: number;
  effectiveRxUs: number;
  /** A Poll Sequence is under way: our packets carry P. */
  polling = false;
  /** A Final has come, and no packet without it since: no new Poll Sequence may begin. */
  #settling = false;

  constructor(txUs: number, rxUs: number) {
    this.advertisedTxUs = txUs;
    this.advertisedRxUs = rxUs;
    this.effectiveTxUs = txUs;
    this.effectiveRxUs = rxUs;
  }

  /** Asks for these intervals; told as soon as the rules allow. `remoteKnown`: there is somebody to poll. */
  want(txUs: number, rxUs: number, isUp: boolean, remoteKnown: boolean): void {
    if (txUs === this.advertisedTxUs && rxUs === this.advertisedRxUs) return;
    if (isUp && (this.polling || this.#settling)) return;
    this.advertisedTxUs = txUs;
    this.advertisedRxUs = rxUs;
    if (isUp) {
      this.effectiveTxUs = Math.min(this.effectiveTxUs, txUs);
      this.effectiveRxUs = Math.max(this.effectiveRxUs, rxUs);
    } else {
      this.#settle();
    }
    this.polling = remoteKnown;
  }

  /** A packet came, with or without the Final bit. */
  handleFinal(final: boolean): void {
    if (!final) {
      this.#settling = false;
    } else if (this.polling) {
      this.polling = false;
      this.#settling = true;
      this.#settle();
    }
  }

  /** The session is no longer Up, or the other side is gone: nothing is left to negotiate. */
  abandon(): void {
    this.polling = false;
    this.#settling = false;
    this.#settle();
  }

  #settle(): void {
    this.effectiveTxUs = this.advertisedTxUs;
    this.effectiveRxUs = this.advertisedRxUs;
  }
}
