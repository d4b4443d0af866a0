/**
 * Runs Vip and LanWatch (core/plan) on the LAN device: frames, the address with its lifetime, the carrier, one timer.
 * Holds no rules of its own.
 */
import type { Prefix } from '../../core/base/prefix.js';
import { timeoutMs } from '../../core/base/timeout.js';
import type { Neighbour } from '../../core/packet/neighbour.js';
import { LAN_TIMERS, type LanTimers, LanWatch } from '../../core/plan/lan-watch.js';
import type { Ballot } from '../../core/plan/takeover.js';
import { VIP_LIFETIME_S, Vip, type VipAction } from '../../core/plan/vip.js';
import type { Native } from '../native.js';
import { LanPort } from './lan-port.js';
import { hasCarrier, type LinkMonitor, openLinkMonitor } from './link-monitor.js';

export type LanEvent =
  | { readonly event: 'lan-carrier'; readonly up: boolean }
  | { readonly event: 'lan-usable'; readonly usable: boolean }
  /** Told once each time the address is taken: it is on the device, the first announcement is out, it is gone. */
  | { readonly event: 'vip-added' | 'vip-announced' | 'vip-removed' }
  /** Critical: `mac` claims the cluster's address while this member holds it. */
  | { readonly event: 'stale-arp'; readonly mac: string }
  /** The address or an announcement did not go out; told once for each reason until it works again. */
  | { readonly event: 'vip-failed'; readonly action: VipAction['kind']; readonly reason: string };

export interface LanKeeperOptions {
  readonly native: Native;
  readonly device: string;
  /** The cluster's address, 4 or 16 bytes; undefined: none. */
  readonly vip: Uint8Array | undefined;
  /** This node's own addresses on the LAN: the sources of its probes. */
  readonly own: readonly Uint8Array[];
  /** Addresses of the partners on the LAN. */
  readonly partners: readonly Uint8Array[];
  /** LAN hosts to probe. */
  readonly hosts: readonly Uint8Array[];
  /** IPv4 prefixes in which LAN hosts may be found. */
  readonly ranges?: readonly Prefix[];
  readonly timers?: LanTimers;
  readonly onEvent: (event: LanEvent) => void;
}

/** A look at what is due within this time does it now: so much less often does the process wake. */
const EARLY_MS = 40;
/** The node looks many times a second by itself: while the partner is heard our own timer leaves it so much time to do so. */
const LATE_MS = 10;
/** Between attempts to find a device that has vanished. */
const REOPEN_MS = 1_000;
/** The kernel tells of a changed carrier; so often it is looked at all the same, since a notification can be lost. */
const CARRIER_LOOK_MS = 1_000;
type VipDone = 'vip-added' | 'vip-announced' | 'vip-removed';
const DONE: Partial<Record<VipAction['kind'], VipDone>> = {
  hold: 'vip-added',
  announce: 'vip-announced',
  drop: 'vip-removed',
};
const GONE = new Set(['ENODEV', 'ENXIO']);

export class LanKeeper {
  readonly watch: LanWatch;
  readonly #options: LanKeeperOptions;
  readonly #vip = new Vip();
  readonly #port: LanPort;
  readonly #monitor: LinkMonitor;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = 0;
  #usable: boolean;
  #failure = '';
  #carrierLookAtMs = 0;
  /** What has been told since the address was last taken. */
  readonly #told = new Set<VipDone>();
  #reopenAtMs = Number.POSITIVE_INFINITY;
  #closed = false;
  #partnerSilent = false;

  /** Opens the LAN device. Throws TS_DEVICE. */
  constructor(options: LanKeeperOptions) {
    const { native, device, hosts, own, partners, ranges, vip } = options;
    const now = native.now();
    this.#options = options;
    const ignored = [...own, ...partners, ...(vip === undefined ? [] : [vip])];
    this.watch = new LanWatch(hosts, ignored, now, options.timers ?? LAN_TIMERS, ranges);
    this.#port = new LanPort(native, device, (neighbour) => this.#handleNeighbour(neighbour));
    this.#monitor = openLinkMonitor(native, () => {
      this.#carrierLookAtMs = 0;
      this.#tick();
    });
    this.watch.handleCarrier(hasCarrier(native, device), now);
    this.#usable = this.watch.usable(now);
    this.#tick();
  }

  /** Takes the cluster's address for `epoch`; the address and the first announcement are out when this returns. */
  becomeActive(epoch: Ballot): void {
    if (!this.#vip.active) this.#told.clear();
    this.#vip.becomeActive(epoch, this.#options.native.now());
    this.#tick();
  }

  /** Gives the address up because of `epoch`; it is gone when this returns. */
  becomeStandby(epoch: Ballot): void {
    this.#vip.becomeStandby(epoch);
    this.#tick();
  }

  /** The partner is not heard on any channel: the LAN is looked at more closely. */
  setPartnerSilent(silent: boolean): void {
    if (silent === this.#partnerSilent) return;
    this.#partnerSilent = silent;
    this.watch.handlePartnerSilent(silent, this.#options.native.now());
    this.#tick();
  }

  /** Whether the LAN is usable now. */
  usable(): boolean {
    return this.watch.usable(this.#options.native.now());
  }

  /** The process is awake: what is due soon is done at once. */
  handleTimeout(now: number): void {
    if (now >= this.#dueAtMs - EARLY_MS) this.#tick(EARLY_MS);
  }

  /** Stops, and takes the address away if it is held. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    const { vip } = this.#options;
    if (vip !== undefined && this.#vip.active) this.#port.drop(vip);
    this.#monitor.close();
    this.#port.close();
  }

  #handleNeighbour({ address, mac, answer }: Neighbour): void {
    const now = this.#options.native.now();
    const { vip } = this.#options;
    if (vip?.length === address.length && vip.every((byte, at) => byte === address[at])) {
      this.#vip.handleClaim(mac, now);
      this.#tick();
      return;
    }
    // A LAN is full of neighbours who talk; only news is worth a tick.
    this.watch.handleNeighbour(address, mac, answer, now);
    if (this.watch.usable(now) !== this.#usable) this.#tick();
  }

  #tick(earlyMs = 0): void {
    if (this.#closed) return;
    const { native, onEvent } = this.#options;
    const now = native.now();
    if (now >= this.#carrierLookAtMs) this.#lookAtCarrier(now);
    if (now >= this.#reopenAtMs) this.#reopen(now);
    this.#vip.handleTimeout(now + earlyMs);
    for (let action = this.#vip.pollAction(); action !== undefined; action = this.#vip.pollAction()) {
      this.#perform(action, now);
    }
    this.watch.handleTimeout(now, earlyMs);
    for (let probe = this.watch.pollProbe(); probe !== undefined; probe = this.watch.pollProbe()) {
      const source = this.#options.own.find((own) => own.length === probe.address.length);
      if (source !== undefined) this.#notice(this.#port.probe(source, probe.address, probe.mac), now);
    }
    const usable = this.watch.usable(now);
    if (usable !== this.#usable) {
      this.#usable = usable;
      onEvent({ event: 'lan-usable', usable });
    }
    if (this.#closed) return;
    this.#dueAtMs = Math.min(this.#vip.nextDeadline(), this.watch.nextDeadline(), this.#reopenAtMs);
    clearTimeout(this.#timer);
    const wakeAtMs = this.#dueAtMs + (this.#partnerSilent ? 0 : LATE_MS);
    this.#timer = setTimeout(() => this.#tick(), timeoutMs(wakeAtMs, native.now()));
  }

  #lookAtCarrier(now: number): void {
    this.#carrierLookAtMs = now + CARRIER_LOOK_MS;
    const { native, device, onEvent } = this.#options;
    const up = hasCarrier(native, device);
    if (up === this.watch.carrier) return;
    this.watch.handleCarrier(up, now);
    if (up) this.#vip.handleLinkUp(now);
    onEvent({ event: 'lan-carrier', up });
  }

  #perform(action: VipAction, now: number): void {
    const { vip, onEvent } = this.#options;
    if (vip === undefined) return;
    if (action.kind === 'stale-arp') {
      onEvent({ event: 'stale-arp', mac: macText(action.mac) });
      return;
    }
    this.#report(action, this.#carryOut(action.kind, vip), now);
  }

  #carryOut(kind: Exclude<VipAction['kind'], 'stale-arp'>, vip: Uint8Array): string | undefined {
    switch (kind) {
      case 'hold':
        return this.#port.hold(vip, VIP_LIFETIME_S);
      case 'drop':
        return this.#port.drop(vip);
      case 'announce':
        return this.#port.announce(vip);
      case 'probe':
        return this.#port.probe(new Uint8Array(vip.length), vip);
    }
  }

  #report(action: VipAction, error: string | undefined, now: number): void {
    this.#notice(error, now);
    const failure = error === undefined ? '' : `${action.kind} ${error}`;
    if (error !== undefined && failure !== this.#failure) {
      this.#options.onEvent({ event: 'vip-failed', action: action.kind, reason: error });
    }
    if (error !== undefined || action.kind === 'hold') this.#failure = failure;
    const done = error === undefined ? DONE[action.kind] : undefined;
    if (done === undefined || this.#told.has(done)) return;
    this.#told.add(done);
    this.#options.onEvent({ event: done });
  }

  #notice(error: string | undefined, now: number): void {
    if (error !== undefined && GONE.has(error) && this.#reopenAtMs === Number.POSITIVE_INFINITY) {
      this.#reopenAtMs = now + REOPEN_MS;
    }
  }

  #reopen(now: number): void {
    try {
      this.#port.reopen();
      this.#reopenAtMs = Number.POSITIVE_INFINITY;
      this.#vip.handleLinkUp(now);
    } catch {
      // The device is still away; its absence is told as lost carrier.
      this.#reopenAtMs = now + REOPEN_MS;
    }
  }
}

function macText(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
