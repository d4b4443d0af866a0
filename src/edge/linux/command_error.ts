/**
 * A failed host command as a coded error: what was run, what it said, and what the operator can do about it.
 */
import { type ErrorCode, TwinspanError } from '../../core/base/errors.js';
import { type CommandResult, STATUS_NOT_FOUND } from './runner.js';

const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2', nft: 'nftables', sysctl: 'procps' };

interface Diagnosis {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly hint: string;
}

const DIAGNOSES: readonly Diagnosis[] = [
  {
    pattern: /Operation not permitted|Permission denied|^E(PERM|ACCES):/,
    code: 'TS_NOT_ROOT',
    hint: 'Run as root, or give the process CAP_NET_ADMIN.',
  },
  {
    pattern: /^EROFS:/,
    code: 'TS_HOST_COMMAND',
    hint: '/proc/sys is read-only here (a container?): set this value from outside.',
  },
  {
    pattern: /Cannot find device|^ENOENT: \S*\/conf\//,
    code: 'TS_DEVICE',
    hint: 'The device does not exist: see `ip link` and compare it with node.yaml.',
  },
  {
    pattern: /File exists/,
    code: 'TS_HOST_COMMAND',
    hint: 'Another program has made the same entry and it is left alone: see `ip route show table all`, `ip rule`.',
  },
  {
    pattern: /^ENOENT:/,
    code: 'TS_HOST_COMMAND',
    hint: 'This kernel has no such setting.',
  },
];

/** The error of a command that ended with a status other than 0. */
export function commandError(argv: readonly string[], result: Pick<CommandResult, 'status' | 'stderr'>) {
  const said = result.stderr.trim();
  if (result.status === STATUS_NOT_FOUND && said === 'command not found') {
    const program = argv[0] ?? '';
    const hint = `Install it: apt install ${PACKAGES[program] ?? program}`;
    return new TwinspanError('TS_HOST_COMMAND', `The command \`${program}\` is not installed.`, hint);
  }
  const diagnosis = DIAGNOSES.find(({ pattern }) => pattern.test(said));
  const message = `\`${argv.join(' ')}\` failed (status ${result.status}): ${said || 'it said nothing'}`;
  return new TwinspanError(diagnosis?.code ?? 'TS_HOST_COMMAND', message, diagnosis?.hint);
}
