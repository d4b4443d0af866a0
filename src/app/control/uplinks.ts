/**
 * Runs the UplinkTracker (core/uplink): feeds it with devices, gateways and internet probes, and carries out what follows:
 * the host's tables and rules, sockets that are bound anew when their device has come back. Holds no rules of its own.
 *
 * The carrier is asked of the kernel at the very moment of a nudge; addresses and routes are read by `ip` right after.
 */
import { timeoutMs } from '../../core/base/timeout.js';
import type { Configuration, UplinkConfiguration } from '../../core/config/configuration.js';
import type { HostRule } from '../../core/plan/host.js';
import { addressText } from '../../core/plan/text.js';
import { sharingSubnet, type UplinkWay } from '../../core/plan/uplink-host.js';
import type { PathState } from '../../core/uplink/evidence.js';
import { UplinkTracker } from '../../core/uplink/tracker.js';
import { LanPort } from '../../edge/linux/lan-port.js';
import { type LinkMonitor, openLinkMonitor } from '../../edge/linux/link-monitor.js';
import type { News } from '../../edge/linux/news.js';
import { switchRules } from '../../edge/linux/rules.js';
import { type DeviceFacts, readDeviceFacts } from '../../edge/linux/uplink-facts.js';
import type { Native } from '../../edge/native.js';
import { probe } from '../../edge/probe/probe.js';
import type { HostKeeper } from './host.js';
import type { Logger } from './log.js';
import type { UplinkSockets } from './uplink-sockets.js';
import { linkOf, questionOf, wayOf } from './uplink-ways.js';

/** An internet probe waits this long at most. */
const PROBE_TIMEOUT_MS_MAX = 2_000;
/** After the host has refused something it is tried again. */
const RETRY_MS = 1_000;

export interface UplinkKeeperOptions {
  readonly native: Native;
  readonly host: HostKeeper;
  readonly configuration: Configuration;
  readonly sockets: UplinkSockets;
  readonly log: Logger;
  /** Links have been lost or have come back: why nothing can leave by each uplink; '' where something can. */
  readonly onLinkFaults: (faults: readonly string[]) => void;
  /** Addresses have come or gone: those of each uplink, with their lengths; none where the kernel has not been asked. */
  readonly onAddresses: (addresses: readonly (readonly string[])[]) => void;
  /** After that, for peers without paths: which uplink's socket is to be used in place of each. */
  readonly onStandIns: (standIns: readonly number[]) => void;
}

interface Device {
  readonly place: number;
  readonly name: string;
  readonly uplink: UplinkConfiguration;
  facts: DeviceFacts | undefined;
  port: LanPort | undefined;
}

export class UplinkKeeper {
  readonly tracker: UplinkTracker;
  readonly #options: UplinkKeeperOptions;
  readonly #devices: readonly Device[];
  readonly #uplinks: readonly UplinkConfiguration[];
  /** Addresses that are no sign of an uplink: the cluster's VIP. */
  readonly #except: readonly string[];
  readonly #monitor: LinkMonitor;
  readonly #probes: NodeJS.Timeout[] = [];
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #reading = false;
  #readAgain = false;
  #applied = '';
  #shared = '';
  #standIns = '';
  #faults = '';
  #addresses = '';
  #closed = false;

  /** Looks once at once, so that `tracker` knows carriers when this returns; the rest follows. Throws TS_DEVICE. */
  constructor(options: UplinkKeeperOptions) {
    const { native, configuration } = options;
    const { local, clusters, cluster } = configuration;
    this.#options = options;
    this.#uplinks = local.uplinks;
    const { vip } = clusters[cluster];
    this.#except = vip === undefined ? [] : [addressText(vip.bytes)];
    this.tracker = new UplinkTracker({
      now: native.now(),
      uplinks: local.uplinks.map(({ name, device, cost, weight, probes }) => {
        return { name, device, cost, weight, probes: probes.map((target) => target.name) };
      }),
    });
    this.#devices = local.uplinks.flatMap((uplink, place) => {
      const name = uplink.device;
      if (name === undefined) return [];
      return [{ place, name, uplink, facts: undefined, port: undefined }];
    });
    this.#monitor = openLinkMonitor(native, (news) => this.#handleNews(news), true);
    for (const [place, uplink] of local.uplinks.entries()) this.#beginProbes(place, uplink);
    void this.#read();
    this.#tick();
  }

  /** The state of a path of the uplink in `place` to the peer of this name; undefined: it is no more. */
  handlePath(place: number, peer: string, path: string, state: PathState | undefined): void {
    this.tracker.handlePath(place, peer, path, state, this.#options.native.now());
    this.#tick();
  }

  /** Stops looking. What the host has stays until it is undone. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    for (const timer of this.#probes) clearInterval(timer);
    this.#monitor.close();
    for (const { port } of this.#devices) port?.close();
  }

  #handleNews({ links, addresses, defaults }: News): void {
    if (links) this.#feed();
    const foreign = addresses.some((address) => !this.#except.includes(addressText(address)));
    if (!links && !foreign && !defaults) return;
    // A device that went down and came back has lost its routes, whatever we knew of them.
    if (links) this.#applied = '';
    void this.#read();
  }

  /** Reads addresses and routes; what changes meanwhile is read once more. */
  async #read(): Promise<void> {
    this.#readAgain = true;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#readAgain && !this.#closed) {
      this.#readAgain = false;
      const facts = await readDeviceFacts(this.#options.host.host);
      if (facts === undefined || this.#closed) continue;
      for (const device of this.#devices) this.#adopt(device, facts.get(device.name));
      this.#feed();
    }
    this.#reading = false;
  }

  #adopt(device: Device, facts: DeviceFacts | undefined): void {
    const before = device.facts;
    device.facts = facts;
    this.#options.sockets.handleDevice(device.place, facts?.index);
    this.#openPort(device, before?.index !== facts?.index);
  }

  #openPort(device: Device, changed: boolean): void {
    if (!changed && device.port !== undefined) return;
    device.port?.close();
    device.port = undefined;
    if (questionOf(device.uplink, device.facts) === undefined) return;
    try {
      device.port = new LanPort(this.#options.native, device.name, ({ address }) => {
        const gateway = questionOf(device.uplink, device.facts)?.gateway;
        if (gateway?.join() !== address.join()) return;
        this.tracker.handleGateway(device.place, this.#options.native.now());
      });
    } catch {
      // It has just gone; the next news says so.
    }
  }

  /** Tells the tracker what the devices are like now. */
  #feed(): void {
    const { native } = this.#options;
    for (const device of this.#devices) {
      const { place, name, uplink } = device;
      const flags = native.linkFlags(name);
      if (flags < 0) device.facts = undefined;
      // Before the first reading there is nothing to tell but that it is gone.
      else if (device.facts === undefined && !this.tracker.uplinks[place].known) continue;
      const link = linkOf(uplink, flags, device.facts, this.#except);
      const askable = device.port !== undefined;
      this.tracker.handleLink(place, link, askable, native.now());
    }
    this.#tick();
  }

  #tick(): void {
    if (this.#closed) return;
    const { native } = this.#options;
    const now = native.now();
    this.tracker.handleTimeout(now);
    for (
      let place = this.tracker.pollGatewayProbe();
      place !== undefined;
      place = this.tracker.pollGatewayProbe()
    ) {
      this.#askGateway(place);
    }
    this.#standIn();
    this.#tell();
    this.#apply();
    clearTimeout(this.#timer);
    const deadlineMs = this.tracker.nextDeadline(now);
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#tick(), timeoutMs(deadlineMs, native.now()));
  }

  #standIn(): void {
    const faults = this.tracker.uplinks.map(({ known }, place) =>
      known ? this.tracker.linkFault(place) : '',
    );
    if (faults.join('\n') !== this.#faults) {
      this.#faults = faults.join('\n');
      this.#options.onLinkFaults(faults);
    }
    const addresses = this.tracker.uplinks.map(({ link }) => link.addresses);
    if (addresses.join('\n') !== this.#addresses) {
      this.#addresses = addresses.join('\n');
      this.#options.onAddresses(addresses);
    }
    const standIns = this.tracker.standIns();
    if (standIns.join() === this.#standIns) return;
    this.#standIns = standIns.join();
    this.#options.onStandIns(standIns);
  }

  #tell(): void {
    const { log } = this.#options;
    for (let event = this.tracker.pollEvent(); event !== undefined; event = this.tracker.pollEvent()) {
      if (event.event === 'uplink-state' && event.to !== 'up') log.warn(event);
      else log.info(event);
    }
  }

  /** Brings the host up to date with the tracker, unless it is. */
  #apply(): void {
    const { host, log, native } = this.#options;
    if (this.tracker.uplinks.some(({ known }) => !known)) return;
    const { best } = this.tracker;
    const ways = this.#ways();
    const text = JSON.stringify([best ?? null, ways]);
    if (text === this.#applied) return;
    this.#applied = text;
    this.#noticeSharing(ways);
    const quick = (before: readonly HostRule[], after: readonly HostRule[]): void =>
      switchRules(native, before, after);
    host.useWays(ways, best, quick).catch((error: Error) => {
      log.error({ event: 'uplink-host', reason: error.message });
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => {
        this.#applied = '';
        this.#tick();
      }, RETRY_MS);
    });
  }

  #ways(): UplinkWay[] {
    const { best, uplinks } = this.tracker;
    return this.#uplinks.map((uplink, place) => {
      const { link, state } = uplinks[place];
      const facts = this.#devices.find((device) => device.place === place)?.facts;
      return wayOf(uplink, place, link, facts, state !== 'down' || place === best);
    });
  }

  #noticeSharing(ways: readonly UplinkWay[]): void {
    const uplinks = sharingSubnet(ways).map((place) => this.#uplinks[place].name);
    if (uplinks.join() === this.#shared) return;
    this.#shared = uplinks.join();
    if (uplinks.length > 0) this.#options.log.warn({ event: 'uplinks-share-subnet', uplinks });
  }

  #askGateway(place: number): void {
    const device = this.#devices.find((one) => one.place === place);
    const question = device && questionOf(device.uplink, device.facts);
    if (question !== undefined) device?.port?.probe(question.source, question.gateway);
  }

  #beginProbes(place: number, { device = '', probes, probeMs }: UplinkConfiguration): void {
    const { native } = this.#options;
    for (const target of probes) {
      const ask = async (): Promise<void> => {
        if (!this.tracker.uplinks[place].link.carrier) return;
        const answered = await probe(native, device, target, Math.min(probeMs, PROBE_TIMEOUT_MS_MAX));
        if (this.#closed) return;
        this.tracker.handleProbe(place, target.name, answered, native.now());
        this.#tick();
      };
      this.#probes.push(setInterval(() => void ask(), probeMs));
    }
  }
}
