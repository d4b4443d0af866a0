/**
 * A number that must survive a crash before it is used: the highest epoch a member has claimed. A damaged or
 * missing file reads as 0.
 */
import { readFileSync } from 'node:fs';
import { writeDurably } from './durable.js';

/** The number in `fileName`, 0 where there is none. */
export function readCounter(fileName: string): number {
  try {
    const value = Number(readFileSync(fileName, 'utf8').trim());
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  } catch {
    return 0;
  }
}

/** Stores `value` durably. Throws what the file system throws. */
export function writeCounter(fileName: string, value: number): void {
  writeDurably(fileName, `${value}\n`);
}
