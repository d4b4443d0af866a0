/**
 * Tests that need root: they run where there is root and a TUN device, and are otherwise skipped in plain sight.
 */
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';

/** Whether this process may make namespaces and devices: uid 0 and /dev/net/tun present. */
export const privileged: boolean = process.getuid?.() === 0 && existsSync('/dev/net/tun');

/** Registers a serial test whose `body` needs root; without it the test logs that it is skipped, and passes. */
export function rootTest(title: string, body: (t: ExecutionContext) => Promise<void> | void): void {
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
