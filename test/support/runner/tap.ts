/**
 * Reads ava's TAP as it comes, line by line. Only what ava writes is understood: top-level results, one YAML block
 * after a failure, comments, and the plan at the end. Root tests that did nothing announce themselves with a
 * `# SKIP` line of their own (support/privileged.ts); their `ok` is taken back from the passed.
 */
export interface Outcome {
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped';
}

export class TapReader {
  passed = 0;
  failed = 0;
  skipped = 0;
  readonly #onOutcome: (outcome: Outcome) => void;
  readonly #onDetail: (line: string) => void;
  #inFailure = false;

  /** `onOutcome` is called for each test, `onDetail` for each line of a failure's explanation. */
  constructor(onOutcome: (outcome: Outcome) => void, onDetail: (line: string) => void) {
    this.#onOutcome = onOutcome;
    this.#onDetail = onDetail;
  }

  /** One line of the TAP stream, without its end. */
  handleLine(line: string): void {
    const result = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TO\wO).*)?$/.exec(line);
    if (result === null) {
      if (this.#inFailure && line.startsWith(' ')) this.#onDetail(line);
      return;
    }
    const [, not, title, directive] = result;
    const state = directive !== undefined ? 'skipped' : not === undefined ? 'passed' : 'failed';
    this[state]++;
    this.#inFailure = state === 'failed';
    this.#onOutcome({ title, state });
  }

  /** One line of what tests print. Returns whether it was a skip announcement. */
  handleOutput(line: string): boolean {
    if (!line.startsWith('# SKIP ')) return false;
    this.passed--;
    this.skipped++;
    return true;
  }
}
