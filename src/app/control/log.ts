/** The daemon's log: JSON lines on standard output, by pino. Control plane only; the packet path counts instead. */
import { pino } from 'pino';

export type Logger = pino.Logger;

/** A logger whose lines name the node. */
export function createLogger(level: string, node: string): Logger {
  return pino(
    { level, base: { node }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 1, sync: true }),
  );
}
