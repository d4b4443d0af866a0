/** node.yaml: what is local to one machine: its identity, its devices, its uplinks, its files. */
import { z } from 'zod';
import * as atoms from './atoms.js';
import { LIMITS } from './limits.js';
import { parseRedisUrl } from './redis-url.js';

const offloadSwitch = z.enum(['auto', 'on', 'off']).default('auto');

const lan = z.strictObject({
  device: atoms.device.describe('Device that faces the site.'),
  tun: atoms.device
    .default('ts-lan')
    .describe('Name of the LAN TUN device, to which overlay prefixes are routed.'),
  address: atoms.ipAddress
    .optional()
    .describe("This node's address on the site LAN. Default: the device's first."),
});

const wan = z.strictObject({
  tun: atoms.device.default('ts-wan').describe('Name of the WAN TUN device, by which local breakout leaves.'),
});

const probe = z.strictObject({
  ping: atoms.ipAddress.optional().describe('Address that answers ICMP echo.'),
  tcp: atoms.addressAndPort.optional().describe('Address and port to which TCP connects.'),
  dns: atoms.ipAddress.optional().describe('DNS server to ask, on port 53.'),
  name: atoms.hostName.optional().describe('What to ask the DNS server for. Default: the root.'),
});

const uplink = z.strictObject({
  name: atoms.name.describe('Name of the uplink.'),
  device: atoms.device
    .optional()
    .describe('Device to which its sockets are bound; it may come and go. Default: not bound.'),
  address: atoms.ipAddress
    .optional()
    .describe('Source address of its sockets. Default: chosen by the kernel, also after it has changed.'),
  gateway: atoms.ipAddress
    .optional()
    .describe("Next hop. Default: that of the device's default route, as DHCP or the operator sets it."),
  probes: z
    .array(probe)
    .max(LIMITS.probesMax)
    .default([])
    .describe('What answers on the internet while the uplink works: one of ping, tcp and dns each.'),
  probeMs: z
    .int()
    .min(500)
    .max(LIMITS.probeMsMax)
    .default(2_000)
    .describe('Time between probes; three failures in a row count.'),
  cost: z.int().min(0).max(LIMITS.costMax).default(10).describe('The cheapest usable uplink is chosen.'),
  weight: z.int().min(1).max(LIMITS.weightMax).default(1).describe('Share among uplinks of one cost.'),
  isp: z.string().max(LIMITS.nameLengthMax).optional().describe('Name of the provider, for people.'),
});

const offload = z.strictObject({
  tunCsum: offloadSwitch.describe('Checksums of packets from and to the TUN devices.'),
  tunTso: offloadSwitch.describe('TCP super-packets from the TUN devices.'),
  tunUso: offloadSwitch.describe('UDP super-packets from the TUN devices.'),
  tunGro: offloadSwitch.describe('Coalesced writes to the TUN devices.'),
  udpGso: offloadSwitch.describe('Segmentation of sent datagrams by the kernel.'),
  udpGro: offloadSwitch.describe('Coalesced reception of datagrams.'),
});

const log = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least level.'),
});

const redisUrl = z
  .string()
  .max(1024)
  .refine((text) => parseRedisUrl(text) !== undefined, {
    message:
      'must be redis[s]://[user:password@]host[:port][/database] or redis[s]+sentinel://[user:password@]host[:port][,…]/master[/database]',
  })
  .describe(
    'Redis of the site or region; user and password in the URL. rediss: TLS. redis+sentinel://HOST,HOST/MASTER: the master that these Sentinels name (?sentinelUser= and &sentinelPassword= for theirs).',
  );

const redis = z.strictObject({
  url: redisUrl,
  ca: atoms.fileName
    .optional()
    .describe("File with the certificate (PEM) of the authority of the servers' certificates."),
});

const hooks = z.strictObject({
  onActive: atoms.fileName
    .optional()
    .describe('Executable that is run when this node has become active. It never delays takeover.'),
  onStandby: atoms.fileName.optional().describe('Executable that is run when this node has become standby.'),
  timeoutMs: z
    .int()
    .min(100)
    .max(LIMITS.hookMsMax)
    .default(10_000)
    .describe('A program that runs longer is killed.'),
});

export const nodeSchema = z.strictObject({
  node: atoms.name.describe('Which node of network.yaml this machine is.'),
  network: atoms.fileName.describe('network.yaml, relative to this file.'),
  privateKeyFile: atoms.fileName.describe(
    'File with the private key in base64; refused if others can read it.',
  ),
  clusterKeyFile: atoms.fileName
    .optional()
    .describe(
      'File with the private key that the members of the cluster share (its publicKey), for external peers; refused if others can read it.',
    ),
  presharedKeys: z
    .record(atoms.name, atoms.fileName)
    .default({})
    .describe(
      'Files with preshared keys, by the name of the peer (node or external peer); refused if others can read them.',
    ),
  lan: lan.describe('The site side.'),
  wan: wan.prefault({}).describe('The internet side.'),
  uplinks: z
    .array(uplink)
    .min(1, 'must have at least one uplink')
    .max(LIMITS.uplinksMax)
    .prefault([{ name: 'default' }])
    .describe('Ways out of this node.'),
  listenPort: atoms.port.default(51_820).describe('UDP port for tunnels.'),
  redis: redis.optional().describe('Where the cluster keeps its epoch register.'),
  hooks: hooks.prefault({}).describe("Programs that are run when this node's role changes."),
  stateDir: atoms.fileName.default('/var/lib/twinspan').describe('What must survive a restart.'),
  runDir: atoms.fileName.default('/run/twinspan').describe('Control socket of the daemon.'),
  uapi: z
    .union([
      z.strictObject({
        name: atoms.device.optional().describe("Name that 'wg show' prints. Default: the LAN TUN's name."),
      }),
      z.literal(false),
    ])
    .prefault({})
    .describe("WireGuard's own socket under /var/run/wireguard, so that 'wg show' works; false: none."),
  workers: z.int().min(1).max(LIMITS.workersMax).default(1).describe('Data-plane threads.'),
  scheduling: z
    .enum(['normal', 'realtime'])
    .default('normal')
    .describe(
      'realtime: the threads of the node are run before all other programs of the machine (needs more processors than workers).',
    ),
  offload: offload.prefault({}).describe('Kernel offloads: auto (probed, demoted at run time), on, off.'),
  log: log.prefault({}).describe('Log of the daemon.'),
});

export type NodeFile = z.output<typeof nodeSchema>;
