/**
 * Listening on a Unix socket path that must be ours: a socket file left by a dead process is replaced, one that a live
 * process answers on is not touched. Nobody can connect before the mode is set, and of two that start at once one
 * loses: the socket is bound in a private directory and then linked to its name, which fails where the name is taken.
 */
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { connect, type Server } from 'node:net';
import path from 'node:path';
import { TwinspanError } from '../../core/base/errors.js';

export interface SocketAccess {
  readonly mode: number;
  /** Group that may connect, where it exists. */
  readonly gid?: number;
}

/** Binds `server` to `socketPath`. Throws TS_DAEMON_RUNNING where somebody answers there, TS_DEVICE on other errors. */
export async function listenOn(server: Server, socketPath: string, access: SocketAccess): Promise<void> {
  let staging: string | undefined;
  try {
    mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o755 });
    await removeStale(socketPath);
    // Not by path.join, which would take the dot away and make it a neighbour of the directory.
    staging = mkdtempSync(`${path.dirname(socketPath)}/.`);
    const bound = path.join(staging, 's');
    await listening(server, bound);
    if (access.gid !== undefined) chownSync(bound, 0, access.gid);
    chmodSync(bound, access.mode);
    linkSync(bound, socketPath);
  } catch (error) {
    server.close();
    if (error instanceof TwinspanError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (code === 'EEXIST') throw taken(socketPath);
    throw new TwinspanError(
      'TS_DEVICE',
      `The socket ${socketPath} cannot be opened (${code}).`,
      undefined,
      error,
    );
  } finally {
    if (staging !== undefined) rmSync(staging, { recursive: true, force: true });
  }
}

function listening(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function taken(socketPath: string): TwinspanError {
  const message = `Another process already serves ${socketPath}.`;
  return new TwinspanError('TS_DAEMON_RUNNING', message, 'Stop it first: one daemon for each node.');
}

async function removeStale(socketPath: string): Promise<void> {
  const stat = lstatSync(socketPath, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new TwinspanError('TS_DAEMON_RUNNING', `${socketPath} exists and is not a socket.`, 'Remove it.');
  }
  if (await answers(socketPath)) throw taken(socketPath);
  unlinkSync(socketPath);
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // ECONNREFUSED is the sign of a dead owner; anything else (EAGAIN of a full backlog) is taken for life.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}
