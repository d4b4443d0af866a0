/**
 * Preloaded into a gateway (`node --expose-gc --import`): at SIGUSR2 it collects garbage and writes what memory its main thread
 * then has in use to the file of BENCH_MEMORY_FILE: objects of the heap, and buffers, shared tables with all their spare
 * room included. Resident memory is more: V8 keeps garbage, and room for it, as long as nobody else wants it.
 */
import { renameSync, writeFileSync } from 'node:fs';

/** Bytes. */
export interface LiveMemory {
  readonly heap: number;
  readonly buffers: number;
}

function write(file: string): void {
  for (let turn = 0; turn < 3; turn++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const live: LiveMemory = { heap: heapUsed, buffers: arrayBuffers };
  writeFileSync(`${file}.new`, JSON.stringify(live), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const file = process.env.BENCH_MEMORY_FILE;
if (file !== undefined) process.on('SIGUSR2', () => write(file));
