/**
 * Where a lab keeps things: one directory for every file and one prefix for every namespace, so that nothing of the
 * lab can be taken for something else and teardown is complete by construction. A second lab can stand beside the
 * first under an instance name (environment variable TWINSPAN_LAB); tests use that.
 */
import { TwinspanError } from '../../core/base/errors.js';
import type { Ec2Spec } from './programs/ec2.js';

export interface Layout {
  /** Every file the lab makes lies below it. */
  readonly dir: string;
  /** Every namespace the lab makes starts with it. */
  readonly prefix: string;
  /** The Twinspan command as words. */
  readonly twinspan: readonly string[];
  /** The command that runs one of src/app/lab/programs, to be followed by its name. */
  readonly program: (name: string) => readonly string[];
  /** The command that serves an EC2 API; undefined where this machine has none. */
  readonly ec2: (spec: Ec2Spec) => readonly string[] | undefined;
}

/** The layout of an instance; '' is the default one. Throws TS_LAB for a name that cannot be part of file names. */
export function layoutFor(
  instance: string,
  twinspan: readonly string[],
  program: Layout['program'],
  ec2: Layout['ec2'],
): Layout {
  if (!/^[a-z0-9]{0,12}$/.test(instance)) {
    throw new TwinspanError(
      'TS_LAB',
      `The lab instance name '${instance}' is not usable.`,
      'Set TWINSPAN_LAB to at most 12 lower-case letters and digits, or leave it unset.',
    );
  }
  return {
    dir: instance === '' ? '/var/lib/twinspan-lab' : `/var/lib/twinspan-lab-${instance}`,
    prefix: instance === '' ? 'twl-' : `twl-${instance}-`,
    twinspan,
    program,
    ec2,
  };
}

/** The namespace that plays `host` (a host or a switch). */
export function namespaceOf(layout: Layout, host: string): string {
  return `${layout.prefix}${host}`;
}

/** A file or directory of one host. */
export function hostPath(layout: Layout, host: string, ...rest: string[]): string {
  return [layout.dir, 'hosts', host, ...rest].join('/');
}

/** The words that run a command as `host`: in its namespaces, under its name, with its files over /etc. */
export function enter(layout: Layout, host: string, argv: readonly string[]): string[] {
  return [
    ...['ip', 'netns', 'exec', namespaceOf(layout, host)],
    ...['unshare', '--uts', '--', 'sh', `${layout.dir}/enter`, host],
    ...argv,
  ];
}
