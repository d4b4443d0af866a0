/**
 * Tests that need root and /dev/net/tun. Without them such a test still appears, says why it did nothing, and is
 * counted as skipped by the runner (support/runner), never as passed.
 */
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';

/** Whether this process may open TUN devices and network namespaces. */
export const privileged: boolean = process.getuid?.() === 0 && existsSync('/dev/net/tun');

/** Registers a serial test that runs `body` where privileged, and a visible skip elsewhere. */
export function rootTest(title: string, body: (t: ExecutionContext) => unknown): void {
  test.serial(title, async (t) => {
    if (privileged) {
      await body(t);
      return;
    }
    t.log('skipped: needs root');
    console.log(`# SKIP ${title} (needs root)`);
    t.pass();
  });
}
