/**
 * What the holders of one key tell each other, so that a plain WireGuard peer takes them for one: the label up to which
 * the sender's initiations may have gone, and for each peer the greatest label received from it and where it was last.
 * The receiver goes beyond the first, refuses what is not greater than the second, and dials the third.
 *
 * It is state, not events: each datagram stands for itself, may be lost, come twice or late, and is merged by taking the
 * greater label. Peers that do not fit one datagram follow in more. The same bytes are the file that survives a restart.
 *
 *   0 'K'   1 version (1)   2–3 count   4–15 sent label   then 64 bytes for each peer:
 *     0–31 public key   32–43 label   44 family (0 = nowhere known, 4, 6)   45 zero   46–47 port   48–63 address
 */
import { assert } from '../base/assert.js';
import { KEY_BYTES, TIMESTAMP_BYTES } from './constants.js';
import { parseTai64n } from './tai64n.js';

const MAGIC = 0x4b;
const VERSION = 1;
const COUNT_AT = 2;
const SENT_AT = 4;
const HEAD_BYTES = SENT_AT + TIMESTAMP_BYTES;
const PEER_BYTES = 64;
const LABEL_AT = KEY_BYTES;
const FAMILY_AT = LABEL_AT + TIMESTAMP_BYTES;
const PORT_AT = FAMILY_AT + 2;
const ADDRESS_AT = PORT_AT + 2;

/** Peers in one datagram of at most 1200 bytes, and in one file. */
export const NEWS_PEERS_MAX = 18;
export const STORED_PEERS_MAX = 256;

export interface PeerNews {
  readonly publicKey: Uint8Array;
  /** Greatest label received from it; zeros = none. */
  readonly newest: Uint8Array;
  /** Where it was last; undefined = not known. */
  readonly endpoint: { readonly address: Uint8Array; readonly port: number } | undefined;
}

export interface KeyNews {
  /** Zeros = never. */
  readonly sent: Uint8Array;
  readonly peers: readonly PeerNews[];
}

/** One datagram, or the file: at most STORED_PEERS_MAX peers. */
export function encodeKeyNews({ sent, peers }: KeyNews): Uint8Array {
  assert(peers.length <= STORED_PEERS_MAX, 'the peers of one key are bounded');
  const bytes = new Uint8Array(HEAD_BYTES + peers.length * PEER_BYTES);
  bytes.set([MAGIC, VERSION, peers.length >> 8, peers.length]);
  bytes.set(sent, SENT_AT);
  for (const [index, { publicKey, newest, endpoint }] of peers.entries()) {
    const at = HEAD_BYTES + index * PEER_BYTES;
    bytes.set(publicKey, at);
    bytes.set(newest, at + LABEL_AT);
    if (endpoint === undefined) continue;
    const { address, port } = endpoint;
    bytes.set([address.length === 4 ? 4 : 6, 0, port >> 8, port], at + FAMILY_AT);
    bytes.set(address, at + ADDRESS_AT);
  }
  return bytes;
}

/** The same in as many datagrams as it takes; one at least. */
export function encodeKeyDatagrams({ sent, peers }: KeyNews): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < peers.length; at += NEWS_PEERS_MAX) {
    datagrams.push(encodeKeyNews({ sent, peers: peers.slice(at, at + NEWS_PEERS_MAX) }));
  }
  return datagrams;
}

/** Whether a control datagram says that it is news of a key; a hello begins with a brace. */
export function isKeyNews(bytes: Uint8Array): boolean {
  return bytes[0] === MAGIC;
}

/** What the bytes say; undefined for anything that is not whole and of this version. */
export function parseKeyNews(bytes: Uint8Array): KeyNews | undefined {
  if (bytes.length < HEAD_BYTES || bytes[0] !== MAGIC || bytes[1] !== VERSION) return undefined;
  const count = (bytes[COUNT_AT] << 8) | bytes[COUNT_AT + 1];
  if (count > STORED_PEERS_MAX || bytes.length !== HEAD_BYTES + count * PEER_BYTES) return undefined;
  const sent = parseLabel(bytes.slice(SENT_AT, HEAD_BYTES));
  if (sent === undefined) return undefined;
  const peers: PeerNews[] = [];
  for (let at = HEAD_BYTES; at < bytes.length; at += PEER_BYTES) {
    const peer = parsePeer(bytes.slice(at, at + PEER_BYTES));
    if (peer === undefined) return undefined;
    peers.push(peer);
  }
  return { sent, peers };
}

function parsePeer(bytes: Uint8Array): PeerNews | undefined {
  const newest = parseLabel(bytes.slice(LABEL_AT, FAMILY_AT));
  if (newest === undefined) return undefined;
  const publicKey = bytes.slice(0, KEY_BYTES);
  const family = bytes[FAMILY_AT];
  if (family === 0) return { publicKey, newest, endpoint: undefined };
  const port = (bytes[PORT_AT] << 8) | bytes[PORT_AT + 1];
  if ((family !== 4 && family !== 6) || port === 0) return undefined;
  const address = bytes.slice(ADDRESS_AT, ADDRESS_AT + (family === 4 ? 4 : 16));
  return { publicKey, newest, endpoint: { address, port } };
}

/** A label, or zeros for none. */
function parseLabel(label: Uint8Array): Uint8Array | undefined {
  return label.every((byte) => byte === 0) || parseTai64n(label) !== undefined ? label : undefined;
}
