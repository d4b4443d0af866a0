import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parseRequest } from '../../../src/app/cli/commands/explain.js';
import { findSocket } from '../../../src/app/cli/daemon.js';
import { plainUp, runUp } from '../../../src/app/cli/plain-up.js';
import { TwinspanError } from '../../../src/core/base/errors.js';
import { formatKey } from '../../../src/core/base/key.js';
import { jsonSchemaText } from '../../../src/core/config/reference.js';
import { generatePrivateKey, publicKeyOf } from '../../../src/edge/file/key-file.js';
import { openControlServer } from '../../../src/edge/socket/control.js';
import { edit, SEED_NETWORK, SEED_NODE, testKey } from '../../support/seed_config.js';
import { tempDir } from '../../support/temp_dir.js';
import { CLUSTER } from './cluster-reports.js';
import { cli, fakeDaemon } from './fake-daemon.js';
import { EXPLAIN, METRICS, NAT, PATHS, RELOAD, ROLE, ROUTES, STATUS, UPLINKS } from './reports.js';

const ANSWERS: Record<string, unknown> = {
  status: STATUS,
  metrics: METRICS,
  routes: ROUTES,
  nat: NAT,
  explain: EXPLAIN,
  reload: RELOAD,
  cluster: CLUSTER,
  failover: ROLE,
  drain: { ...ROLE, drained: true },
  undrain: ROLE,
  uplinks: UPLINKS,
  paths: PATHS,
};

test('each command asks its method and prints text or JSON', async (t) => {
  const { socket, asked } = await fakeDaemon(t, ANSWERS);
  const lines: [string[], string, number][] = [
    [['status'], 'status', 0],
    [['metrics'], 'metrics', 0],
    [['routes'], 'routes', 0],
    [['nat'], 'nat', 0],
    [['explain', '172.16.10.99', '10.100.100.15', 'tcp/80'], 'explain', 1],
    [['reload'], 'reload', 0],
    [['cluster'], 'cluster', 0],
    [['failover', '--to', 'edge1-b'], 'failover', 0],
    [['drain'], 'drain', 0],
    [['undrain'], 'undrain', 0],
    [['uplinks'], 'uplinks', 0],
    [['paths'], 'paths', 0],
  ];
  for (const [args, method, exit] of lines) {
    const text = await cli([...args, '--socket', socket]);
    t.is(text.exit, exit, method);
    t.is(text.err, '');
    t.true(text.out.length > 0);
    const json = await cli([...args, '--socket', socket, '--json']);
    t.deepEqual(JSON.parse(json.out), ANSWERS[method]);
    t.is(json.exit, exit);
  }
  t.deepEqual(asked[8], [
    'explain',
    { src: '172.16.10.99', dst: '10.100.100.15', protocol: 'tcp', port: 80 },
  ]);
});

test('paths: of one peer, exit 1 where none works', async (t) => {
  const lost = { ...PATHS, peers: [PATHS.peers[2]] };
  const { socket, asked } = await fakeDaemon(t, { ...ANSWERS, paths: lost });
  t.is((await cli(['paths', 'aws-b', '--socket', socket])).exit, 1);
  t.deepEqual(asked, [['paths', { peer: 'aws-b' }]]);
});

test('uplinks: exit 1 where none is usable', async (t) => {
  const down = { ...UPLINKS, uplinks: UPLINKS.uplinks.map((uplink) => ({ ...uplink, state: 'down' })) };
  const { socket } = await fakeDaemon(t, { ...ANSWERS, uplinks: down });
  t.is((await cli(['uplinks', '--socket', socket])).exit, 1);
});

test('routes ADDRESS: exit 1 where none is usable', async (t) => {
  const usable = await fakeDaemon(t, ANSWERS);
  t.is((await cli(['routes', '10.100.100.15', '--socket', usable.socket])).exit, 0);
  t.deepEqual(usable.asked, [['routes', { address: '10.100.100.15' }]]);
  const none = await fakeDaemon(t, { routes: { address: '10.9.9.9', routes: [] } });
  const outcome = await cli(['routes', '10.9.9.9', '--socket', none.socket]);
  t.deepEqual(outcome, { exit: 1, out: 'No route covers 10.9.9.9.', err: '' });
});

test('a drained member that still serves: exit 1; the member that shall be active is passed on', async (t) => {
  const { socket, asked } = await fakeDaemon(t, { drain: { ...ROLE, stillServes: true }, failover: ROLE });
  t.is((await cli(['drain', '--socket', socket])).exit, 1);
  await cli(['failover', '--socket', socket]);
  await cli(['failover', '--to', 'edge1-b', '--socket', socket]);
  t.deepEqual(asked.slice(1), [
    ['failover', {}],
    ['failover', { to: 'edge1-b' }],
  ]);
});

test('a reload that was refused: exit 1', async (t) => {
  const { socket } = await fakeDaemon(t, { reload: { ...RELOAD, applied: false } });
  t.is((await cli(['reload', '--socket', socket])).exit, 1);
});

test('a coded answer of the daemon is one line and exit 1', async (t) => {
  const socket = path.join(tempDir(t), 'n.sock');
  const server = await openControlServer(socket, async () => {
    throw new TwinspanError('TS_REQUEST_INVALID', 'No.', 'Do not.');
  });
  t.teardown(() => server.close());
  t.deepEqual(await cli(['status', '--socket', socket]), {
    exit: 1,
    out: '',
    err: 'TS_REQUEST_INVALID: No. Do not.',
  });
});

test('no daemon: exit 3, one sentence and what to do', async (t) => {
  const outcome = await cli(['status', '--socket', '/nonexistent/n.sock']);
  t.deepEqual(outcome, {
    exit: 3,
    out: '',
    err: 'TS_DAEMON_UNREACHABLE: The daemon at /nonexistent/n.sock does not answer: ENOENT. Start it: twinspan up --config node.yaml',
  });
});

test('the socket is found by the configuration, or because there is only one', async (t) => {
  const directory = tempDir(t);
  const node = path.join(directory, 'node.yaml');
  writeFileSync(node, `${SEED_NODE}runDir: run\n`);
  t.is(await findSocket({ config: node }), path.join(directory, 'run', 'edge1-a.sock'));
  writeFileSync(node, SEED_NODE);
  t.is(await findSocket({ config: node }), '/run/twinspan/edge1-a.sock');
  t.is(await findSocket({ socket: 'x', config: node }), 'x');
  const run = path.join(directory, 'sockets');
  const refused = async (): Promise<string> =>
    findSocket({}, run).catch((error: TwinspanError) => `${error.message} ${error.hint}`);
  t.is(
    await refused(),
    `No daemon runs here: ${run} has no socket. Start it: twinspan up --config node.yaml`,
  );
  mkdirSync(run);
  writeFileSync(path.join(run, 'b.sock'), '');
  t.is(await refused(), path.join(run, 'b.sock'));
  writeFileSync(path.join(run, 'a.sock'), '');
  t.is(await refused(), `Several daemons run here: a.sock, b.sock. Say which: --socket ${run}/a.sock`);
});

const USAGE: string[][] = [
  [],
  ['bogus'],
  ['status', '--bogus'],
  ['explain', '1.2.3.4'],
  ['explain', '1.2.3.4', 'nowhere'],
  ['explain', '1.2.3.4', '::1'],
  ['explain', '1.2.3.4', '1.2.3.5', 'sctp/1'],
  ['explain', '1.2.3.4', '1.2.3.5', 'icmp/1'],
  ['explain', '1.2.3.4', '1.2.3.5', 'tcp/65536'],
  ['routes', '10.0.0.0/8'],
  ['status', '--socket', 'a', '--config', 'b'],
  ['status', '--socket'],
  ['schema', 'other'],
  ['nat', 'extra'],
  ['ping'],
  ['ping', 'aws-a', '--count', '0'],
  ['ping', 'aws-a', '--count', '1.5'],
  ['failover', 'edge1-b'],
  ['failover', '--to'],
  ['cluster', '--last', 'x'],
  ['cluster', '--last', '-1'],
];

for (const args of USAGE) {
  test(`'${args.join(' ')}' is wrong usage: exit 2 and a sentence`, async (t) => {
    const outcome = await cli(args);
    t.is(outcome.exit, 2);
    t.is(outcome.out, '');
    t.regex(outcome.err, /^.+$/);
  });
}

test('help and version', async (t) => {
  const help = await cli(['--help']);
  t.is(help.exit, 0);
  for (const name of [
    'keygen',
    'pubkey',
    'validate',
    'up',
    'status',
    'routes',
    'nat',
    'explain',
    'reload',
    'cluster',
    'failover',
    'drain',
    'undrain',
    'uplinks',
    'paths',
    'schema',
  ]) {
    t.regex(help.out, new RegExp(`twinspan ${name}`));
  }
  t.regex(help.out, /Exit codes: 0/);
  t.regex((await cli(['--version'])).out, /^[0-9]+\.[0-9]+\.[0-9]+$/);
});

test('explain requests', (t) => {
  t.deepEqual(parseRequest('::1', '::2', 'icmp'), { src: '::1', dst: '::2', protocol: 'icmp' });
  t.deepEqual(parseRequest('::1', '::2', 'udp'), { src: '::1', dst: '::2', protocol: 'udp' });
  t.deepEqual(parseRequest('::1', '::2', 'udp/53'), { src: '::1', dst: '::2', protocol: 'udp', port: 53 });
});

test('keygen and pubkey', async (t) => {
  const made = await cli(['keygen']);
  const open = await cli(['pubkey'], `${made.out}\n`);
  t.is(open.exit, 0);
  const file = path.join(tempDir(t), 'k');
  const written = await cli(['keygen', '--out', file]);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is((await cli(['pubkey', file])).out, written.out);
  const again = await cli(['keygen', '--out', file]);
  t.is(again.exit, 1);
  t.regex(again.err, /^TS_CONFIG_UNREADABLE: .* never overwritten\.$/);
  t.deepEqual(await cli(['pubkey'], 'junk'), {
    exit: 1,
    out: '',
    err: 'TS_KEY_INVALID: Standard input does not hold a key. 32 bytes in base64 are wanted.',
  });
});

test('up runs the daemon with its file and passes on its exit code and its errors', async (t) => {
  const files: string[] = [];
  const up = async (file?: string): Promise<number> => {
    files.push(file as string);
    return 7;
  };
  t.is((await cli(['up', '--config', '/n.yaml'], '', up)).exit, 7);
  t.is((await cli(['up'], '', up)).exit, 7);
  t.deepEqual(files, ['/n.yaml', '/etc/twinspan/node.yaml']);
  const offloads: unknown[] = [];
  const chosen = async (_file: string, given?: readonly string[]): Promise<number> => offloads.push(given);
  await cli(['up', '--offload', 'udpGso=off', '--offload=tunTso=on'], '', chosen);
  t.deepEqual(offloads, [['udpGso=off', 'tunTso=on']]);
  const failing = await cli(['up'], '', async () => {
    throw new TwinspanError('TS_NO_TUN', 'There is no /dev/net/tun.');
  });
  t.deepEqual(failing, { exit: 1, out: '', err: 'TS_NO_TUN: There is no /dev/net/tun.' });
});

test('a plain up needs no parser and means the same', async (t) => {
  t.is(plainUp(['up']), '/etc/twinspan/node.yaml');
  t.is(plainUp(['up', '--config', 'n.yaml']), 'n.yaml');
  t.is(plainUp(['up', '--config=n.yaml']), 'n.yaml');
  for (const args of [
    [],
    ['status'],
    ['up', '--help'],
    ['up', '--config'],
    ['up', '--config', '--x'],
    ['up', 'x'],
  ]) {
    t.is(plainUp(args), undefined, args.join(' '));
  }
  const said: string[] = [];
  const failing = async (): Promise<number> => {
    throw new TwinspanError('TS_NO_TUN', 'There is no /dev/net/tun.');
  };
  t.is(await runUp('n', { up: failing, err: (text) => said.push(text) }), 1);
  t.deepEqual(said, ['TS_NO_TUN: There is no /dev/net/tun.']);
  t.is(await runUp('n', { up: async () => 3, err: () => undefined }), 3);
});

function install(t: ExecutionContext): { directory: string; node: string; network: string } {
  const directory = tempDir(t);
  const key = generatePrivateKey();
  const node = path.join(directory, 'node.yaml');
  const network = path.join(directory, 'network.yaml');
  writeFileSync(path.join(directory, 'private.key'), `${formatKey(key)}\n`, { mode: 0o600 });
  writeFileSync(node, edit(SEED_NODE, '/etc/twinspan/private.key', 'private.key'));
  writeFileSync(network, edit(SEED_NETWORK, testKey(3), formatKey(publicKeyOf(key))));
  return { directory, node, network };
}

test('validate: valid, with what would happen', async (t) => {
  const { node } = install(t);
  const outcome = await cli(['validate', '--config', node]);
  t.is(outcome.exit, 0);
  t.is(outcome.err, '');
  t.regex(outcome.out, /^Valid\.\n\nNode {5}edge1-a, member 1 of 2 of EdgeCluster1/);
  t.deepEqual(JSON.parse((await cli(['validate', '--config', node, '--json'])).out), {
    ok: true,
    problems: [],
    warnings: [],
  });
});

test('validate: warnings do not refuse', async (t) => {
  const { node, network } = install(t);
  writeFileSync(
    network,
    edit(readFileSync(network, 'utf8'), 'cidr: 10.100.0.0/16 }', 'cidr: 10.100.0.0/16, mtu: 1420 }'),
  );
  const outcome = await cli(['validate', '--config', node]);
  t.is(outcome.exit, 0);
  t.regex(outcome.err, /^warning: .*network\.yaml:1:50: network\.mtu: 1420 is not/);
  t.regex(outcome.out, /^Valid, with 1 warning\.\n/);
});

test('validate: refused, with every problem; keys can be left out', async (t) => {
  const { directory, node, network } = install(t);
  writeFileSync(
    network,
    edit(
      readFileSync(network, 'utf8'),
      '10.100.20.0/24,  to: EdgeCluster2',
      '10.100.20.0/24,  to: EdgeCluster9',
    ),
  );
  const outcome = await cli(['validate', '--config', node]);
  t.is(outcome.exit, 1);
  t.is(outcome.out, '');
  t.regex(
    outcome.err,
    /^error: .*network\.yaml:32:34: routes\[2\]\.to: cluster 'EdgeCluster9' is not known\. .*\nRefused: 1 error\.$/,
  );
  const json = JSON.parse((await cli(['validate', '--config', node, '--json'])).out);
  t.like(json.problems[0], { line: 32, column: 34, path: 'routes[2].to', code: 'TS_CONFIG_INVALID' });

  const other = install(t);
  writeFileSync(path.join(other.directory, 'private.key'), `${formatKey(generatePrivateKey())}\n`);
  t.is((await cli(['validate', '--config', other.node])).exit, 1);
  t.is((await cli(['validate', '--config', other.node, '--no-keys'])).exit, 0);
  t.is((await cli(['validate', '--config', path.join(directory, 'absent.yaml')])).exit, 1);
});

test('schema: to standard output and into files', async (t) => {
  t.is(`${(await cli(['schema', 'node'])).out}\n`, jsonSchemaText('node'));
  const directory = tempDir(t);
  const reference = path.join(directory, 'ref.md');
  const outcome = await cli(['schema', '--out', path.join(directory, 'schema'), '--reference', reference]);
  t.deepEqual(outcome, { exit: 0, out: '', err: '' });
  t.is(
    readFileSync(path.join(directory, 'schema', 'network.schema.json'), 'utf8'),
    jsonSchemaText('network'),
  );
  t.regex(readFileSync(reference, 'utf8'), /^# Configuration reference\n/);
});
