/**
 * Tests that need root say so in one place: without root or without a TUN device they pass, but leave a visible line
 * that the runner counts, so that a skipped test never looks like a passed one.
 */
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';

/** Whether this process may make network namespaces and devices. */
export const privileged: boolean = process.getuid?.() === 0 && existsSync('/dev/net/tun');

/** Registers a serial test that runs only with privileges. */
export function rootTest(title: string, body: (t: ExecutionContext) => void | Promise<void>): void {
  test.serial(title, async (t) => {
    if (!privileged) {
      t.log('skipped: needs root');
      console.log(`# SKIP ${title} (needs root)`);
      t.pass();
      return;
    }
    await body(t);
  });
}
