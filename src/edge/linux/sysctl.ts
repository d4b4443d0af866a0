/**
 * Sysctls by their files: some twenty reads and writes at start, for which twenty processes would be too dear. The
 * files under /proc/sys/net show the network namespace of the calling process.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export interface SysctlStore {
  /** The value, white space trimmed and folded; undefined where the kernel has no such key. */
  read(key: string): string | undefined;
  /** Sets it; the answer is undefined, or an error text that starts with the errno name. */
  write(key: string, value: string): string | undefined;
}

export const procSysctl: SysctlStore = {
  read(key) {
    try {
      return readFileSync(`/proc/sys/${key}`, 'latin1').replace(/\s+/g, ' ').trim();
    } catch {
      return undefined;
    }
  },
  write(key, value) {
    try {
      // Not created where it is missing: the kernel has no such key then.
      writeFileSync(`/proc/sys/${key}`, value, { flag: 'r+' });
      return undefined;
    } catch (error) {
      return `${(error as NodeJS.ErrnoException).code}: /proc/sys/${key} cannot be written`;
    }
  },
};

/** A store over a map, for tests; keys that it does not hold do not exist. */
export function fakeSysctl(values: Map<string, string>): SysctlStore {
  return {
    read: (key) => values.get(key),
    write(key, value) {
      if (!values.has(key)) return `ENOENT: /proc/sys/${key} cannot be written`;
      values.set(key, value);
      return undefined;
    },
  };
}
