/** Names of a namespace's own: a name server inside it (dns_child.ts), and a resolv.conf that asks no other. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Network, type Program, until } from './namespaces.js';

const CHILD = fileURLToPath(new URL('./dns_child.js', import.meta.url));

export class Names {
  readonly #network: Network;
  readonly #namespace: string;
  readonly #file: string;

  /** Programs that are started in `namespace` from now on ask a server there, which does not run yet. */
  constructor(network: Network, namespace: string) {
    this.#network = network;
    this.#namespace = namespace;
    this.#file = `${network.folder}/names-${namespace}.json`;
    // What `ip netns exec` puts in place of /etc/resolv.conf.
    const folder = `/etc/netns/${network.namespace(namespace)}`;
    mkdirSync(folder, { recursive: true });
    network.onClose(() => rmSync(folder, { recursive: true }));
    writeFileSync(`${folder}/resolv.conf`, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
    this.set({});
  }

  async serve(): Promise<Program> {
    const server = this.#network.start(this.#namespace, [process.execPath, CHILD, this.#file]);
    await until('the name server', () => server.output.includes('ready'));
    return server;
  }

  /** What the names are from now on. */
  set(names: Readonly<Record<string, readonly string[]>>): void {
    writeFileSync(this.#file, JSON.stringify(names));
  }
}
