/**
 * The messages of internet probes as bytes: ICMP echo (RFC 792, RFC 4443), and a DNS question (RFC 1035). What comes back
 * may be anything: only what answers exactly this question counts.
 */
import type { Family } from '../../core/base/prefix.js';
import { finish, sum } from '../../core/packet/checksum.js';

const ECHO_BYTES = 16;
const QUERY_HEADER = 12;
const TYPE_A = 1;
const CLASS_IN = 1;

/** Asked and expected echo types. */
const ECHO_REQUEST: Readonly<Record<Family, number>> = { 4: 8, 6: 128 };
const ECHO_REPLY: Readonly<Record<Family, number>> = { 4: 0, 6: 129 };

/** An echo request with `id` (32 bits: identifier and sequence). The kernel writes the checksum of ICMPv6. */
export function encodeEcho(family: Family, id: number): Uint8Array {
  const bytes = new Uint8Array(ECHO_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = ECHO_REQUEST[family];
  view.setUint32(4, id);
  if (family === 4) view.setUint16(2, finish(sum(bytes, 0, ECHO_BYTES, 0)));
  return bytes;
}

/** Whether `message`, as a raw socket has it (IPv4: with its IP header), is the reply to the request with `id`. */
export function isEchoReply(family: Family, message: Uint8Array, id: number): boolean {
  const at = family === 4 ? ((message[0] ?? 0) & 0x0f) * 4 : 0;
  if (message.length < at + 8) return false;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  return message[at] === ECHO_REPLY[family] && view.getUint32(at + 4) === id;
}

/** A question for the address of `name` ('' is the root), with recursion. */
export function encodeQuestion(name: string, id: number): Uint8Array {
  const labels = name.split('.').filter((label) => label !== '');
  const bytes = new Uint8Array(
    QUERY_HEADER + labels.reduce((length, label) => length + 1 + label.length, 1) + 4,
  );
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id & 0xffff);
  bytes[2] = 1;
  bytes[5] = 1;
  let at = QUERY_HEADER;
  for (const label of labels) {
    bytes[at] = label.length;
    for (let i = 0; i < label.length; i++) bytes[at + 1 + i] = label.charCodeAt(i);
    at += 1 + label.length;
  }
  view.setUint16(at + 1, TYPE_A);
  view.setUint16(at + 3, CLASS_IN);
  return bytes;
}

/** Whether `message` answers the question with `id`, whatever it says: a server was reached. */
export function isAnswer(message: Uint8Array, id: number): boolean {
  if (message.length < QUERY_HEADER) return false;
  return ((message[0] << 8) | message[1]) === (id & 0xffff) && (message[2] & 0x80) !== 0;
}
