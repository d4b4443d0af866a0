/** A TCP proxy that can lose replies and cut connections in the middle of a command. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { HOST } from './server.js';

/**
 * pass; lose replies (the server still executes); cut at the next request, of which the server gets half; cut at the next
 * reply, of which the client gets nothing.
 */
export type ProxyMode = 'pass' | 'lose-reply' | 'cut-request' | 'cut-reply';

export class FaultyProxy {
  mode: ProxyMode = 'pass';
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    const address = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#server = server;
  }

  static async start(targetPort: number): Promise<FaultyProxy> {
    const server = createServer();
    server.listen(0, HOST);
    await once(server, 'listening');
    const proxy = new FaultyProxy(server);
    server.on('connection', (client) => proxy.#join(client, targetPort));
    return proxy;
  }

  #join(client: Socket, targetPort: number): void {
    const target = connect(targetPort, HOST);
    const cut = (): void => {
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        cut();
      });
    }
    client.on('data', (chunk) => {
      if (this.mode !== 'cut-request') target.write(chunk);
      else target.write(chunk.subarray(0, chunk.length >> 1), cut);
    });
    target.on('data', (chunk) => {
      if (this.mode === 'cut-reply') cut();
      else if (this.mode !== 'lose-reply') client.write(chunk);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
