/** Adding a node to a network.yaml, with its comments and its order kept. What is there already is left as it is. */
import { Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { TwinspanError } from '../../core/base/errors.js';

/** A node and what comes with it: its cluster where that is new, the route to it, translations. */
export interface NodeAddition {
  /** For a network.yaml that does not exist yet. */
  readonly network?: { readonly name: string; readonly cidr: string };
  readonly node: string;
  readonly publicKey: string;
  readonly endpoints: readonly string[];
  readonly lanAddress?: string;
  readonly cluster: string;
  readonly site?: string;
  readonly takeover?: {
    readonly vip?: string;
    readonly aws?: { readonly region?: string; readonly routeTables: readonly string[] };
  };
  readonly route?: string;
  readonly nats: readonly { readonly local: string; readonly network: string }[];
}

/** The map at `key`, made where there is none. Throws TS_CONFIG_INVALID where something else stands there. */
function mapAt(parent: YAMLMap, key: string, doc: Document): YAMLMap {
  if (!parent.has(key)) parent.set(doc.createNode(key), doc.createNode({}));
  const found = parent.get(key, true) as unknown;
  if (isMap(found)) return found as YAMLMap;
  throw new TwinspanError(
    'TS_CONFIG_INVALID',
    `network.yaml: '${key}' is no mapping, so nothing can be added to it.`,
  );
}

function listAt(parent: YAMLMap, key: string, doc: Document): YAMLSeq {
  if (!parent.has(key)) parent.set(doc.createNode(key), doc.createNode([]));
  const found = parent.get(key, true) as unknown;
  if (isSeq(found)) return found as YAMLSeq;
  throw new TwinspanError(
    'TS_CONFIG_INVALID',
    `network.yaml: '${key}' is no list, so nothing can be added to it.`,
  );
}

/** Adds `entry` on a line of its own unless a list has one with the same `keys`. */
function addOnce(list: YAMLSeq, entry: Record<string, string>, keys: readonly string[], doc: Document): void {
  const same = (item: unknown): boolean =>
    isMap(item) && keys.every((key) => String(item.get(key)) === entry[key]);
  if (!list.items.some(same)) list.add(doc.createNode(entry, { flow: true }));
}

function addCluster(root: YAMLMap, addition: NodeAddition, doc: Document): void {
  const clusters = mapAt(root, 'clusters', doc);
  const { cluster, node, site, takeover } = addition;
  if (clusters.has(cluster)) {
    const members = listAt(mapAt(clusters, cluster, doc), 'members', doc);
    if (!members.items.some((item) => String(item) === node)) members.add(doc.createNode(node));
    return;
  }
  const members = doc.createNode([node], { flow: true });
  clusters.set(doc.createNode(cluster), doc.createNode({ ...(site !== undefined && { site }) }));
  const made = mapAt(clusters, cluster, doc);
  made.set('members', members);
  if (takeover !== undefined) made.set('takeover', doc.createNode(takeover, { flow: true }));
}

/**
 * The text of a network.yaml (empty: a new one) with `addition` in it. A node that is there is described anew. Throws
 * TS_CONFIG_INVALID where a new network has no name, or where the text has another shape.
 */
export function addToNetwork(text: string, addition: NodeAddition): string {
  const isNew = text.trim() === '';
  const doc: Document = isNew ? new Document({}) : parseDocument(text);
  if (doc.errors.length > 0) {
    throw new TwinspanError(
      'TS_CONFIG_INVALID',
      `network.yaml cannot be read: ${doc.errors[0].message.split('\n')[0]}`,
    );
  }
  const root = doc.contents;
  if (!isMap(root)) throw new TwinspanError('TS_CONFIG_INVALID', 'network.yaml is no mapping.');
  const map = root as YAMLMap;
  const { network, node, publicKey, endpoints, lanAddress, cluster, route, nats } = addition;
  if (isNew) {
    if (network === undefined) {
      const hint =
        'Copy it from another node, or say --network NAME --cidr PREFIX for the first node of a new network.';
      throw new TwinspanError('TS_CONFIG_INVALID', 'There is no network.yaml here to add the node to.', hint);
    }
    map.set('network', doc.createNode(network, { flow: true }));
  }
  addCluster(map, addition, doc);
  const described = {
    publicKey,
    ...(endpoints.length > 0 && { endpoints: [...endpoints] }),
    ...(lanAddress !== undefined && { lanAddress }),
  };
  mapAt(map, 'nodes', doc).set(node, doc.createNode(described, { flow: true }));
  if (route !== undefined)
    addOnce(listAt(map, 'routes', doc), { cidr: route, to: cluster }, ['cidr', 'to'], doc);
  for (const { local, network: outside } of nats) {
    addOnce(listAt(map, 'insideNat', doc), { local, network: outside, at: cluster }, ['local', 'at'], doc);
  }
  return doc.toString({ lineWidth: 0 });
}
