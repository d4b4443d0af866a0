/**
 * Two BFD sessions over a link in virtual time: delay, loss, cuts, and a written record of what was said. Either end may
 * be offloaded: then a model of the data plane's worker repeats the template and absorbs what says nothing new, and the
 * session hears only of the rest. Both kinds draw the same random numbers in the same order, so that their records can
 * be compared.
 */
import { SeededRandom } from '../../src/core/base/random.js';
import { BFD_BYTES, BFD_STATES, BfdPacket, diagnosticText } from '../../src/core/path/bfd-packet.js';
import { type BfdOptions, BfdSession } from '../../src/core/path/bfd-session.js';

export interface EndOptions extends Partial<Omit<BfdOptions, 'random'>> {
  readonly name: string;
}

export interface LinkOptions {
  readonly seed: number;
  readonly delayMs?: number;
  /** 0–1, both ways. */
  readonly loss?: number;
}

/** What a worker does for a session, with its own copy of what the session tells it. */
class Worker {
  #nextTransmitAtMs = Number.POSITIVE_INFINITY;
  #rescheduled = -1;
  lastReceivedAtMs = Number.NEGATIVE_INFINITY;
  lastSentAtMs = Number.NEGATIVE_INFINITY;
  readonly #session: BfdSession;
  readonly #random: () => number;

  constructor(session: BfdSession, random: () => number) {
    this.#session = session;
    this.#random = random;
  }

  /** Takes over what the session has decided since. */
  sync(): void {
    const { offload } = this.#session;
    if (offload.rescheduled === this.#rescheduled) return;
    this.#rescheduled = offload.rescheduled;
    this.#nextTransmitAtMs = offload.nextTransmitAtMs;
  }

  get nextDeadline(): number {
    return this.#nextTransmitAtMs;
  }

  /** Whether the bytes say nothing new. */
  absorb(bytes: Uint8Array, now: number): boolean {
    const { absorbs, expected } = this.#session.offload;
    if (!absorbs || bytes.some((byte, i) => byte !== expected[i])) return false;
    this.lastReceivedAtMs = now;
    return true;
  }

  /** The template, if it is due. */
  repeat(now: number): Uint8Array | undefined {
    if (now < this.#nextTransmitAtMs) return undefined;
    const { template, intervalMs, jitterMin, jitterMax } = this.#session.offload;
    this.lastSentAtMs = now;
    this.#nextTransmitAtMs = now + intervalMs * (jitterMin + this.#random() * (jitterMax - jitterMin));
    return template.slice();
  }
}

export class End {
  readonly name: string;
  readonly session: BfdSession;
  readonly worker: Worker | undefined;
  readonly #link: Link;
  readonly #packet = new BfdPacket();

  constructor(link: Link, options: EndOptions, seed: number, index: number) {
    const random = new SeededRandom(seed);
    const draw = (): number => random.fraction();
    this.#link = link;
    this.name = options.name;
    const defaults = {
      localDiscriminator: index + 1,
      pace: { desiredMinTxMs: 75, requiredMinRxMs: 75, multiplier: 4 },
      requiredMinEchoRxMs: 0,
      active: true,
      fastWhileDownMs: 30_000,
      offloaded: false,
    };
    this.session = new BfdSession({ ...defaults, ...options, random: draw }, link.now);
    if (options.offloaded) this.worker = new Worker(this.session, draw);
    this.worker?.sync();
  }

  receive(bytes: Uint8Array): void {
    const { now } = this.#link;
    if (this.worker?.absorb(bytes, now)) return;
    this.#readClocks();
    const refusal = this.#packet.parse(bytes, 0, bytes.length);
    if (refusal !== 0) throw new Error(`refused: ${refusal}`);
    this.session.handlePacket(this.#packet, now);
    this.drain();
  }

  tick(): void {
    const { now } = this.#link;
    if (now >= this.session.nextDeadline()) {
      this.#readClocks();
      this.session.handleTimeout(now);
      this.drain();
    }
    const repeated = this.worker?.repeat(now);
    if (repeated) this.#link.carry(this, repeated);
  }

  drain(): void {
    this.worker?.sync();
    for (let change = this.session.pollChange(); change; change = this.session.pollChange()) {
      const why = `${diagnosticText(change.diagnostic)}; they say: ${diagnosticText(change.remoteDiagnostic)}`;
      this.#link.say(`${this.name}: ${BFD_STATES[change.from]} → ${BFD_STATES[change.to]} (${why})`);
    }
    while (this.session.pollPacket(this.#packet)) {
      const bytes = new Uint8Array(BFD_BYTES);
      this.#packet.encode(bytes, 0);
      this.#link.carry(this, bytes);
    }
  }

  get nextDeadline(): number {
    return Math.min(this.session.nextDeadline(), this.worker?.nextDeadline ?? Number.POSITIVE_INFINITY);
  }

  #readClocks(): void {
    if (!this.worker) return;
    this.session.handleReceivedUnchanged(this.worker.lastReceivedAtMs);
    this.session.handleRepeated(this.worker.lastSentAtMs);
  }
}

/** What a packet says, on one line. */
export function describe(bytes: Uint8Array): string {
  const packet = new BfdPacket();
  if (packet.parse(bytes, 0, bytes.length) !== 0) return 'garbage';
  const flags = `${packet.poll ? ' P' : ''}${packet.final ? ' F' : ''}${packet.demand ? ' D' : ''}`;
  const diagnostic = packet.diagnostic === 0 ? '' : ` (${diagnosticText(packet.diagnostic)})`;
  const intervals = `tx ${packet.desiredMinTxUs / 1_000} rx ${packet.requiredMinRxUs / 1_000} ×${packet.multiplier}`;
  const ends = `my ${packet.myDiscriminator} your ${packet.yourDiscriminator}`;
  return `${BFD_STATES[packet.state]}${flags}${diagnostic}, ${ends}, ${intervals}`;
}

export class Link {
  now = 0;
  loss: number;
  readonly delayMs: number;
  /** Ends whose packets are lost. */
  readonly cut = new Set<End>();
  readonly ends: End[] = [];
  /** Everything that happened. Packets that repeat the one before stand as a count. */
  readonly lines: string[] = [];
  /** Changes of state alone. */
  readonly changes: string[] = [];
  /** Every packet sent: when, by whom, which bytes. */
  readonly packets: string[] = [];
  readonly #flying: { atMs: number; to: End; bytes: Uint8Array }[] = [];
  readonly #random: SeededRandom;
  readonly #last = new Map<End, { text: string; count: number }>();

  constructor(options: LinkOptions, a: EndOptions, b: EndOptions) {
    this.#random = new SeededRandom(options.seed);
    this.delayMs = options.delayMs ?? 10;
    this.loss = options.loss ?? 0;
    this.ends.push(new End(this, a, options.seed * 2 + 1, 0), new End(this, b, options.seed * 2 + 2, 1));
    for (const end of this.ends) end.drain();
  }

  get a(): End {
    return this.ends[0];
  }

  get b(): End {
    return this.ends[1];
  }

  say(text: string): void {
    this.#flush();
    this.changes.push(`${this.now.toFixed(3)} ${text}`);
    this.#write(text);
  }

  carry(from: End, bytes: Uint8Array): void {
    const [a, b] = this.ends;
    const to = from === a ? b : a;
    const dropped = this.#random.chance(this.loss) || this.cut.has(from);
    this.packets.push(`${this.now.toFixed(3)} ${from.name} ${describe(bytes)}`);
    const text = `${from.name} → ${to.name}: ${describe(bytes)}${dropped ? ' (lost)' : ''}`;
    const last = this.#last.get(from);
    if (last?.text === text) {
      last.count++;
    } else {
      this.#flush();
      this.#last.set(from, { text, count: 0 });
      this.#write(text);
    }
    if (!dropped) this.#flying.push({ atMs: this.now + this.delayMs, to, bytes });
  }

  /** Lets time pass until `untilMs`. */
  runUntil(untilMs: number): void {
    for (;;) {
      const nextMs = Math.min(
        ...this.#flying.map(({ atMs }) => atMs),
        ...this.ends.map((end) => end.nextDeadline),
      );
      if (nextMs > untilMs) break;
      this.now = Math.max(this.now, nextMs);
      const landed = this.#flying.filter(({ atMs }) => atMs <= this.now);
      for (const flight of landed) this.#flying.splice(this.#flying.indexOf(flight), 1);
      for (const { to, bytes } of landed) to.receive(bytes);
      for (const end of this.ends) end.tick();
    }
    this.now = untilMs;
  }

  /** Something done to an end by hand, and what comes of it. */
  act(text: string, act: () => void): void {
    this.say(text);
    act();
    for (const end of this.ends) end.drain();
  }

  /** The record, for a golden file. */
  text(title: string): string {
    this.#flush();
    return `# ${title}\n# seconds  what happened\n${this.lines.join('\n')}\n`;
  }

  #write(text: string): void {
    this.lines.push(`${(this.now / 1_000).toFixed(3).padStart(9)}  ${text}`);
  }

  #flush(): void {
    for (const [end, last] of this.#last) {
      if (last.count > 0) this.#write(`${end.name}: the same ${last.count} more times`);
      last.count = 0;
    }
  }
}
