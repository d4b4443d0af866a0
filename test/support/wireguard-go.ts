/**
 * wireguard-go as the other end, in the network namespace this process is in: started, configured by `wg`, given an
 * address on its TUN, and stopped. Its kernel side answers pings, which is how a test sees that data flows.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Inner addresses: wireguard-go's TUN, and ours. */
export const THEIR_ADDRESS = [10, 9, 0, 1] as const;
export const OUR_ADDRESS = [10, 9, 0, 2] as const;

export interface TheirOptions {
  readonly privateKey: string;
  readonly ourPublicKey: string;
  readonly presharedKey: string | undefined;
  readonly listenPort: number;
  /** Where they find us; undefined = they wait to be called. */
  readonly ourPort: number | undefined;
  readonly keepaliveSeconds: number;
}

const DEVICE = `tsw${process.pid}`;
const SOCKET = `/var/run/wireguard/${DEVICE}.sock`;
const START_MS_MAX = 5_000;

/** The program: $WIREGUARD_GO, or the one in PATH. */
export const wireguardGo = process.env['WIREGUARD_GO'] ?? 'wireguard-go';

export class TheirEnd {
  readonly #folder = mkdtempSync(join(tmpdir(), 'twinspan-wireguard-'));
  #process: ChildProcess | undefined;

  /** Starts it; after stop() it may be started again, having forgotten all. */
  async start(options: TheirOptions): Promise<void> {
    this.#process = spawn(wireguardGo, ['-f', DEVICE], {
      stdio: 'ignore',
      env: { ...process.env, LOG_LEVEL: 'silent' },
    });
    const until = Date.now() + START_MS_MAX;
    while (!existsSync(SOCKET)) {
      if (Date.now() > until || this.#process.exitCode !== null)
        throw new Error('wireguard-go does not start');
      await sleep(20);
    }
    const keyFile = this.#write('private', options.privateKey);
    const peer = ['peer', options.ourPublicKey, 'allowed-ips', `${OUR_ADDRESS.join('.')}/32`];
    if (options.presharedKey !== undefined)
      peer.push('preshared-key', this.#write('psk', options.presharedKey));
    if (options.ourPort !== undefined) peer.push('endpoint', `127.0.0.1:${options.ourPort}`);
    if (options.keepaliveSeconds > 0) peer.push('persistent-keepalive', `${options.keepaliveSeconds}`);
    run('ip', 'link', 'set', 'lo', 'up');
    run('wg', 'set', DEVICE, 'listen-port', `${options.listenPort}`, 'private-key', keyFile, ...peer);
    run('ip', 'address', 'add', `${THEIR_ADDRESS.join('.')}/24`, 'dev', DEVICE);
    run('ip', 'link', 'set', DEVICE, 'up');
  }

  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined || process.exitCode !== null) return;
    const exit = once(process, 'exit');
    process.kill('SIGTERM');
    await exit;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /** One line of `wg show DEVICE WHAT`, the peer's part. */
  show(what: string): string {
    return run('wg', 'show', DEVICE, what).trim().split('\t').at(-1) ?? '';
  }

  /** Starts one ping from their side to ours; resolves to whether it was answered. */
  async ping(seconds: number): Promise<boolean> {
    const ping = spawn('ping', ['-n', '-c', '1', '-W', `${seconds}`, OUR_ADDRESS.join('.')], {
      stdio: 'ignore',
    });
    const [code] = await once(ping, 'exit');
    return code === 0;
  }

  #write(name: string, text: string): string {
    const file = join(this.#folder, name);
    writeFileSync(file, `${text}\n`, { mode: 0o600 });
    return file;
  }
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
