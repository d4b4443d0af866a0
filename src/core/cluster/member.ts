/**
 * The role of this member: standby → claiming → active → draining → standby, changed only by become… functions, each of
 * which puts its effects out in the stated order: epoch stored → announced → acted on → register → event.
 *
 * A claim takes an epoch above all that were ever seen, stores it, has the register order it while the register answers
 * (else it stands alone) and acts. A draining member has announced that it gives the role up, and acts until another
 * does: make before break.
 */
import { assert } from '../base/assert.js';
import { type ClaimVerdict, type ClaimView, judgeClaim, wait } from './claim-rule.js';
import type { LanHealth } from './lan.js';
import { Observations } from './observations.js';
import type { ClusterEventName, Output } from './outputs.js';
import { epochText } from './outputs.js';
import { Patience } from './patience.js';
import { highest, isActing, type MemberRecord, type Role } from './record.js';
import { type ClaimAnswer, compareEpochs, type Epoch } from './register.js';
import type { RegisterLink } from './register-link.js';
import type { Directory } from './roster.js';
import { type ClusterSettings, SAFETY_RULES, type SafetyRules } from './settings.js';
import type { Waits } from './waits.js';

export type Command =
  | { readonly kind: 'drain' }
  | { readonly kind: 'undrain' }
  /** `to`: a member's index; undefined: whoever does not act now. */
  | { readonly kind: 'failover'; readonly to: number | undefined };

export type CommandResult = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** What the member needs of the node that it is part of. */
export interface MemberHost {
  readonly settings: ClusterSettings;
  readonly register: RegisterLink;
  readonly lan: LanHealth;
  readonly waits: Waits;
  directory(): Directory;
  /** The record as it is now. */
  own(): MemberRecord;
  emit(output: Output): void;
  event(name: ClusterEventName, why: string, change?: { from: Role; to: Role }): void;
  /** Tells everybody at once. */
  announce(): void;
}

export class Member {
  readonly #host: MemberHost;
  readonly #rules: SafetyRules;
  readonly #seen = new Observations();
  role: Role = 'standby';
  /** Under which it acts or claims. */
  epoch: Epoch | undefined;
  dataPlane = true;
  /** The operator has taken it out of service. */
  drained = false;
  /** Why a standby does not claim now, as last judged; of no meaning in other roles. */
  waiting: ClaimVerdict | undefined;
  readonly patience = new Patience();
  #storedN: number;
  #handOverSinceMs: number | undefined;
  #claimSinceMs = 0;
  #claimWhy = '';
  #ordered = false;
  #refusedAtMs: number | undefined;
  #mutedSinceMs: number | undefined;
  /** The operator put the role here. */
  #held = false;
  /** The process last stood still for so long that silence proves nothing. */
  #pausedAtMs: number | undefined;
  #listenSinceMs: number;
  #listenMs: number;

  constructor(host: MemberHost, storedN: number, now: number) {
    this.#host = host;
    this.#rules = host.settings.rules ?? SAFETY_RULES;
    this.#storedN = storedN;
    this.#listenSinceMs = now;
    this.#listenMs = host.settings.listenMs;
  }

  /** Whether it may take or keep the role. */
  get able(): boolean {
    return this.dataPlane && !this.drained && this.#handOverSinceMs === undefined;
  }

  /** Whether the operator put the role where it is, or where it is going. */
  get held(): boolean {
    return this.role === 'draining' ? this.#handOverSinceMs !== undefined : this.#held;
  }

  /** The highest epoch of the cluster has risen. */
  noteRoleMoved(now: number): void {
    this.patience.note(now);
  }

  /** Looks at everything that is known and changes the role where a rule says so. Returns whether it did. */
  evaluate(): boolean {
    const { waits } = this.#host;
    const before = this.role;
    const epochBefore = this.epoch;
    this.patience.forget(waits.now);
    const { partners } = this.#host.directory();
    this.#seen.observe(this.#host.own(), partners, waits.now);
    if (isActing(this.role)) this.#standDownIfMust();
    if (this.role === 'active' && !this.able) this.becomeDraining();
    else if (this.role === 'draining') this.#drainOn();
    else if (this.role === 'standby') this.#claimIfMay();
    else if (this.role === 'claiming') this.#claimOn();
    return this.role !== before || this.epoch !== epochBefore;
  }

  /** What the register said of a claim. */
  handleClaim(answer: ClaimAnswer | undefined, now: number): void {
    if (this.role !== 'claiming' || answer === undefined) return;
    assert(this.epoch !== undefined, 'a claim has an epoch');
    const { register } = answer;
    if (answer.taken && register !== undefined && compareEpochs(register, this.epoch) === 0)
      this.#ordered = true;
    else if (register !== undefined && compareEpochs(register, this.epoch) > 0) {
      this.#refusedAtMs = now;
      this.becomeStandby(`the register holds ${epochText(register)}, above the claim`);
    }
  }

  /** The process stood still: what it believes is old, and what it will read first is old too. */
  handleJump(now: number, jumpMs: number): void {
    if (!this.#rules.standDownAfterFreeze || this.#host.directory().partners.length === 0) return;
    this.#host.event('clock-jumped', `the process stood still for ${Math.round(jumpMs)} ms`);
    this.#listenSinceMs = now;
    this.#listenMs = this.#host.settings.isolationMs;
    this.#seen.forget();
    if (this.role !== 'standby') this.becomeStandby('the process stood still');
  }

  /** The process stood still for a part of the detection time: silence counts anew. */
  handlePause(now: number): void {
    this.#pausedAtMs = now;
  }

  handleCommand(command: Command): CommandResult {
    switch (command.kind) {
      case 'drain':
        this.drained = true;
        return { ok: true };
      case 'undrain':
        this.drained = false;
        return { ok: true };
      case 'failover':
        return this.#failover(command.to);
    }
  }

  #failover(to: number | undefined): CommandResult {
    const { directory, waits, own } = this.#host;
    const { self, partners } = directory();
    if (this.role === 'claiming') return refuse('a claim is under way');
    if (isActing(this.role)) {
      if (to === self.member) return { ok: true };
      const takers = partners.filter(({ heard, record }) => heard && record?.serve === true);
      if (takers.length === 0) return refuse('no partner is heard that could serve');
      if (to !== undefined && !takers.some(({ member }) => member === to))
        return refuse('that member is not heard, or could not serve');
      // Whoever comes first takes what is handed over; a member that asks for itself is first.
      if (to !== undefined && takers.length > 1) return refuse('give the command to that member');
      this.#handOverSinceMs = waits.now;
      return { ok: true };
    }
    if (to !== undefined && to !== self.member) {
      const target = partners.find(({ member }) => member === to);
      if (target?.record !== undefined && isActing(target.record.role)) return { ok: true };
      return refuse('give the command to that member, or to the active one');
    }
    if (this.drained) return refuse('this member is drained');
    if (!own().serve) return refuse('this member cannot serve');
    this.becomeClaiming('the operator asked for it', true);
    return { ok: true };
  }

  /** The stand-down rule. */
  #standDownIfMust(): void {
    const { directory, register, lan, settings, waits } = this.#host;
    const { own: cluster, self, partners } = directory();
    assert(this.epoch !== undefined, 'whoever acts has an epoch');
    const rules = this.#rules;
    const seen = highest(cluster.epoch, register.register);
    if (seen !== undefined && seen.member === self.member && compareEpochs(seen, this.epoch) > 0) {
      this.#renew(seen);
      return;
    }
    if (
      rules.standDownForHigher &&
      cluster.epoch !== undefined &&
      compareEpochs(cluster.epoch, this.epoch) > 0
    ) {
      this.becomeStandby(`a higher epoch is known: ${epochText(cluster.epoch)}`);
      return;
    }
    const registerHigher =
      register.register !== undefined && compareEpochs(register.register, this.epoch) > 0;
    this.#seen.observeRegister(registerHigher && register.answering, waits.now);
    if (rules.standDownForHigher && waits.passed(this.#seen.registerHigherSinceMs, settings.detectionMs)) {
      this.becomeStandby(`the register holds a higher epoch: ${epochText(register.register)}`);
      return;
    }
    if (rules.standDownUnable && !this.dataPlane) {
      this.becomeStandby('the data plane has failed');
      return;
    }
    if (partners.length === 0) return;
    if (rules.standDownUnable && waits.passed(lan.carrierLostAtMs, settings.detectionMs)) {
      this.becomeStandby('the LAN has no carrier');
      return;
    }
    if (this.#isIsolated()) this.becomeStandby('nobody is heard: no partner, no Redis, no peer');
  }

  #isIsolated(): boolean {
    const { waits, settings } = this.#host;
    if (!this.#rules.standDownIsolated || !this.#hasWitnesses()) return false;
    return waits.passed(this.#heardAnybodyAtMs(), settings.isolationMs);
  }

  #heardAnybodyAtMs(): number {
    const { directory, register } = this.#host;
    let atMs = Math.max(this.#listenSinceMs, register.answeredAtMs);
    for (const { receivedAtMs } of directory().others) atMs = Math.max(atMs, receivedAtMs);
    return atMs;
  }

  #hasWitnesses(): boolean {
    return this.#host.settings.redis || this.#host.directory().remotes.length > 0;
  }

  #drainOn(): void {
    const { settings, waits } = this.#host;
    if (waits.passed(this.#handOverSinceMs, settings.isolationMs)) {
      this.#handOverSinceMs = undefined;
      this.#host.event('hand-over-failed', 'no partner took the role');
    }
    if (this.able) this.becomeActive('in service again before anybody took the role');
  }

  #claimIfMay(): void {
    const verdict = this.#judge();
    if (verdict.claims) this.becomeClaiming(verdict.why);
    else this.waiting = verdict;
  }

  #judge(): ClaimVerdict {
    const { waits, settings } = this.#host;
    const frozenLately = this.#listenMs !== settings.listenMs;
    if (frozenLately && !waits.passed(this.#listenSinceMs, this.#listenMs))
      return wait('this process has just stood still', this.#listenSinceMs, this.#listenMs);
    if (this.#isIsolated() && this.#host.directory().partners.length > 0)
      return wait('this member hears nobody');
    if (this.#refusedAtMs !== undefined && !waits.passed(this.#refusedAtMs, settings.staggerMs))
      return wait('the register has refused a claim', this.#refusedAtMs, settings.staggerMs);
    return judgeClaim(this.#claimView());
  }

  #claimView(): ClaimView {
    const { settings, register, lan, waits } = this.#host;
    return {
      settings,
      rules: this.#rules,
      directory: this.#host.directory(),
      register,
      lan,
      seen: this.#seen,
      own: this.#host.own(),
      waits,
      listenSinceMs: this.#listenSinceMs,
      listenMs: this.#listenMs,
      mutedSinceMs: this.#mutedSinceMs,
      pausedAtMs: this.#pausedAtMs,
      patience: this.#rules.growingHoldDown ? this.patience.factor : 1,
      drained: this.drained,
      hasWitnesses: this.#hasWitnesses(),
    };
  }

  /** Has the register order the claim, if it answers; acts when it has, or when it cannot. */
  #claimOn(): void {
    const { directory, register, settings, waits, emit } = this.#host;
    const cluster = directory().own;
    assert(this.epoch !== undefined, 'a claim has an epoch');
    if (cluster.epoch !== undefined && compareEpochs(cluster.epoch, this.epoch) >= 0) {
      this.becomeStandby(`somebody acts under ${epochText(cluster.epoch)} already`);
    } else if (!this.able) {
      this.becomeStandby('no longer able');
    } else if (this.#ordered) {
      this.becomeActive('the register has ordered the claim');
    } else if (!register.answering || directory().partners.length === 0) {
      this.becomeActive('no register answers: the claim stands alone');
    } else if (waits.passed(this.#claimSinceMs, settings.claimNotAfterMs)) {
      this.becomeActive('the register has not ordered the claim in time: it stands alone');
    } else if (register.takeClaim(waits)) {
      const notAfterRedisMs = register.notAfter(waits.now);
      emit({ type: 'claim', claim: { epoch: this.epoch, expected: register.register, notAfterRedisMs } });
    }
  }

  #nextEpoch(): Epoch {
    const { directory, register } = this.#host;
    const { own, self } = directory();
    const n = Math.max(this.#storedN, own.epoch?.n ?? 0, register.seen?.n ?? 0) + 1;
    return { n, member: this.#rules.ballotOrder ? self.member : 0 };
  }

  #store(epoch: Epoch): void {
    this.#storedN = epoch.n;
    if (this.#rules.persistEpoch) this.#host.emit({ type: 'persist', epochN: epoch.n });
  }

  /** A higher epoch of our own, from before a loss of memory, is no rival: goes on acting above it. */
  #renew(seen: Epoch): void {
    const { directory, register, emit, announce, event } = this.#host;
    this.epoch = this.#nextEpoch();
    this.#store(this.epoch);
    directory().own.epoch = this.epoch;
    announce();
    const why = `${epochText(seen)} was ours and forgotten`;
    emit({ type: 'act', epoch: this.epoch, why });
    register.hurry();
    event('epoch-renewed', why);
  }

  becomeClaiming(why: string, byOperator = false): void {
    assert(this.role === 'standby', 'only a standby claims');
    const { waits, event, directory } = this.#host;
    const handedOver = directory().partners.some(({ record }) => record?.role === 'draining' && record.held);
    this.#held = byOperator || handedOver;
    this.role = 'claiming';
    this.epoch = this.#nextEpoch();
    this.#claimSinceMs = waits.now;
    this.#claimWhy = why;
    this.#ordered = false;
    this.#store(this.epoch);
    event('role-changed', why, { from: 'standby', to: 'claiming' });
    this.#claimOn();
  }

  becomeActive(why: string): void {
    assert(
      this.role === 'claiming' || this.role === 'draining',
      'only a claimer or a drained member becomes active',
    );
    assert(this.epoch !== undefined, 'whoever acts has an epoch');
    const { directory, register, emit, announce, event, waits } = this.#host;
    const from = this.role;
    this.role = 'active';
    if (from === 'claiming') {
      directory().own.epoch = this.epoch;
      this.noteRoleMoved(waits.now);
    }
    this.#mutedSinceMs = undefined;
    announce();
    emit({ type: 'act', epoch: this.epoch, why: from === 'claiming' ? this.#claimWhy : why });
    register.hurry();
    event('role-changed', why, { from, to: 'active' });
  }

  becomeDraining(): void {
    assert(this.role === 'active', 'only an active member drains');
    const { register, announce, event } = this.#host;
    this.role = 'draining';
    announce();
    register.hurry();
    const why = this.drained ? 'the operator drains it' : 'the operator hands the role over';
    event('role-changed', why, { from: 'active', to: 'draining' });
  }

  becomeStandby(why: string): void {
    assert(this.role !== 'standby', 'a standby is one already');
    const { directory, register, emit, announce, event, waits } = this.#host;
    const from = this.role;
    const { own: cluster, partners } = directory();
    if (isActing(from)) {
      const winner = partners.find(({ member }) => member === cluster.epoch?.member);
      if (winner !== undefined && !winner.heard) this.#mutedSinceMs = waits.now;
      this.#handOverSinceMs = undefined;
    }
    this.role = 'standby';
    this.epoch = undefined;
    this.#held = false;
    announce();
    if (isActing(from)) emit({ type: 'rest', epoch: cluster.epoch, why });
    register.hurry();
    event('role-changed', why, { from, to: 'standby' });
  }
}

function refuse(why: string): CommandResult {
  return { ok: false, why };
}
