/**
 * Reading a configuration while packets flow, or while the daemon is still being loaded: parsing and validating thousands
 * of routes takes long, so a thread of its own does it, and what it found comes back as a copy. The parser, the schemas
 * and their garbage go with that thread.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ConfigurationResult } from './configuration.js';

/** `readConfiguration` on another thread. Rejects only where that thread fails. */
export async function readConfigurationAside(nodeFile: string): Promise<ConfigurationResult> {
  const reader = new Worker(new URL('./read-worker.js', import.meta.url), { workerData: nodeFile });
  const [result] = (await once(reader, 'message')) as [ConfigurationResult];
  return result;
}
