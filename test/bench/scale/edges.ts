/**
 * A gateway and its many edges, as configuration: each edge is a cluster of one node that dials, with a network of the
 * overlay and an address on the WAN of its own. Site `na` of the benchmark's line is the gateway's; `nb` holds the edges.
 */
import { nodeConfig } from '../peers/twinspan.js';
import { SITE, WAN_ADDRESS } from '../topology.js';

export const GATEWAY_PORT = 51820;
/** All edges' addresses on the WAN are inside. */
export const EDGE_NETWORK = '10.200.0.0/16';
/** The gateway's site as the overlay knows it, and a host of it. */
const HUB_NETWORK = '10.100.10.0/24';
export const HUB_HOST = '10.100.10.15';

/** What the generator of edges is told (generator.ts). */
export interface GeneratorSetup {
  readonly gatewayKey: string;
  readonly gatewayAddress: string;
  readonly gatewayPort: number;
  /** From which all transport messages leave. */
  readonly dataAddress: string;
  /** Of the edges, in base64. */
  readonly privateKeys: readonly string[];
  readonly destination: string;
  readonly destinationPort: number;
}

/** An edge's address on the WAN. */
export function edgeAddress(index: number): string {
  return `10.200.${index >> 8}.${index & 255}`;
}

function network(index: number): string {
  return `10.${128 + (index >> 8)}.${index & 255}`;
}

/** A host of an edge's site, as the overlay knows it. */
export function edgeHost(index: number): string {
  return `${network(index)}.15`;
}

/** network.yaml from the public keys of the gateway and of its edges. */
export function gatewayNetwork(gatewayKey: string, edgeKeys: readonly string[]): object {
  const indices = edgeKeys.map((_, index) => index);
  return {
    network: { name: 'bench', cidr: '10.0.0.0/8' },
    clusters: {
      // A hub tells every peer whom it reaches, which costs the square of their number.
      hub: { members: ['gw'], site: SITE.na, gateway: false },
      ...Object.fromEntries(indices.map((i) => [`s${i}`, { members: [`e${i}`], site: '172.31.0.0/24' }])),
    },
    nodes: {
      gw: { publicKey: gatewayKey, endpoints: [`${WAN_ADDRESS.na}:${GATEWAY_PORT}`] },
      ...Object.fromEntries(edgeKeys.map((publicKey, i) => [`e${i}`, { publicKey }])),
    },
    routes: [
      { cidr: HUB_NETWORK, to: 'hub' },
      ...indices.map((i) => ({ cidr: `${network(i)}.0/24`, to: `s${i}` })),
    ],
    insideNat: [{ local: SITE.na, network: HUB_NETWORK, at: 'hub' }],
  };
}

/** node.yaml of the gateway, whose files are all in `folder`. */
export function gatewayNode(folder: string, uapiName: string): object {
  return {
    ...nodeConfig('na', folder, uapiName),
    node: 'gw',
    network: 'network.yaml',
    listenPort: GATEWAY_PORT,
  };
}
