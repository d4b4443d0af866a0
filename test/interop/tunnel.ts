/** A plain WireGuard tunnel between two namespaces that share a cable `v0`: wireguard-go at both ends. */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { newKey } from '../support/daemon.js';
import { type Network, until } from '../support/namespaces.js';

const PORT = 51_820;

export interface TunnelEnd {
  /** The namespace. */
  readonly name: string;
  /** Address on the cable, and inside the tunnel. */
  readonly outer: string;
  readonly inner: string;
}

/** Starts both ends (IPv4) and returns the names of their devices. */
export async function tunnel(network: Network, ends: readonly TunnelEnd[]): Promise<string[]> {
  const keys = ends.map(({ name }) => newKey(`${network.folder}/${name}.key`));
  const devices = ends.map(({ name }) => `${network.tag}${name}`);
  const program = process.env['WIREGUARD_GO'] || 'wireguard-go';
  for (const [i, { name, outer, inner }] of ends.entries()) {
    const socket = `/var/run/wireguard/${devices[i]}.sock`;
    const other = ends[1 - i];
    network.onClose(() => rmSync(socket, { force: true }));
    const started = network.start(name, [program, '-f', devices[i]], { LOG_LEVEL: 'silent' });
    await until(
      () => `wireguard-go opens its socket: ${started.output}`,
      () => existsSync(socket),
    );
    const peer = `peer ${keys[1 - i].publicKey} allowed-ips ${other.inner}/32 endpoint ${other.outer}:${PORT}`;
    const words = `set ${devices[i]} listen-port ${PORT} private-key ${keys[i].file} ${peer}`;
    execFileSync('wg', words.split(' '));
    network.run(
      name,
      `ip addr add ${outer}/24 dev v0; ip addr add ${inner}/24 dev ${devices[i]}; ip link set ${devices[i]} up`,
    );
  }
  return devices;
}
