/** A kernel that refuses offloads while a daemon runs, or steers datagrams wrongly: refusing_kernel.c, compiled and preloaded. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { OffloadName } from '../../src/core/config/configuration.js';

const SOURCE = fileURLToPath(new URL('../../../test/support/refusing_kernel.c', import.meta.url));
/** `steering`: a program that gives datagrams to their workers; `astray`: it is taken, but gives all to the first one. */
export type Refusal = OffloadName | 'steering' | 'astray';
const KINDS: readonly Refusal[] = ['udpGso', 'udpGro', 'tunTso', 'tunUso', 'tunCsum', 'steering', 'astray'];
const COUNTS_AT = 16;

export class RefusingKernel {
  readonly #file: string;
  readonly #library: string;

  /** One for one daemon; its files are in `folder`. It refuses nothing yet. */
  constructor(folder: string) {
    this.#file = `${folder}/refusals`;
    this.#library = `${folder}/refusing_kernel.so`;
    writeFileSync(this.#file, new Uint8Array(4096));
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', this.#library, SOURCE, '-ldl']);
  }

  /** The environment of the daemon. */
  get env(): Record<string, string> {
    return { LD_PRELOAD: this.#library, TEST_REFUSALS: this.#file };
  }

  /** Refuses something from now on. */
  refuse(name: Refusal): void {
    const fd = openSync(this.#file, 'r+');
    writeSync(fd, new Uint8Array([1]), 0, 1, KINDS.indexOf(name));
    closeSync(fd);
  }

  /** How often it was asked in vain. */
  refused(name: Refusal): number {
    const count = new Uint8Array(4);
    const fd = openSync(this.#file, 'r');
    readSync(fd, count, 0, 4, COUNTS_AT + 4 * KINDS.indexOf(name));
    closeSync(fd);
    return new DataView(count.buffer).getUint32(0, true);
  }
}
