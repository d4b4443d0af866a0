/**
 * The line: four namespaces, two hosts with a node each, and one wire between the nodes.
 *
 *    ha ── na ════ WAN ════ nb ── hb
 *
 *    ha 172.16.10.15 · na 172.16.10.1, 198.51.100.1 · nb 198.51.100.2, 192.168.10.1 · hb 192.168.10.15
 *
 * Each lane of a run has its own line under its own prefix, which holds our process id: a later run can tell what a
 * killed one has left behind, and nothing else is ever touched.
 */
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, endProcess, isAlive, run } from './shell.js';

export const HOSTS = ['ha', 'na', 'nb', 'hb'] as const;
export type Host = (typeof HOSTS)[number];

export const WAN_ADDRESS = { na: '198.51.100.1', nb: '198.51.100.2' } as const;
export const SITE = { na: '172.16.10.0/24', nb: '192.168.10.0/24' } as const;
export const HB_ADDRESS = '192.168.10.15';
/** What a tunnel over a WAN MTU of 1500 leaves. The hosts use it in every lane, so that all lanes carry equal packets. */
export const SITE_MTU = '1420';

const NAME = /^tsb(\d+)[a-z]-(ha|na|nb|hb)$/;

/** Name of a host's namespace: `letter` tells the lanes of one run apart. */
export function namespaceOf(pid: number, letter: string, host: Host): string {
  return `tsb${pid}${letter}-${host}`;
}

/** The commands that build the line, in order. `ns` names a host's namespace. */
export function planTopology(ns: (host: Host) => string): string[][] {
  const link = (a: Host, b: Host, device: string): string[][] => [
    ['ip', 'link', 'add', device, 'netns', ns(a), 'type', 'veth', 'peer', 'name', device, 'netns', ns(b)],
    ['ip', '-n', ns(a), 'link', 'set', device, 'up'],
    ['ip', '-n', ns(b), 'link', 'set', device, 'up'],
  ];
  const address = (host: Host, cidr: string, device: string): string[] => [
    ...['ip', '-n', ns(host), 'address', 'add', cidr, 'dev', device],
  ];
  const defaultRoute = (host: Host, via: string): string[] => [
    ...['ip', '-n', ns(host), 'route', 'add', 'default', 'via', via],
  ];
  return [
    ...HOSTS.flatMap((host) => [
      ['ip', 'netns', 'add', ns(host)],
      ['ip', '-n', ns(host), 'link', 'set', 'lo', 'up'],
    ]),
    ...[...link('ha', 'na', 'lan0'), ...link('na', 'nb', 'wan0'), ...link('nb', 'hb', 'lan0')],
    address('ha', '172.16.10.15/24', 'lan0'),
    address('na', '172.16.10.1/24', 'lan0'),
    address('nb', '192.168.10.1/24', 'lan0'),
    address('hb', `${HB_ADDRESS}/24`, 'lan0'),
    address('na', `${WAN_ADDRESS.na}/24`, 'wan0'),
    address('nb', `${WAN_ADDRESS.nb}/24`, 'wan0'),
    ...(['ha', 'hb'] as const).map((host) => ['ip', '-n', ns(host), 'link', 'set', 'lan0', 'mtu', SITE_MTU]),
    defaultRoute('ha', '172.16.10.1'),
    defaultRoute('hb', '192.168.10.1'),
    ...(['na', 'nb'] as const).map((host) => [
      ...['ip', 'netns', 'exec', ns(host), 'sysctl', '-qw', 'net.ipv4.ip_forward=1'],
    ]),
  ];
}

/** Ends whatever still runs in a namespace, then removes it. */
export function removeNamespace(name: string): void {
  for (const pid of attempt(['ip', 'netns', 'pids', name]).split('\n').filter(Boolean))
    endProcess(Number(pid));
  attempt(['ip', 'netns', 'delete', name]);
}

/** Where a run with process id `pid` keeps keys, configuration and logs. */
export function workFolderOf(pid: number): string {
  return join(tmpdir(), `twinspan-bench-${pid}`);
}

/** Removes namespaces and folders of runs whose process is gone. Returns their names. */
export function removeLeftovers(): string[] {
  const folders = readdirSync(tmpdir()).filter((name) => {
    const owner = /^twinspan-bench-(\d+)$/.exec(name)?.[1];
    return owner !== undefined && !isAlive(Number(owner));
  });
  for (const name of folders) rmSync(join(tmpdir(), name), { recursive: true, force: true });

  const names = attempt(['ip', 'netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0])
    .filter((name) => {
      const owner = NAME.exec(name)?.[1];
      return owner !== undefined && !isAlive(Number(owner));
    });
  for (const name of names) removeNamespace(name);
  return [...names, ...folders];
}

/** Builds the line. */
export function buildTopology(ns: (host: Host) => string): void {
  for (const step of planTopology(ns)) run(step);
}
