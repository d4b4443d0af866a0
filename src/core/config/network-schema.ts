/**
 * network.yaml: the whole network, the same file on every node. The seed's three tables (where sites are, which
 * overlay prefix leads to which cluster, which local address has which overlay address) plus who the members are.
 */
import { z } from 'zod';
import * as atoms from './atoms.js';
import { LIMITS } from './limits.js';

const network = z.strictObject({
  name: atoms.name.describe('Name of the network; part of control addresses and Redis keys.'),
  cidr: z
    .union([atoms.prefix, z.array(atoms.prefix).min(1).max(LIMITS.cidrsMax)])
    .describe('The overlay: the prefix (or prefixes) from which network addresses are taken.'),
  mtu: z
    .int()
    .min(LIMITS.mtuMin)
    .max(LIMITS.mtuMax)
    .default(1408)
    .describe('MTU of the TUN devices. A multiple of 64 leaves AEAD no partial block.'),
});

const aws = z.strictObject({
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,63}$/, 'must be a region such as us-east-1')
    .optional()
    .describe("AWS region. Default: by the SDK's own chain (AWS_REGION, profile)."),
  routeTables: z
    .array(z.string().regex(/^rtb-[0-9a-f]+$/, 'must be a route table id such as rtb-0a1b2c3d'))
    .min(1)
    .max(LIMITS.routeTablesMax)
    .describe('Route tables in which the overlay routes are moved to the active member.'),
  cidrs: z
    .array(atoms.prefix)
    .min(1)
    .max(LIMITS.cidrsMax)
    .optional()
    .describe("Destinations of those routes. Default: the network's CIDR."),
  endpoint: z
    .string()
    .max(1024)
    .regex(/^https?:\/\/[^\s/]+\/?$/, 'must be an http:// or https:// URL without a path')
    .optional()
    .describe("EC2 API to use. Default: AWS_ENDPOINT_URL, else AWS's own."),
});

const cluster = z.strictObject({
  members: z
    .array(atoms.name)
    .min(1, 'must name at least one node')
    .max(LIMITS.membersMax)
    .describe('Nodes of the cluster; the first is preferred.'),
  publicKey: atoms.publicKey
    .optional()
    .describe(
      "Public key of the key that the members share, by which external peers know the cluster. Each member has the private key in its node.yaml's clusterKeyFile.",
    ),
  failback: z
    .enum(['automatic', 'manual'])
    .default('automatic')
    .describe('Whether the preferred member takes the role back by itself after it has recovered.'),
  site: z
    .union([atoms.prefix, z.array(atoms.prefix).min(1).max(LIMITS.sitesMax)])
    .optional()
    .describe('Prefix (or prefixes) of the local network behind the cluster.'),
  nat: z
    .strictObject({
      unmatched: z
        .enum(['drop', 'identity'])
        .default('drop')
        .describe(
          'What becomes of a site address that no inside NAT covers: drop (the NAT table admits) or identity (kept).',
        ),
    })
    .prefault({})
    .describe('Inside NAT of the cluster.'),
  gateway: z
    .boolean()
    .optional()
    .describe(
      'Whether the cluster is a hub that forwards between others. Default: true if a member has endpoints.',
    ),
  takeover: z
    .strictObject({
      vip: atoms.interfaceAddress
        .optional()
        .describe('Address of the site LAN that follows the active member.'),
      aws: aws.optional().describe('VPC routes that follow the active member.'),
    })
    .prefault({})
    .describe('What moves to the active member.'),
});

const node = z.strictObject({
  publicKey: atoms.publicKey.describe("The node's WireGuard public key."),
  endpoints: z
    .array(atoms.endpoint)
    .max(LIMITS.endpointsMax)
    .default([])
    .describe('Where others can dial the node. None: it dials out.'),
  lanAddress: atoms.lanEndpoint.optional().describe('Where its cluster partner dials it, over the LAN.'),
});

const externalPeer = z.strictObject({
  at: atoms.name.describe('Cluster that serves the peer, by whichever member is active.'),
  publicKey: atoms.publicKey.describe("The peer's WireGuard public key."),
  endpoints: z
    .array(atoms.endpoint)
    .max(LIMITS.endpointsMax)
    .default([])
    .describe(
      'Where the cluster dials the peer. None: the peer dials, and is found again where it was last.',
    ),
  persistentKeepalive: z
    .int()
    .min(0)
    .max(LIMITS.keepaliveSecondsMax)
    .default(0)
    .describe('Seconds without a packet after which a keepalive is sent; 0: none.'),
  bfd: z
    .strictObject({
      local: atoms.ipAddress.describe("The cluster's address; among the AllowedIPs of the peer."),
      remote: atoms.ipAddress.describe("The peer's address."),
    })
    .optional()
    .describe(
      'Addresses inside the tunnel between which the peer speaks BFD (RFC 5881): it is then known to be dead within a second.',
    ),
});

const route = z
  .strictObject({
    cidr: atoms.prefix.describe('Destination, as an overlay address.'),
    to: atoms.name.optional().describe('Cluster (or external peer) that serves the prefix.'),
    via: z.literal('wan').optional().describe('wan: leave here, through the WAN device (local breakout).'),
    blackhole: z.literal(true).optional().describe('true: drop, and do not fall back to a shorter prefix.'),
    metric: z
      .int()
      .min(LIMITS.metricMin)
      .max(LIMITS.metricMax)
      .default(100)
      .describe('Among routes of one prefix the lowest metric that is available wins.'),
    description: atoms.description.optional(),
  })
  .meta({ oneOf: [{ required: ['to'] }, { required: ['via'] }, { required: ['blackhole'] }] });

const insideNat = z.strictObject({
  local: atoms.prefix.describe('Prefix at the site.'),
  network: atoms.prefix.describe('Prefix in the overlay, of the same length; host bits are kept.'),
  at: atoms.name.describe('Cluster at whose site the local prefix is.'),
  description: atoms.description.optional(),
});

export const networkSchema = z.strictObject({
  network: network.describe('The overlay.'),
  clusters: z
    .record(atoms.name, cluster)
    .meta({ maxProperties: LIMITS.clustersMax, description: 'Clusters by name; one site each.' }),
  nodes: z
    .record(atoms.name, node)
    .meta({ maxProperties: LIMITS.nodesMax, description: 'Nodes by name; each is a member of one cluster.' }),
  externalPeers: z.record(atoms.name, externalPeer).default({}).meta({
    maxProperties: LIMITS.externalPeersMax,
    description:
      'Plain WireGuard routers by name. A route to one leads through its cluster; its addresses are network addresses, and no inside NAT applies to them.',
  }),
  routes: z
    .array(route)
    .max(LIMITS.routesMax)
    .default([])
    .describe('Longest prefix first, then lowest metric among available destinations.'),
  insideNat: z
    .array(insideNat)
    .max(LIMITS.natsMax)
    .default([])
    .describe('1:1 translation between site and overlay addresses.'),
});

export type NetworkFile = z.output<typeof networkSchema>;
