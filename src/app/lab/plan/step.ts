/**
 * Steps: the whole vocabulary of the lab. A plan is a list of stages; the lanes of a stage run side by side, the
 * steps of a lane in order. Every step prints as the plain command it stands for, which is what the golden tests
 * compare and what `plan` shows.
 */
export type Step = IpStep | RunStep | DirectoryStep | WriteStep | StartStep | StopStep | AwaitStep;

/** One `ip` command; neighbours in a lane with the same namespace are run as one batch. */
export interface IpStep {
  readonly do: 'ip';
  readonly namespace: string | undefined;
  readonly args: string;
}

/** A command on the machine itself; a refusal ends the plan. */
export interface RunStep {
  readonly do: 'run';
  readonly argv: readonly string[];
  readonly timeoutMs?: number;
}

export interface DirectoryStep {
  readonly do: 'directory';
  readonly path: string;
  /** "user:group", root where absent. */
  readonly owner?: string;
}

/** A text file; `{{PATH}}` in the text stands for the content of that file at the time of writing. */
export interface WriteStep {
  readonly do: 'write';
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** A long-running process of the lab. Output goes to `log`. */
export interface ProcessSpec {
  readonly name: string;
  readonly host: string;
  readonly argv: readonly string[];
  readonly log: string;
}

export interface StartStep {
  readonly do: 'start';
  readonly process: ProcessSpec;
}

/** A signal to a recorded process. With `gone` the step ends when the process has. */
export interface StopStep {
  readonly do: 'stop';
  readonly process: string;
  readonly signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT';
  readonly gone: boolean;
}

/** Repeats a command until it succeeds; ends early when `process` dies. */
export interface AwaitStep {
  readonly do: 'await';
  readonly what: string;
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  readonly process?: string;
}

export interface Stage {
  readonly title: string;
  readonly lanes: readonly (readonly Step[])[];
}

/** An argument as a shell would want it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A step as one line of text (a file as its path, mode and indented content). */
export function formatStep(step: Step): string {
  switch (step.do) {
    case 'ip':
      return step.namespace === undefined ? `ip ${step.args}` : `ip -n ${step.namespace} ${step.args}`;
    case 'run':
      return step.argv.map(quote).join(' ');
    case 'directory':
      return `mkdir -p ${step.path}${step.owner === undefined ? '' : ` && chown ${step.owner} ${step.path}`}`;
    case 'write':
      return `write ${step.path} (${step.mode.toString(8)})\n${step.text.trimEnd().replace(/^/gm, '    | ')}`;
    case 'start':
      return `start ${step.process.name}: ${step.process.argv.map(quote).join(' ')}`;
    case 'stop':
      return `${step.signal} ${step.process}${step.gone ? ' and wait until it is gone' : ''}`;
    case 'await':
      return `await ${step.what} (${step.timeoutMs / 1000} s): ${step.argv.map(quote).join(' ')}`;
  }
}

/** A plan as text. */
export function formatPlan(stages: readonly Stage[]): string {
  return stages
    .map(
      (stage) =>
        `# ${stage.title}\n${stage.lanes.map((lane) => lane.map(formatStep).join('\n')).join('\n\n')}\n`,
    )
    .join('\n');
}
