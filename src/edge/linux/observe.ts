/**
 * Reads from the host what a desired state is compared with: what is ours, and what that state names. The readers run
 * side by side, four short processes in all, since this stands in the way of the first forwarded packet.
 */
import { TwinspanError } from '../../core/base/errors.js';
import type { Family } from '../../core/base/prefix.js';
import {
  addressKey,
  type DesiredHost,
  type HostAddress,
  type HostLink,
  type HostRoute,
  type HostRule,
  type HostState,
  type HostSysctl,
  NFT_TABLE,
  nftNormal,
  OWN_PROTOCOL,
} from '../../core/plan/host.js';
import { commandError } from './command_error.js';
import { parseAddresses, parseArrays, parseLinks, parseRoutes, parseRules } from './parse.js';
import { type CommandRunner, processRunner } from './runner.js';
import { procSysctl, type SysctlStore } from './sysctl.js';

/** The ways to the host. One object lives as long as its daemon. */
export interface Host {
  readonly runner: CommandRunner;
  readonly sysctl: SysctlStore;
  /** How nft prints the table it was last given: it never prints quite what was written. */
  nftPrinted: { readonly wanted: string; readonly printed: string } | undefined;
  /** Our table was not there when last looked for. Nobody else makes one. */
  nftAbsent?: boolean;
}

/** The machine (the network namespace) this process runs in. */
export function realHost(): Host {
  return { runner: processRunner, sysctl: procSysctl, nftPrinted: undefined };
}

/** Whether this kernel (this namespace) has IPv6. */
export function hasIpv6(host: Host): boolean {
  return host.sysctl.read('net/ipv6/conf/all/forwarding') !== undefined;
}

/** What desiredHost wants to know of the machine first. */
export function hostFacts(host: Host): { rpFilterAll: number; ipv6: boolean } {
  return { rpFilterAll: Number(host.sysctl.read('net/ipv4/conf/all/rp_filter') ?? 0), ipv6: hasIpv6(host) };
}

/** What is ours or named in `desired`, and what could not be read. */
export async function observeHost(
  desired: DesiredHost,
  host: Host,
): Promise<{ state: HostState; problems: TwinspanError[] }> {
  const problems: TwinspanError[] = [];
  const [devices, ipv4, ipv6, nft] = await Promise.all([
    readDevices(desired, host, problems),
    readRouting(4, host, problems),
    hasIpv6(host) ? readRouting(6, host, problems) : { routes: [], rules: [] },
    readNft(desired, host, problems),
  ]);
  const state = {
    ...devices,
    routes: [...ipv4.routes, ...ipv6.routes],
    rules: [...ipv4.rules, ...ipv6.rules],
    sysctls: readSysctls(desired, host),
    nft,
  };
  return { state, problems };
}

async function readDevices(
  desired: DesiredHost,
  host: Host,
  problems: TwinspanError[],
): Promise<{ links: HostLink[]; addresses: HostAddress[] }> {
  const argv = ['ip', '-N', '-j', 'addr', 'show'];
  const [entries] = await readArrays(argv, 1, host, problems);
  const wanted = new Set(desired.links.map((link) => link.device));
  const named = new Set(desired.addresses.map(addressKey));
  const own = new Set(desired.ownAddresses);
  return {
    links: parseLinks(entries).filter((link) => wanted.has(link.device)),
    addresses: parseAddresses(entries)
      .filter((seen) => named.has(addressKey(seen)) || own.has(seen.address))
      .map(({ family: _family, global: _global, secondary: _secondary, ...address }) => address),
  };
}

async function readRouting(
  family: Family,
  host: Host,
  problems: TwinspanError[],
): Promise<{ routes: HostRoute[]; rules: HostRule[] }> {
  const argv = ['ip', `-${family}`, '-N', '-j', '-d', '-batch', '-'];
  const input = `route show table all proto ${OWN_PROTOCOL}\nrule show\n`;
  const [routes, rules] = await readArrays(argv, 2, host, problems, input);
  return { routes: parseRoutes(routes, family), rules: parseRules(rules, family) };
}

/** Runs `argv` and gives exactly `count` arrays; empty ones, and a problem, if it does not answer so. */
async function readArrays(
  argv: readonly string[],
  count: number,
  host: Host,
  problems: TwinspanError[],
  input = '',
): Promise<Readonly<Record<string, unknown>>[][]> {
  const result = await host.runner.run(argv, { input });
  const arrays = result.status === 0 ? parseArrays(result.stdout) : undefined;
  if (arrays?.length === count) return arrays;
  if (result.status !== 0) problems.push(commandError(argv, result));
  else {
    const hint = 'Is this iproute2? Version 5.0 or newer is wanted: ip -V';
    const message = `The answer of \`${argv.join(' ')}\` is not the JSON that was asked for.`;
    problems.push(new TwinspanError('TS_HOST_COMMAND', message, hint));
  }
  return Array.from({ length: count }, () => []);
}

function readSysctls(desired: DesiredHost, host: Host): HostSysctl[] {
  const sysctls: HostSysctl[] = [];
  for (const { key } of desired.sysctls) {
    const value = host.sysctl.read(key);
    if (value !== undefined) sysctls.push({ key, value });
  }
  return sysctls;
}

/** Our table as nft prints it, or as it was wanted if that is what nft makes of it. */
async function readNft(
  desired: DesiredHost,
  host: Host,
  problems: TwinspanError[],
): Promise<string | undefined> {
  if (desired.nft === undefined && host.nftAbsent === true) return undefined;
  const argv = ['nft', '-s', 'list', 'table', 'inet', NFT_TABLE];
  const result = await host.runner.run(argv);
  host.nftAbsent = false;
  if (result.status === 0) {
    const memory = host.nftPrinted;
    return memory !== undefined && nftNormal(result.stdout) === memory.printed
      ? memory.wanted
      : result.stdout;
  }
  const absent = result.stderr.includes('No such file or directory');
  host.nftAbsent = absent;
  // Without nft there can be no table of ours, and where none is wanted there is nothing to complain of.
  if (desired.nft !== undefined && !absent) problems.push(commandError(argv, result));
  return undefined;
}
