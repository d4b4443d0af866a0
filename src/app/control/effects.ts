/**
 * What a role does to the world, in this order: the VIP on the LAN, the VPC's routes, the operator's programs. Each part
 * acts only for the highest epoch it knows, and none waits for the next.
 */
import { readFileSync } from 'node:fs';
import type { Epoch } from '../../core/cluster/register.js';
import { compareEpochs } from '../../core/cluster/register.js';
import { formatAddress, formatPrefix } from '../../core/config/address.js';
import type { Configuration } from '../../core/config/configuration.js';
import { openEc2 } from '../../edge/aws/open-ec2.js';
import { VpcKeeper } from '../../edge/aws/vpc-keeper.js';
import { HookRunner } from '../../edge/hooks/hooks.js';
import { LanKeeper } from '../../edge/linux/lan-keeper.js';
import type { Native } from '../../edge/native.js';
import type { EffectEvent } from './effect-text.js';
import type { Logger } from './log.js';
import type { LanAddresses } from './snapshot.js';

export interface EffectsOptions {
  readonly native: Native;
  readonly configuration: Configuration;
  readonly lan: LanAddresses;
  readonly log: Logger;
  /** Something was done or met, and has been logged. */
  readonly onEvent: (event: EffectEvent) => void;
  /** The highest epoch of our cluster that is known. */
  readonly highestEpoch: () => Epoch | undefined;
}

export class Effects {
  /** Undefined on a node that shares its site with nobody and holds no VIP. */
  readonly lan: LanKeeper | undefined;
  readonly vpc: VpcKeeper | undefined;
  readonly #hooks: HookRunner;
  readonly #options: EffectsOptions;

  constructor(options: EffectsOptions) {
    this.#options = options;
    this.lan = openLan(options);
    this.vpc = openVpc(options);
    // However hurried the daemon is, nobody waits for its hooks.
    this.#hooks = new HookRunner(
      options.configuration.local.hooks,
      (event) => tell(options, event),
      (pid) => options.native.threadPriority(pid, 0),
    );
  }

  /** This member acts under `epoch`. */
  becomeActive(epoch: Epoch, reason: string): void {
    this.lan?.becomeActive(epoch);
    this.vpc?.becomeActive(epoch);
    this.#runHook('active', epoch, reason);
  }

  /** Another acts under `epoch`, or nobody after ours. */
  becomeStandby(epoch: Epoch, reason: string): void {
    this.lan?.becomeStandby(epoch);
    this.vpc?.becomeStandby(epoch);
    this.#runHook('standby', epoch, reason);
  }

  /** Takes changed programs into use. */
  configure(configuration: Configuration): void {
    this.#hooks.configure(configuration.local.hooks);
  }

  async close(): Promise<void> {
    this.lan?.close();
    await this.vpc?.close();
    await this.#hooks.close();
  }

  #runHook(role: 'active' | 'standby', epoch: Epoch, reason: string): void {
    const { network, clusters, cluster, nodes, self } = this.#options.configuration;
    this.#hooks.run({
      network: network.name,
      cluster: clusters[cluster].name,
      node: nodes[self].name,
      role,
      epoch,
      reason,
    });
  }
}

function openLan(options: EffectsOptions): LanKeeper | undefined {
  const { native, configuration, lan } = options;
  const { clusters, cluster, local, nodes, nats, self } = configuration;
  const { members, vip } = clusters[cluster];
  if (members.length < 2 && vip === undefined) return undefined;
  const locals = nats.filter((nat) => nat.cluster === cluster).map((nat) => nat.local);
  return new LanKeeper({
    native,
    device: local.lan.device,
    vip: vip?.bytes,
    own: [lan.v4, lan.v6].filter((address) => address !== undefined),
    partners: members
      .filter((member) => member !== self)
      .flatMap((member) => nodes[member].lanEndpoint?.address ?? []),
    hosts: locals.filter(({ bytes, length }) => length === bytes.length * 8).map(({ bytes }) => bytes),
    ranges: locals.filter(({ family, length }) => family === 4 && length < 32),
    onEvent: (event) => tell(options, event),
  });
}

function openVpc(options: EffectsOptions): VpcKeeper | undefined {
  const { native, configuration, lan, highestEpoch } = options;
  const { aws } = configuration.clusters[configuration.cluster];
  if (aws === undefined) return undefined;
  const mac = macOf(configuration.local.lan.device);
  const address = lan.v4 === undefined ? undefined : formatAddress(lan.v4);
  return new VpcKeeper({
    region: aws.region,
    tables: aws.routeTables,
    cidrs: aws.cidrs.map(formatPrefix),
    eniName: [mac, address].filter((name) => name !== undefined).join(' or '),
    ec2: openEc2({ region: aws.region, endpoint: aws.endpoint, mac, address }),
    now: () => native.now(),
    isCurrent: (epoch) => {
      const highest = highestEpoch();
      return highest === undefined || compareEpochs(epoch, highest) >= 0;
    },
    onEvent: (event) => tell(options, event),
  });
}

/** The link-layer address of a device, as text; undefined where it has none. */
function macOf(device: string): string | undefined {
  try {
    return readFileSync(`/sys/class/net/${device}/address`, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

function tell({ log, onEvent }: EffectsOptions, event: EffectEvent): void {
  log[levelOf(event)](event);
  onEvent(event);
}

/** How soon somebody has to look at it. */
function levelOf(event: EffectEvent): 'fatal' | 'error' | 'warn' | 'info' {
  if ('severity' in event) {
    return event.severity === 'critical' ? 'fatal' : event.severity === 'warning' ? 'warn' : 'info';
  }
  if (event.event === 'stale-arp') return 'fatal';
  if (event.event === 'vip-failed') return 'error';
  return event.event === 'hook-ended' && event.status !== 0 ? 'warn' : 'info';
}
