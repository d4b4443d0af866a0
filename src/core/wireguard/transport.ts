/**
 * One transport message at a time (paper, 5.4.6), with the shared session columns: for tests and for the few packets
 * that the control thread sends itself. The data path does the same in batches, natively.
 */
import { COUNTER_LIMIT, PADDING_BYTES, TAG_BYTES } from './constants.js';
import type { Crypto } from './crypto.js';
import {
  MESSAGE_TRANSPORT,
  newMessage,
  parseMessageType,
  readCounter,
  readUint32,
  TRANSPORT_COUNTER,
  TRANSPORT_PACKET,
  TRANSPORT_RECEIVER,
  writeUint32,
} from './message.js';
import { acceptCounter } from './replay.js';
import { type SessionTable, SLOT_MASK } from './tables.js';

const NO_AD = new Uint8Array(0);

/** The slot of a transport message, if its index is one of ours and its session may be received with; −1 otherwise. */
export function transportSlot(sessions: SessionTable, datagram: Uint8Array, now: number): number {
  if (parseMessageType(datagram) !== MESSAGE_TRANSPORT) return -1;
  const index = readUint32(datagram, TRANSPORT_RECEIVER);
  const slot = index & SLOT_MASK;
  if (index === 0 || slot >= sessions.capacity || Atomics.load(sessions.localIndex, slot) !== index)
    return -1;
  return now < sessions.expiresAtMs[slot] ? slot : -1;
}

/** The transport message for `plaintext` (empty = keepalive), padded; undefined where the session is over. */
export function sealTransport(
  crypto: Crypto,
  sessions: SessionTable,
  slot: number,
  sendKey: Uint8Array,
  plaintext: Uint8Array,
  now: number,
): Uint8Array | undefined {
  if (now >= sessions.expiresAtMs[slot]) return undefined;
  const counter = Number(Atomics.add(sessions.sendCounter, slot, 1n));
  if (counter >= COUNTER_LIMIT) return undefined;
  const padded = new Uint8Array(Math.ceil(plaintext.length / PADDING_BYTES) * PADDING_BYTES);
  padded.set(plaintext);
  const message = newMessage(MESSAGE_TRANSPORT, TRANSPORT_PACKET + padded.length + TAG_BYTES);
  writeUint32(message, TRANSPORT_RECEIVER, sessions.remoteIndex[slot]);
  writeUint32(message, TRANSPORT_COUNTER, counter % 0x1_0000_0000);
  writeUint32(message, TRANSPORT_COUNTER + 4, Math.floor(counter / 0x1_0000_0000));
  message.set(crypto.aeadSeal(sendKey, counter, padded, NO_AD), TRANSPORT_PACKET);
  return message;
}

/** The padded plaintext of a message on the session in `slot`; undefined where it is forged or was seen before. */
export function openTransport(
  crypto: Crypto,
  sessions: SessionTable,
  slot: number,
  receiveKey: Uint8Array,
  datagram: Uint8Array,
): Uint8Array | undefined {
  const counter = readCounter(datagram);
  if (counter >= COUNTER_LIMIT) return undefined;
  const plaintext = crypto.aeadOpen(receiveKey, counter, datagram.subarray(TRANSPORT_PACKET), NO_AD);
  if (plaintext === undefined || !acceptCounter(sessions, slot, counter)) return undefined;
  return plaintext;
}
