/**
 * The hello: what a node tells every other node, as compact JSON in datagrams of at most 1152 bytes (inner packets of
 * 1200, path/mtu.ts). The first part carries what roles depend on: the sender's record, and for each member of the
 * receiver's cluster that the sender hears that member's newest record. The lists that grow with the network (epochs of
 * all clusters, nodes that the sender reaches) follow and may fill more parts; a receiver that has them is told to keep them
 * (lists.ts). Each part is acknowledged by itself.
 *
 * Wire form, version 1; unknown keys are ignored, so that a later version may add some:
 *   {"v":1,"i":[incarnation,sequence,part,parts],"r":record,"m":[[name,record]…],"l":lists,"e":[[cluster,n,member]…],
 *    "d":[name…],"h":[name…]}
 *   {"v":1,"i":[incarnation,sequence,0,1],"r":record,"m":[[name,record]…],"k":lists}
 *                                      the lists are those of number `lists`, which the receiver has acknowledged
 *   {"v":1,"a":[incarnation,sequence,part,known],"l":lists}
 *                                      acknowledges; `known` is the newest incarnation that the receiver knows of the
 *                                      sender: a sender that is behind it must go beyond it; `lists` are those that the
 *                                      receiver holds of this incarnation, 0 for none
 */
import { assert } from '../base/assert.js';
import { encodeRecord, isCount, type MemberRecord, parseEpoch, parseRecord } from './record.js';
import type { Epoch } from './register.js';

export const HELLO_VERSION = 1;
export const HELLO_BYTES_MAX = 1_152;
/** 6,000 nodes and as many clusters with the longest names fit. */
export const HELLO_PARTS_MAX = 999;
const NAME_LENGTH_MAX = 63;
const HEAD = `{"v":${HELLO_VERSION},"i":[`;
const CLOSING_BRACKET = 0x5d;
const COUNT_MAX = 2 ** 53 - 1;

export interface Hello {
  readonly incarnation: number;
  readonly sequence: number;
  readonly record: MemberRecord;
  readonly shows: readonly { readonly name: string; readonly record: MemberRecord }[];
  readonly epochs: readonly { readonly cluster: string; readonly epoch: Epoch }[];
  readonly direct: readonly string[];
  readonly throughHub: readonly string[];
}

export interface HelloPart extends Hello {
  readonly kind: 'hello';
  readonly part: number;
  readonly parts: number;
  /** Number of the lists: those that it carries, or those to be kept. Undefined: they have none, and are carried. */
  readonly revision: number | undefined;
  readonly keeps: boolean;
}

export interface Acknowledgement {
  readonly kind: 'acknowledgement';
  readonly incarnation: number;
  readonly sequence: number;
  readonly part: number;
  readonly known: number;
  /** Number of the lists that the receiver holds; 0: none. */
  readonly lists: number;
}

type Json = string | number | readonly Json[];

/** What grows with the network, item by item as JSON. */
export type HelloItems = readonly (readonly [list: 'e' | 'd' | 'h', item: string])[];

/** The items of a hello's lists, which are the same for many receivers. */
export function encodeItems(hello: Pick<Hello, 'epochs' | 'direct' | 'throughHub'>): HelloItems {
  return [
    ...hello.epochs.map(
      ({ cluster, epoch }) => ['e', JSON.stringify([cluster, epoch.n, epoch.member])] as const,
    ),
    ...hello.direct.map((name) => ['d', JSON.stringify(name)] as const),
    ...hello.throughHub.map((name) => ['h', JSON.stringify(name)] as const),
  ];
}

type HelloHead = Pick<Hello, 'incarnation' | 'sequence' | 'record' | 'shows'>;

/** The datagram of a hello whose receiver has acknowledged the lists of number `revision`. */
export function encodeKeeping(hello: HelloHead, revision: number): Uint8Array {
  const { incarnation, sequence } = hello;
  const record = JSON.stringify(encodeRecord(hello.record));
  const m = hello.shows.length > 0 ? `,"m":${showsText(hello)}` : '';
  return toBytes(`${HEAD}${incarnation},${sequence},0,1],"r":${record}${m},"k":${revision}}`);
}

function showsText({ shows }: HelloHead): string {
  return JSON.stringify(shows.map(({ name, record }): Json => [name, encodeRecord(record)]));
}

/** The datagrams of a hello with the lists `items`, whose number is `revision` (undefined: none). */
export function encodeHello(hello: HelloHead, items: HelloItems, revision?: number): Uint8Array[] {
  const record = JSON.stringify(encodeRecord(hello.record));
  const shows = showsText(hello);
  const l = revision === undefined ? '' : `,"l":${revision}`;
  // Numbers of parts are written once their count is known; three digits each are set aside for them.
  const frame = `{"v":${HELLO_VERSION},"i":[${hello.incarnation},${hello.sequence},000,000],"r":${record},"m":[]${l},"e":[],"d":[],"h":[]}`;
  const texts: { lists: Record<'e' | 'd' | 'h', string[]>; bytes: number }[] = [];
  const open = (): void => {
    const extra = texts.length === 0 ? shows.length : 0;
    texts.push({ lists: { e: [], d: [], h: [] }, bytes: frame.length + extra });
  };
  open();
  assert(texts[0].bytes <= HELLO_BYTES_MAX, 'the first part of a hello fits a datagram');
  for (const [list, item] of items) {
    if (texts[texts.length - 1].bytes + item.length + 1 > HELLO_BYTES_MAX) open();
    const text = texts[texts.length - 1];
    text.lists[list].push(item);
    text.bytes += item.length + 1;
  }
  assert(texts.length <= HELLO_PARTS_MAX, 'a hello has a bounded number of parts');
  return texts.map(({ lists }, part) => {
    const head = `{"v":${HELLO_VERSION},"i":[${hello.incarnation},${hello.sequence},${part},${texts.length}]`;
    const m = part === 0 && hello.shows.length > 0 ? `,"m":${shows}` : '';
    const rest = (['e', 'd', 'h'] as const).map((list) =>
      lists[list].length > 0 ? `,"${list}":[${lists[list].join()}]` : '',
    );
    return toBytes(`${head},"r":${record}${m}${l}${rest.join('')}}`);
  });
}

/** The datagram that acknowledges one part. */
export function encodeAcknowledgement(acknowledged: Omit<Acknowledgement, 'kind'>): Uint8Array {
  const { incarnation, sequence, part, known, lists } = acknowledged;
  return toBytes(`{"v":${HELLO_VERSION},"a":[${incarnation},${sequence},${part},${known}],"l":${lists}}`);
}

/**
 * All that a hello says but its numbers: what is equal in two hellos of one incarnation says the same. Undefined where the
 * numbers do not come first, as encodeHello has them.
 */
export function saidIn(bytes: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at < HEAD.length; at++) if (bytes[at] !== HEAD.charCodeAt(at)) return undefined;
  const end = bytes.indexOf(CLOSING_BRACKET);
  return end < 0 ? undefined : bytes.subarray(end);
}

/** What a datagram says; undefined for anything that is not a hello of this version. */
export function parseHello(bytes: Uint8Array): HelloPart | Acknowledgement | undefined {
  if (bytes.length > HELLO_BYTES_MAX) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(toText(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = value as Record<string, unknown>;
  if (fields.v !== HELLO_VERSION) return undefined;
  return fields.a === undefined ? parsePart(fields) : parseAcknowledgement(fields.a, fields.l);
}

function parseAcknowledgement(value: unknown, lists: unknown = 0): Acknowledgement | undefined {
  if (!Array.isArray(value) || value.length !== 4) return undefined;
  const [incarnation, sequence, part, known] = value;
  if (!isCount(lists, COUNT_MAX)) return undefined;
  if (![incarnation, sequence, known].every((count) => isCount(count, COUNT_MAX))) return undefined;
  if (!isCount(part, HELLO_PARTS_MAX - 1)) return undefined;
  return { kind: 'acknowledgement', incarnation, sequence, part, known, lists };
}

function parsePart(fields: Record<string, unknown>): HelloPart | undefined {
  const { i } = fields;
  if (!Array.isArray(i) || i.length !== 4) return undefined;
  const [incarnation, sequence, part, parts] = i;
  if (!isCount(incarnation, COUNT_MAX) || !isCount(sequence, COUNT_MAX)) return undefined;
  if (!isCount(parts, HELLO_PARTS_MAX) || !isCount(part, parts - 1)) return undefined;
  const record = parseRecord(fields.r);
  const shows = parseList(fields.m, parseShown);
  const epochs = parseList(fields.e, parseClusterEpoch);
  const direct = parseList(fields.d, parseName);
  const throughHub = parseList(fields.h, parseName);
  if (record === undefined || shows === undefined || epochs === undefined) return undefined;
  if (direct === undefined || throughHub === undefined) return undefined;
  const keeps = fields.k !== undefined;
  const revision = keeps ? fields.k : fields.l;
  if (revision !== undefined && !isCount(revision, COUNT_MAX)) return undefined;
  if (keeps && parts !== 1) return undefined;
  const lists = { revision, keeps, epochs, direct, throughHub };
  return { kind: 'hello', incarnation, sequence, part, parts, record, shows, ...lists };
}

/** Every item parsed; undefined if one does not parse or `value` is no list. A missing list is empty. */
function parseList<T>(value: unknown, parse: (item: unknown) => T | undefined): T[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return undefined;
  const items: T[] = [];
  for (const item of value) {
    const parsed = parse(item);
    if (parsed === undefined) return undefined;
    items.push(parsed);
  }
  return items;
}

function parseName(value: unknown): string | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= NAME_LENGTH_MAX ? value : undefined;
}

function parseShown(value: unknown): Hello['shows'][number] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const name = parseName(value[0]);
  const record = parseRecord(value[1]);
  return name === undefined || record === undefined ? undefined : { name, record };
}

function parseClusterEpoch(value: unknown): Hello['epochs'][number] | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const cluster = parseName(value[0]);
  const epoch = parseEpoch(value[1], value[2]);
  return cluster === undefined || epoch === undefined ? undefined : { cluster, epoch };
}

/** Hellos are ASCII: names are, and nothing else in them is free text. */
function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    assert(code < 0x80, 'a hello is ASCII');
    bytes[i] = code;
  }
  assert(bytes.length <= HELLO_BYTES_MAX, 'a hello fits a datagram');
  return bytes;
}

function toText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
