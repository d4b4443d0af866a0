/**
 * Listening on a Unix socket path that must be ours: a socket file left by a dead process is replaced, one that a live
 * process answers on is not touched. The mode is set before the first connection can be made: the socket is bound
 * under a umask that lets nobody in.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
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
  mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o755 });
  await removeStale(socketPath);
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } finally {
    process.umask(umask);
  }
  if (access.gid !== undefined) chownSync(socketPath, 0, access.gid);
  chmodSync(socketPath, access.mode);
}

async function removeStale(socketPath: string): Promise<void> {
  const stat = lstatSync(socketPath, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new TwinspanError('TS_DAEMON_RUNNING', `${socketPath} exists and is not a socket.`, 'Remove it.');
  }
  if (await answers(socketPath)) {
    const message = `Another process already serves ${socketPath}.`;
    throw new TwinspanError('TS_DAEMON_RUNNING', message, 'Stop it first: one daemon for each node.');
  }
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
