/** What all plans of real programs share. */
import { enter, type Layout } from '../layout.js';
import { addressOf, type Host } from '../scenario.js';
import type { AwaitStep, ProcessSpec, Step } from './step.js';

export const READY_MS = 30_000;

/** What it takes to bring one program up; `prepare` runs once, the rest at every start. */
export interface ProgramPlan {
  readonly prepare: readonly Step[];
  readonly process: ProcessSpec;
  readonly ready: AwaitStep;
}

/** Where a process's output goes. */
export function logFile(layout: Layout, process: string): string {
  return `${layout.dir}/log/${process}.log`;
}

/** Waits until process `name` on `host` accepts connections. */
export function readyTcp(layout: Layout, host: Host, name: string, port: number): AwaitStep {
  return {
    do: 'await',
    what: `${name} to accept connections on port ${port}`,
    argv: enter(layout, host.name, connectArgv(addressOf(host), port)),
    timeoutMs: READY_MS,
    process: name,
  };
}

/** A command that succeeds when a TCP connection can be made within two seconds. */
export function connectArgv(address: string, port: number): string[] {
  return ['timeout', '2', 'bash', '-c', `</dev/tcp/${address}/${port}`];
}
