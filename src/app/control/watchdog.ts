/**
 * Signs of life to the service manager (sd_watchdog_enabled(3)). They come from the control thread and only while the
 * data plane breathes, so a node of which either half hangs is killed and started again.
 */
export interface Watched {
  /** Whether the data plane works; asked often. */
  works(): boolean;
  /** Tells the service manager something. */
  notify(text: string): unknown;
}

/** A sign may come late by as much again, twice. */
const SIGNS_PER_INTERVAL = 3;

/** How often the service manager of process `pid` wants a sign, ms; undefined where it wants none. */
export function watchdogMs(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { WATCHDOG_USEC: interval, WATCHDOG_PID: meant } = env;
  const intervalMs = Number(interval) / 1000;
  if (!(intervalMs > 0) || (meant !== undefined && meant !== String(pid))) return undefined;
  return intervalMs;
}

/** Gives signs for as long as `watched` works; returns what ends them. */
export function startWatchdog(watched: Watched, env: NodeJS.ProcessEnv, pid: number): () => void {
  const intervalMs = watchdogMs(env, pid);
  if (intervalMs === undefined) return () => {};
  const sign = (): void => {
    if (watched.works()) watched.notify('WATCHDOG=1');
  };
  sign();
  const timer = setInterval(sign, intervalMs / SIGNS_PER_INTERVAL).unref();
  return () => clearInterval(timer);
}
