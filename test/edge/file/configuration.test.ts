import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { formatKey } from '../../../src/core/base/key.js';
import { formatProblem } from '../../../src/core/config/problem.js';
import { readConfiguration, readConfigurationFiles } from '../../../src/edge/file/configuration.js';
import { generatePrivateKey, publicKeyOf, writeSecretKey } from '../../../src/edge/file/key-file.js';
import { readConfigurationAside } from '../../../src/edge/file/read-aside.js';
import { edit, SEED_NETWORK, SEED_NODE, testKey } from '../../support/seed_config.js';
import { tempDir } from '../../support/temp_dir.js';

interface Files {
  directory: string;
  node: string;
  network: string;
  key: string;
  privateKey: Uint8Array;
}

/** The seed's files on disk, with a real key for edge1-a. */
function install(t: ExecutionContext, nodeText = SEED_NODE): Files {
  const directory = tempDir(t);
  const at = (name: string): string => path.join(directory, name);
  const privateKey = generatePrivateKey();
  writeSecretKey(at('private.key'), privateKey);
  writeFileSync(at('network.yaml'), edit(SEED_NETWORK, testKey(3), formatKey(publicKeyOf(privateKey))));
  writeFileSync(at('node.yaml'), edit(nodeText, '/etc/twinspan/private.key', 'private.key'));
  return {
    directory,
    node: at('node.yaml'),
    network: at('network.yaml'),
    key: at('private.key'),
    privateKey,
  };
}

function said(files: Files): string[] {
  const result = readConfiguration(files.node);
  return result.ok
    ? []
    : result.problems.map((p) => `${p.code} ${formatProblem(p).replaceAll(`${files.directory}/`, '')}`);
}

test('files that belong together are accepted, with their secrets', (t) => {
  const files = install(t, `${SEED_NODE}presharedKeys: { aws-a: psk }\n`);
  const psk = generatePrivateKey();
  writeSecretKey(path.join(files.directory, 'psk'), psk);
  const result = readConfiguration(files.node);
  t.true(result.ok);
  if (!result.ok) return;
  t.deepEqual(result.secrets.privateKey, files.privateKey);
  t.deepEqual([...result.secrets.presharedKeys], [[0, psk]]);
  t.is(result.configuration.nodes[result.configuration.self].name, 'edge1-a');
});

test('a private key that others can read is refused at the key that names it', (t) => {
  const files = install(t);
  chmodSync(files.key, 0o644);
  t.deepEqual(said(files), [
    'TS_KEY_READABLE_BY_OTHERS node.yaml:3:17: privateKeyFile: The key file private.key can be read by others (mode 0644). Run: chmod 600 private.key',
  ]);
});

test('a private key of another node is refused at the public key that it should have', (t) => {
  const files = install(t);
  rmSync(files.key);
  const other = generatePrivateKey();
  writeSecretKey(files.key, other);
  t.deepEqual(said(files), [
    `TS_CONFIG_INVALID network.yaml:23:25: nodes.edge1-a.publicKey: is not the public key of private.key. That is ${formatKey(publicKeyOf(other))}.`,
  ]);
});

test('missing key files are refused, all at once', (t) => {
  const files = install(t, `${SEED_NODE}presharedKeys: { aws-a: psk }\n`);
  rmSync(files.key);
  t.deepEqual(said(files), [
    'TS_CONFIG_UNREADABLE node.yaml:3:17: privateKeyFile: The key file private.key cannot be read (ENOENT). Make one: twinspan keygen --out private.key',
    'TS_CONFIG_UNREADABLE node.yaml:8:25: presharedKeys.aws-a: The key file psk cannot be read (ENOENT). Make one: twinspan keygen --out psk',
  ]);
  t.true(readConfigurationFiles(files.node).ok);
});

test('a missing network.yaml is named', (t) => {
  const files = install(t);
  rmSync(files.network);
  t.deepEqual(said(files), [
    'TS_CONFIG_UNREADABLE node.yaml:2:10: network: network.yaml cannot be read (ENOENT). There is no such file.',
  ]);
});

test('a node.yaml that does not name its network is refused for that alone', (t) => {
  const files = install(t);
  writeFileSync(files.node, edit(SEED_NODE, 'network: ./network.yaml\n', ''));
  t.deepEqual(said(files), ['TS_CONFIG_INVALID node.yaml:1:1: network: is missing.']);
  writeFileSync(files.node, 'just text\n');
  t.deepEqual(said(files), ["TS_CONFIG_INVALID node.yaml:1:1: must be a mapping, not 'just text'."]);
});

test('YAML that does not parse is refused with its place', (t) => {
  const files = install(t);
  writeFileSync(files.network, 'network: { name: acme\n');
  t.regex(said(files)[0], /^TS_CONFIG_INVALID network\.yaml:2:1: not valid YAML/);
});

test('another thread reads the same, whatever the files hold', async (t) => {
  const files = install(t);
  const spoil: (() => void)[] = [
    () => {},
    () => chmodSync(files.key, 0o644),
    () => writeFileSync(files.network, edit(SEED_NETWORK, 'to: AWSCluster', 'to: Nowhere')),
    () => writeFileSync(files.network, '{'),
    () => rmSync(files.network),
    () => writeFileSync(files.node, '{'),
    () => rmSync(files.node),
  ];
  for (const step of spoil) {
    step();
    t.deepEqual(await readConfigurationAside(files.node), readConfiguration(files.node));
  }
  t.false(readConfiguration(files.node).ok);
});
