/**
 * `twinspan init`: makes this machine a node. Writes its key and its node.yaml, and adds it to network.yaml, which is then
 * copied to the others. Nothing is written unless the whole is valid; what exists is kept.
 */
import type { Argv } from 'yargs';
import { TwinspanError } from '../../../core/base/errors.js';
import { formatKey } from '../../../core/base/key.js';
import { loadConfiguration } from '../../../core/config/load.js';
import { formatProblem } from '../../../core/config/problem.js';
import type { NodeAddition } from '../../../edge/file/network-edit.js';
import { command } from '../command.js';
import { type CliContext, EXIT_OK, EXIT_REFUSED } from '../context.js';

interface InitOptions {
  node: string;
  cluster: string;
  lan: string;
  uplink: string[];
  site?: string;
  route?: string;
  vip?: string;
  routeTable: string[];
  region?: string;
  nat: string[];
  endpoint: string[];
  lanAddress?: string;
  redis?: string;
  network?: string;
  cidr?: string;
  dir: string;
}

function options(yargs: Argv): Argv<InitOptions> {
  const text = { type: 'string', requiresArg: true } as const;
  const texts = { type: 'string', array: true, requiresArg: true, default: [] as string[] } as const;
  return yargs
    .positional('node', { type: 'string', demandOption: true, describe: 'Name of this node' })
    .option('cluster', { ...text, demandOption: true, describe: 'Its cluster; a new one is made' })
    .option('lan', { ...text, demandOption: true, describe: 'Device that faces the site' })
    .option('uplink', {
      ...texts,
      demandOption: true,
      describe: 'A way out: DEVICE or NAME=DEVICE, the preferred first',
    })
    .option('site', { ...text, describe: 'Of a new cluster: prefix of the site' })
    .option('route', { ...text, describe: 'Of a new cluster: prefix of the site in the overlay' })
    .option('vip', {
      ...text,
      describe: 'Of a new cluster: address/length on the LAN that follows the active member',
    })
    .option('route-table', {
      ...texts,
      describe: 'Of a new cluster in AWS: rtb-… whose routes follow the active member',
    })
    .option('region', { ...text, describe: 'Their region, where the machine does not know it' })
    .option('nat', {
      ...texts,
      describe: 'LOCAL=NETWORK: a site host, or prefix, and its place in the overlay',
    })
    .option('endpoint', { ...texts, describe: 'HOST:PORT where others can dial this node' })
    .option('lan-address', { ...text, describe: 'Address on the LAN by which its partner reaches it' })
    .option('redis', { ...text, describe: 'URL of the Redis of the site (of a pair)' })
    .option('network', { ...text, describe: 'Of a new network: its name' })
    .option('cidr', { ...text, describe: 'Of a new network: prefix of the overlay' })
    .option('dir', {
      ...text,
      default: '/etc/twinspan',
      describe: 'Where the files are',
    }) as unknown as Argv<InitOptions>;
}

/** Splits LEFT=RIGHT; a word without `=` is both. */
function halves(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, text] : [text.slice(0, at), text.slice(at + 1)];
}

function prefix(address: string): string {
  if (address.includes('/')) return address;
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

/** node.yaml of a node as `options` describe it. */
function nodeYaml({ node, lan, uplink, redis }: InitOptions): string {
  const uplinks = uplink.map((one, place) => {
    const [name, device] = halves(one);
    return `  - { name: ${name}, device: ${device}, cost: ${10 * (place + 1)} }\n`;
  });
  return `node: ${node}
network: network.yaml
privateKeyFile: private.key
lan: { device: ${lan} }
uplinks:
${uplinks.join('')}${redis === undefined ? '' : `redis: { url: "${redis}" }\n`}`;
}

/** What moves to the active member of a new cluster. */
function takeoverOf({ vip, region, routeTable }: InitOptions): Pick<NodeAddition, 'takeover'> {
  if (vip === undefined && routeTable.length === 0) return {};
  const aws = { ...(region !== undefined && { region }), routeTables: routeTable };
  return { takeover: { ...(vip !== undefined && { vip }), ...(routeTable.length > 0 && { aws }) } };
}

interface Draft {
  readonly file: string;
  readonly before: string | undefined;
  readonly text: string;
}

/** Complains about a draft as `validate` would; whether it is valid. */
async function isValid(node: Draft, network: Draft, context: CliContext): Promise<boolean> {
  const { parseYaml } = await import('../../../edge/file/yaml.js');
  const [nodeRead, networkRead] = [parseYaml(node.file, node.text), parseYaml(network.file, network.text)];
  const problems = [nodeRead, networkRead].flatMap((read) => (read.ok ? [] : read.problems));
  if (nodeRead.ok && networkRead.ok) {
    const loaded = loadConfiguration({ node: nodeRead.source, network: networkRead.source });
    if (!loaded.ok) problems.push(...loaded.problems);
    for (const warning of loaded.warnings) context.err(`warning: ${formatProblem(warning)}`);
  }
  for (const problem of problems) context.err(`error: ${formatProblem(problem)}`);
  if (problems.length > 0) context.err('Nothing was written.');
  return problems.length === 0;
}

async function run(init: InitOptions, context: CliContext): Promise<number> {
  const { existsSync, mkdirSync, readFileSync } = await import('node:fs');
  const keys = await import('../../../edge/file/key-file.js');
  const { addToNetwork } = await import('../../../edge/file/network-edit.js');
  const { writeDurably } = await import('../../../edge/file/durable.js');
  const { dir, node, cluster } = init;
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  const keyFile = `${dir}/private.key`;
  const isNewKey = !existsSync(keyFile);
  const key = isNewKey ? keys.generatePrivateKey() : keys.readSecretKey(keyFile);
  const { network, cidr, site, route, lanAddress } = init;
  const before = read(`${dir}/network.yaml`);
  const text = addToNetwork(before ?? '', {
    ...(network !== undefined && cidr !== undefined && { network: { name: network, cidr } }),
    node,
    publicKey: formatKey(keys.publicKeyOf(key)),
    endpoints: init.endpoint,
    cluster,
    ...(lanAddress !== undefined && { lanAddress }),
    ...(site !== undefined && { site }),
    ...takeoverOf(init),
    ...(route !== undefined && { route }),
    nats: init.nat
      .map(halves)
      .map(([local, outside]) => ({ local: prefix(local), network: prefix(outside) })),
  });
  const nodeFile = { file: `${dir}/node.yaml`, before: read(`${dir}/node.yaml`), text: nodeYaml(init) };
  const networkFile = { file: `${dir}/network.yaml`, before, text };
  if (nodeFile.before !== undefined && nodeFile.before !== nodeFile.text) {
    const message = `${nodeFile.file} exists and says something else.`;
    throw new TwinspanError('TS_CONFIG_INVALID', message, 'Change it by hand, or remove it first.');
  }
  if (!(await isValid(nodeFile, networkFile, context))) return EXIT_REFUSED;
  mkdirSync(dir, { recursive: true, mode: 0o750 });
  if (isNewKey) keys.writeSecretKey(keyFile, key);
  for (const { file, before: old, text: next } of [networkFile, nodeFile]) {
    if (old !== next) writeDurably(file, next);
  }
  context.out(`${node} is a node of ${cluster}: ${nodeFile.file}`);
  context.out(`Copy ${networkFile.file} to every other node and run there: twinspan reload`);
  return EXIT_OK;
}

export const initCommand = command({
  usage: 'init <node>',
  summary: 'Make this machine a node: key, node.yaml, and its place in network.yaml',
  options,
  run,
});
