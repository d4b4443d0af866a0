/**
 * The control socket: requests and answers as JSON, one a line, over a Unix socket.
 *
 *   → {"id": 1, "method": "status", "params": {}}
 *   ← {"id": 1, "result": …}   or   {"id": 1, "error": {"code", "message", "hint"}}
 *
 * Who may connect is the file's mode (root, and the group `twinspan` where it exists). What they send is still bounded
 * and distrusted: a line that is not a request gets an error answer, a line that is too long ends the connection.
 */
import { readFileSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { TwinspanError } from '../../core/base/errors.js';
import { LineSplitter } from './lines.js';
import { listenOn } from './listen.js';

export const LINE_BYTES_MAX = 65_536;
export const CONNECTIONS_MAX = 16;
export const IDLE_MS_MAX = 60_000;
/** Requests of one connection that may wait for their answers; more end the connection. */
export const PENDING_MAX = 32;

export type ControlHandler = (method: string, params: unknown) => Promise<unknown>;

export interface ControlServer {
  /** Stops listening, ends all connections and removes the socket file. */
  close(): Promise<void>;
}

export interface ControlError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Serves `handler` on `socketPath`. Throws TS_DAEMON_RUNNING where another daemon answers there. */
export async function openControlServer(
  socketPath: string,
  handler: ControlHandler,
  idleMsMax = IDLE_MS_MAX,
): Promise<ControlServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, handler, idleMsMax);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listenOn(server, socketPath, { mode: 0o660, gid: groupId('twinspan') });
  return { close: () => closeServer(server, sockets, socketPath) };
}

function serve(socket: Socket, handler: ControlHandler, idleMsMax: number): void {
  const splitter = new LineSplitter(LINE_BYTES_MAX);
  let pending = 0;
  socket.setTimeout(idleMsMax, () => {
    if (pending === 0) socket.destroy();
  });
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const lines = splitter.push(chunk);
    if (lines === undefined || pending + lines.length > PENDING_MAX) {
      const message =
        lines === undefined ? `A request is at most ${LINE_BYTES_MAX} bytes.` : 'Too many requests.';
      socket.end(encodeAnswer(null, { error: { code: 'TS_REQUEST_INVALID', message } }));
      socket.removeAllListeners('data').resume();
      return;
    }
    for (const line of lines) {
      pending++;
      void answer(line, handler).then((text) => {
        pending--;
        if (socket.writable) socket.write(text);
      });
    }
  });
}

async function answer(line: string, handler: ControlHandler): Promise<string> {
  const request = parseRequest(line);
  if (request === undefined) {
    const message = 'A request is a JSON object with id, method and params.';
    return encodeAnswer(null, { error: { code: 'TS_REQUEST_INVALID', message } });
  }
  try {
    return encodeAnswer(request.id, { result: (await handler(request.method, request.params)) ?? null });
  } catch (error) {
    return encodeAnswer(request.id, { error: describe(error) });
  }
}

interface Request {
  readonly id: string | number | null;
  readonly method: string;
  readonly params: unknown;
}

function parseRequest(line: string): Request | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, method, params } = value as Record<string, unknown>;
  if (typeof method !== 'string') return undefined;
  if (params !== undefined && (typeof params !== 'object' || params === null)) return undefined;
  return { id: typeof id === 'string' || typeof id === 'number' ? id : null, method, params: params ?? {} };
}

function encodeAnswer(
  id: string | number | null,
  body: { result: unknown } | { error: ControlError },
): string {
  return `${JSON.stringify({ id, ...body })}\n`;
}

function describe(error: unknown): ControlError {
  if (error instanceof TwinspanError) return { code: error.code, message: error.message, hint: error.hint };
  return {
    code: 'TS_INTERNAL',
    message: `The daemon failed: ${error instanceof Error ? error.message : error}`,
  };
}

/** Id of a group by name, from /etc/group; undefined where there is none. */
function groupId(name: string): number | undefined {
  try {
    const line = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}:`));
    return line === undefined ? undefined : Number(line.split(':')[2]);
  } catch {
    return undefined;
  }
}

/** Closes a server, its connections and its socket file. */
export async function closeServer(server: Server, sockets: Set<Socket>, socketPath: string): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of sockets) socket.destroy();
  await closed;
  try {
    unlinkSync(socketPath);
  } catch {
    // Somebody else has removed it already.
  }
}
