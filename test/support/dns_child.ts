/**
 * A name server for tests: answers A questions over UDP on 127.0.0.1 from a JSON file, name → addresses, which is read anew
 * for each. What is not there does not exist (NXDOMAIN); other types have no answer.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';

const [file] = process.argv.slice(2);
const QUESTION_AT = 12;
const TYPE_A = 1;
const NXDOMAIN = 3;

function nameOf(message: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = QUESTION_AT;
  for (; message[at] > 0; at += 1 + message[at]) {
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]).toLowerCase());
  }
  return { name: labels.join('.'), end: at + 1 };
}

function answerTo(question: Buffer): Buffer {
  const { name, end } = nameOf(question);
  const known = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string[]>;
  const addresses = question.readUInt16BE(end) === TYPE_A ? (known[name] ?? []) : [];
  const header = Buffer.from(question.subarray(0, QUESTION_AT));
  header.writeUInt16BE(0x8580 | (name in known ? 0 : NXDOMAIN), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt32BE(0, 8);
  const records = addresses.map((address) =>
    // A pointer to the question's name, A, IN, a TTL of nothing, four bytes.
    Buffer.from([0xc0, QUESTION_AT, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([header, question.subarray(QUESTION_AT, end + 4), ...records]);
}

const socket = createSocket('udp4');
socket.on('message', (question, from) => socket.send(answerTo(question), from.port, from.address));
socket.bind(53, '127.0.0.1', () => console.log('ready'));
