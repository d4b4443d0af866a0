/**
 * Nebula, a userspace overlay with certificates of its own (AES-GCM over Noise). The sites' networks are `unsafe_routes`
 * of the other node, which is how it joins networks of hosts that do not run it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lane } from '../lane.js';
import { attempt, run } from '../shell.js';
import { HB_ADDRESS, SITE, SITE_MTU, WAN_ADDRESS } from '../topology.js';
import type { Peer } from './peer.js';

const PORT = 4242;
const NODES = ['na', 'nb'] as const;
type Node = (typeof NODES)[number];
const OVERLAY = { na: '192.0.2.1', nb: '192.0.2.2' } as const;
const OTHER = { na: 'nb', nb: 'na' } as const;

/** nebula's configuration of one node (JSON is YAML). */
export function nebulaConfig(node: Node, folder: string, device: string): object {
  const other = OTHER[node];
  const anybody = [{ port: 'any', proto: 'any', host: 'any' }];
  return {
    pki: {
      ca: join(folder, 'ca.crt'),
      cert: join(folder, `${node}.crt`),
      key: join(folder, `${node}.key`),
    },
    static_host_map: { [OVERLAY[other]]: [`${WAN_ADDRESS[other]}:${PORT}`] },
    lighthouse: { am_lighthouse: false, hosts: [] },
    listen: { host: '0.0.0.0', port: PORT, batch: 64, read_buffer: 8_388_608, write_buffer: 8_388_608 },
    punchy: { punch: true },
    tun: {
      dev: device,
      mtu: Number(SITE_MTU),
      tx_queue: 1000,
      unsafe_routes: [{ route: SITE[other], via: OVERLAY[other], mtu: Number(SITE_MTU) }],
    },
    logging: { level: 'error' },
    firewall: { outbound: anybody, inbound: anybody },
  };
}

function prepare(lane: Lane, certify: string): void {
  const { folder } = lane;
  const authority = ['-out-crt', join(folder, 'ca.crt'), '-out-key', join(folder, 'ca.key')];
  run([certify, 'ca', '-name', 'bench', ...authority]);
  for (const node of NODES) {
    const files = ['-out-crt', join(folder, `${node}.crt`), '-out-key', join(folder, `${node}.key`)];
    const signer = ['-ca-crt', join(folder, 'ca.crt'), '-ca-key', join(folder, 'ca.key')];
    const claim = ['-name', node, '-ip', `${OVERLAY[node]}/24`, '-subnets', SITE[node]];
    run([certify, 'sign', ...signer, ...claim, ...files]);
    const config = nebulaConfig(node, folder, `${lane.label}${node.slice(1)}`);
    writeFileSync(join(folder, `${node}.yaml`), JSON.stringify(config, null, 2), { mode: 0o600 });
  }
}

/** The peer; undefined where nebula and nebula-cert are not on PATH ($NEBULA names another nebula). */
export function findNebula(env: NodeJS.ProcessEnv): Peer | undefined {
  const named = env['NEBULA'] ?? '';
  const program = named !== '' ? named : attempt(['sh', '-c', 'command -v nebula']).trim();
  const certify = `${program}-cert`;
  if (program === '' || attempt([certify, '-version']) === '') return undefined;
  const version = /[\d.]+/.exec(attempt([program, '-version']))?.[0] ?? 'of unknown version';
  return {
    name: 'nebula',
    title: `nebula ${version}`,
    version,
    target: HB_ADDRESS,
    prepare: (lane) => prepare(lane, certify),
    start(lane) {
      for (const node of NODES) {
        lane.startDaemon(node, [program, '-config', join(lane.folder, `${node}.yaml`)]);
      }
    },
  };
}
