/**
 * One question to the internet by one device, with an end: ICMP echo, a TCP connection, a DNS question. The socket is bound
 * to the device, so that the answer says something about that way and no other. TCP that is refused has reached somebody.
 */
import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { encodeEndpoint } from '../../core/base/endpoint.js';
import { type Native, PROBE_ICMP, PROBE_TCP, PROBE_UDP } from '../native.js';
import { encodeEcho, encodeQuestion, isAnswer, isEchoReply } from './messages.js';

/** Whom to ask what. */
export interface ProbeTarget {
  readonly kind: 'ping' | 'tcp' | 'dns';
  readonly address: Uint8Array;
  /** Of tcp and dns. */
  readonly port: number;
  /** The name that a dns question is about; '' is the root. */
  readonly query: string;
}

const KINDS = { ping: PROBE_ICMP, tcp: PROBE_TCP, dns: PROBE_UDP } as const;
/** How often TCP is asked whether it is connected. */
const LOOK_MS = 20;
const BURST_MAX = 64;
const MESSAGE_BYTES = 1_500;
const { EINPROGRESS, EALREADY, EISCONN, ECONNREFUSED } = constants.errno;

/** Whether `target` answers by `device` ('' is any) within `timeoutMs`. Never throws. */
export function probe(
  native: Native,
  device: string,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<boolean> {
  const { kind, address, port } = target;
  const family = address.length === 4 ? 4 : 6;
  const fd = native.deviceSocket(KINDS[kind], family, device);
  if (fd < 0) return Promise.resolve(false);
  const record = encodeEndpoint(address, port, 0);
  const first = native.socketConnect(fd, record);
  if (kind === 'tcp') return connected(native, fd, record, first, timeoutMs);
  if (first < 0) {
    native.closeFd(fd);
    return Promise.resolve(false);
  }
  const id = randomInt(0x1_0000_0000);
  const question = kind === 'ping' ? encodeEcho(family, id) : encodeQuestion(target.query, id);
  const isReply = (message: Uint8Array): boolean =>
    kind === 'ping' ? isEchoReply(family, message, id) : isAnswer(message, id);
  return answered(native, fd, question, isReply, timeoutMs);
}

/** Asks a connecting socket until it knows. Closes it. */
function connected(
  native: Native,
  fd: number,
  record: Uint8Array,
  first: number,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const untilMs = native.now() + timeoutMs;
    const look = (answer: number): void => {
      if ((answer === -EINPROGRESS || answer === -EALREADY) && native.now() < untilMs) {
        setTimeout(() => look(native.socketConnect(fd, record)), LOOK_MS);
        return;
      }
      native.closeFd(fd);
      resolve(answer === 0 || answer === -EISCONN || answer === -ECONNREFUSED);
    };
    look(first);
  });
}

/** Sends `question` by a connected socket and waits for its reply. Closes it. */
function answered(
  native: Native,
  fd: number,
  question: Uint8Array,
  isReply: (message: Uint8Array) => boolean,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const buffer = new Uint8Array(MESSAGE_BYTES);
    const finish = (reached: boolean): void => {
      clearTimeout(timer);
      native.watchClose(watch);
      native.closeFd(fd);
      resolve(reached);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    const watch = native.watchOpen(fd, () => {
      for (let count = 0; count < BURST_MAX; count++) {
        const length = native.messageReceive(fd, buffer);
        if (length <= 0) return;
        if (isReply(buffer.subarray(0, length))) {
          finish(true);
          return;
        }
      }
    });
    if (watch < 0 || native.messageSend(fd, question) < 0) finish(false);
  });
}
