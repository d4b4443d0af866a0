/** Keeps the host as this node needs it: devices up, overlay routed to the LAN TUN, VIP on the active member. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TwinspanError } from '../../core/base/errors.js';
import { parseAddress } from '../../core/config/address.js';
import type { Configuration } from '../../core/config/configuration.js';
import { desiredHost } from '../../core/plan/desired.js';
import type { DesiredHost, HostRule, SysctlChange } from '../../core/plan/host.js';
import { addressText } from '../../core/plan/text.js';
import type { UplinkWay } from '../../core/plan/uplink-host.js';
import { applyHost, mergeChanges, ownAddressesOf, undoHost } from '../../edge/linux/apply.js';
import { type Host, hostFacts } from '../../edge/linux/observe.js';
import type { Logger } from './log.js';
import type { Machine } from './machine.js';
import type { LanAddresses } from './snapshot.js';

export class HostKeeper {
  readonly host: Host;
  readonly #log: Logger;
  #applied: { readonly configuration: Configuration; readonly machine: Machine } | undefined;
  #ways: readonly UplinkWay[] = [];
  #best: number | undefined;
  #desired: DesiredHost | undefined;
  #changes: readonly SysctlChange[] = [];
  /** Calls wait for each other: two at once would each undo what the other does. */
  #turn: Promise<void> = Promise.resolve();

  constructor(host: Host, log: Logger) {
    this.host = host;
    this.#log = log;
  }

  /** This node's own addresses on the site LAN. Throws TS_DEVICE where the LAN device is missing. */
  async lanAddresses(configuration: Configuration): Promise<LanAddresses> {
    const { lan } = configuration.local;
    const configured = lan.address;
    if (configured !== undefined) {
      return configured.length === 4 ? { v4: configured, v6: undefined } : { v4: undefined, v6: configured };
    }
    const own = await ownAddressesOf(lan.device, this.host, vipTexts(configuration));
    if (own === undefined) {
      const hint = 'Name the device that faces the site as lan.device in node.yaml (ip link shows them).';
      throw new TwinspanError('TS_DEVICE', `The LAN device ${lan.device} does not exist.`, hint);
    }
    return {
      v4: own.v4 === undefined ? undefined : parseAddress(own.v4),
      v6: own.v6 === undefined ? undefined : parseAddress(own.v6),
    };
  }

  /**
   * Brings the host into the state that `configuration` asks for. Throws the first problem. `fresh`: this process has just
   * started, so a VIP on the LAN is a dead one's and goes; later it is the LAN keeper's.
   */
  apply(configuration: Configuration, machine: Machine, fresh: boolean): Promise<void> {
    this.#applied = { configuration, machine };
    return this.#queue(() => this.#apply(configuration, machine, fresh));
  }

  /**
   * Takes changed ways out, and the one that breakout takes, into the host: the rules at once, by `switchRules`, then
   * everything, looked at. Where the first ones play no part, that has just been done. Throws the first problem.
   */
  async useWays(
    ways: readonly UplinkWay[],
    best: number | undefined,
    switchRules: (before: readonly HostRule[], after: readonly HostRule[]) => void,
  ): Promise<void> {
    const isFirst = this.#ways.length === 0;
    this.#ways = ways;
    this.#best = best;
    const applied = this.#applied;
    if (applied === undefined) return;
    if (this.#desired !== undefined) {
      const before = this.#desired.rules;
      this.#desired = this.#desiredHost(applied.configuration, applied.machine, false);
      if (isFirst && !usesWays(applied.configuration)) return;
      switchRules(before, this.#desired.rules);
    }
    await this.#queue(async () => {
      if (this.#applied !== undefined)
        await this.#apply(this.#applied.configuration, this.#applied.machine, false);
    });
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #desiredHost(configuration: Configuration, machine: Machine, fresh: boolean): DesiredHost {
    const facts = hostFacts(this.host);
    const { network, clusters, cluster, routes, local } = configuration;
    const { vip } = clusters[cluster];
    return desiredHost({
      lanTun: machine.lanTun,
      wanTun: machine.wanTun,
      mtu: network.mtu,
      lanDevice: local.lan.device,
      overlayPrefixes: [
        ...network.cidrs,
        ...routes.filter((route) => typeof route.target === 'number').map((route) => route.prefix),
      ],
      active: false,
      vip: vip === undefined || !fresh ? undefined : { address: vip.bytes, prefixLength: vip.length },
      uplinkDevices: local.uplinks.flatMap((uplink) => (uplink.device === undefined ? [] : [uplink.device])),
      rpFilterAll: facts.rpFilterAll,
      ipv6: facts.ipv6,
      ...uplinkInput(configuration, this.#ways, this.#best),
    });
  }

  async #apply(configuration: Configuration, machine: Machine, fresh: boolean): Promise<void> {
    this.#desired = this.#desiredHost(configuration, machine, fresh);
    const result = await applyHost(this.#desired, this.host);
    this.#changes = mergeChanges(this.#changes, result.changes);
    for (const step of result.applied)
      this.#log.debug({ event: 'host-step', command: step.command, why: step.why });
    if (result.problems.length > 0) throw result.problems[0];
  }

  /**
   * Brings the host from the state of `old` to that of `next`. Where it refuses a part of that, it is led back to `old`
   * and the refusal is thrown.
   */
  async change(old: Configuration, next: Configuration, machine: Machine): Promise<void> {
    try {
      await this.apply(next, machine, false);
    } catch (refusal) {
      await this.apply(old, machine, false).catch((error: Error) => {
        this.#log.error({ event: 'host-not-led-back', reason: error.message });
      });
      throw refusal;
    }
    // To compare thousands of routes was one turn's work; what follows is another's.
    await nextTurn();
  }

  /** Puts the host back as it was found. */
  async undo(): Promise<void> {
    this.#applied = undefined;
    await this.#turn;
    if (this.#desired === undefined) return;
    const result = await undoHost(this.#desired, this.host, this.#changes);
    for (const problem of result.problems) this.#log.warn({ event: 'host-undo', reason: problem.message });
  }
}

/**
 * Whether the host's state depends on where uplinks lead. One uplink without breakout and without a gateway of its own leaves
 * by the main table, as everything else does.
 */
function usesWays({ routes, local }: Configuration): boolean {
  return (
    local.uplinks.length > 1 ||
    local.uplinks.some(({ gateway }) => gateway !== undefined) ||
    routes.some(({ target }) => target === 'wan')
  );
}

/** What the plan is told of uplinks. Before anything is known of them, none leads anywhere. */
function uplinkInput(configuration: Configuration, ways: readonly UplinkWay[], best: number | undefined) {
  const { routes, local } = configuration;
  const breakoutPrefixes = routes.filter(({ target }) => target === 'wan').map(({ prefix }) => prefix);
  const unknown = local.uplinks.map(({ device }, place): UplinkWay => {
    return { place, device, gateways: [], subnets: [], usable: false };
  });
  return {
    ways: !usesWays(configuration) ? [] : ways.length > 0 ? ways : unknown,
    breakoutPrefixes,
    ...(best !== undefined && { breakoutUplink: best }),
  };
}

function vipTexts(configuration: Configuration): string[] {
  const { vip } = configuration.clusters[configuration.cluster];
  return vip === undefined ? [] : [addressText(vip.bytes)];
}
