/**
 * The operator's programs, run when this node's role has changed. They come last and never delay a takeover: nobody
 * waits for them. One runs at a time, in order of the role changes; while one runs only the newest change waits, since a
 * program that learns of an older one would act on the past. A program that takes too long is killed, with its group.
 * What it prints becomes events, line by line, bounded.
 *
 * The environment says what happened: TWINSPAN_EVENT (on-active, on-standby), TWINSPAN_NETWORK, TWINSPAN_CLUSTER,
 * TWINSPAN_NODE, TWINSPAN_ROLE (active, standby), TWINSPAN_EPOCH (N.MEMBER), TWINSPAN_REASON.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { HooksConfiguration } from '../../core/config/configuration.js';

/** Most that is told of one run. */
export const LINES_MAX = 100;
const LINE_CHARACTERS_MAX = 1_000;
const CLOSE_MS_MAX = 2_000;

export interface RoleChange {
  readonly network: string;
  readonly cluster: string;
  readonly node: string;
  readonly role: 'active' | 'standby';
  readonly epoch: { readonly n: number; readonly member: number };
  readonly reason: string;
}

export type HookEvent =
  | {
      readonly event: 'hook-output';
      readonly hook: string;
      readonly stream: 'out' | 'err';
      readonly line: string;
    }
  | {
      readonly event: 'hook-ended';
      readonly hook: string;
      /** Undefined where it was killed or could not be started. */
      readonly status: number | undefined;
      readonly tookMs: number;
      readonly problem?: string;
    };

export class HookRunner {
  #hooks: HooksConfiguration;
  readonly #onEvent: (event: HookEvent) => void;
  readonly #onStarted: (pid: number) => void;
  #running: ChildProcess | undefined;
  #next: RoleChange | undefined;
  #closed = false;
  /** Called when nothing runs and nothing waits. */
  #onIdle: () => void = () => {};

  /** `onStarted`: told at once of the process of each program. */
  constructor(
    hooks: HooksConfiguration,
    onEvent: (event: HookEvent) => void,
    onStarted: (pid: number) => void = () => {},
  ) {
    this.#hooks = hooks;
    this.#onEvent = onEvent;
    this.#onStarted = onStarted;
  }

  /** Takes changed paths or a changed time into use, from the next run on. */
  configure(hooks: HooksConfiguration): void {
    this.#hooks = hooks;
  }

  /** Runs the program for `change`, after the one that runs now. Returns at once and never throws. */
  run(change: RoleChange): void {
    if (this.#closed) return;
    this.#next = change;
    if (this.#running === undefined) this.#start();
  }

  /** Takes no further change. What runs or waits, such as the last on-standby, has `graceMs` left, and is killed then. */
  async close(graceMs = CLOSE_MS_MAX): Promise<void> {
    this.#closed = true;
    if (this.#running === undefined) return;
    const kill = setTimeout(() => {
      this.#next = undefined;
      if (this.#running !== undefined) killGroup(this.#running);
    }, graceMs);
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    clearTimeout(kill);
  }

  #start(): void {
    const change = this.#next;
    this.#next = undefined;
    const hook = change?.role === 'active' ? 'on-active' : 'on-standby';
    const program = change?.role === 'active' ? this.#hooks.onActive : this.#hooks.onStandby;
    if (change === undefined || program === undefined) {
      this.#onIdle();
      return;
    }
    const startedAtMs = performance.now();
    let problem: string | undefined;
    let ended = false;
    const end = (status: number | undefined): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      this.#running = undefined;
      const tookMs = Math.round(performance.now() - startedAtMs);
      this.#onEvent({ event: 'hook-ended', hook, status, tookMs, ...(problem !== undefined && { problem }) });
      this.#start();
    };
    const child = spawn(program, [], {
      env: { ...process.env, ...environment(hook, change) },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#running = child;
    if (child.pid !== undefined) this.#onStarted(child.pid);
    const timer = setTimeout(() => {
      problem = `killed after ${this.#hooks.timeoutMs} ms`;
      killGroup(child);
    }, this.#hooks.timeoutMs);
    child.on('error', (error) => {
      problem = error.message;
      end(undefined);
    });
    // 'exit', not 'close': a daemon that the program left behind may keep its output open for ever.
    child.on('exit', (code) => setImmediate(() => end(code ?? undefined)));
    this.#tell(child, hook);
  }

  #tell(child: ChildProcess, hook: string): void {
    let left = LINES_MAX;
    for (const [stream, source] of [
      ['out', child.stdout],
      ['err', child.stderr],
    ] as const) {
      let rest = '';
      const say = (line: string): void => {
        if (line === '' || left-- <= 0) return;
        this.#onEvent({ event: 'hook-output', hook, stream, line: line.slice(0, LINE_CHARACTERS_MAX) });
      };
      source?.setEncoding('utf8');
      source?.on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = (lines.pop() ?? '').slice(0, LINE_CHARACTERS_MAX);
        for (const line of lines) say(line);
      });
      source?.on('end', () => say(rest));
      source?.on('error', () => {});
    }
  }
}

function environment(hook: string, change: RoleChange): Record<string, string> {
  return {
    TWINSPAN_EVENT: hook,
    TWINSPAN_NETWORK: change.network,
    TWINSPAN_CLUSTER: change.cluster,
    TWINSPAN_NODE: change.node,
    TWINSPAN_ROLE: change.role,
    TWINSPAN_EPOCH: `${change.epoch.n}.${change.epoch.member}`,
    TWINSPAN_REASON: change.reason,
  };
}

/** The program and whatever it started; it may be gone already. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
