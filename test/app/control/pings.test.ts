/** Questions and answers in this process: a peer that answers, late, twice, from elsewhere, or not at all. */
import test from 'ava';
import type { PeerPaths } from '../../../src/app/control/peer-paths.js';
import { PINGS_MAX, Pings } from '../../../src/app/control/pings.js';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import { BFD_ECHO_PORT, checkDatagram } from '../../../src/core/path/datagram.js';
import { writeEchoAnswer } from '../../../src/core/path/echo.js';
import type { Path } from '../../../src/core/path/path.js';
import { address } from '../../support/packets.js';

const THERE = encodeEndpoint(address('203.0.113.1'), 51_820, 0);
const ELSEWHERE = encodeEndpoint(address('203.0.113.1'), 51_820, 1);
const PATH = { endpoint: THERE } as Path;

class Bench {
  now = 1_000;
  goes = true;
  readonly sent: Uint8Array[] = [];
  readonly pings: Pings;
  readonly peer: PeerPaths;
  #discriminator = 40;

  constructor() {
    this.pings = new Pings(
      () => this.now,
      () => ++this.#discriminator,
    );
    this.peer = {
      number: 5,
      own: address('fd00::a'),
      peer: address('fd00::b'),
      sendOn: (path: Path, packet: Uint8Array) => path === PATH && this.goes && this.sent.push(packet) > 0,
    } as unknown as PeerPaths;
  }

  /** What the peer's data plane makes of the question number `index`. */
  answerTo(index: number): { bytes: Uint8Array; parsed: Parsed } {
    const bytes = this.sent[index].slice();
    const parsed = new Parsed();
    parsed.parse(bytes, 0, bytes.length);
    writeEchoAnswer(bytes, parsed);
    parsed.parse(bytes, 0, bytes.length);
    return { bytes, parsed };
  }

  hear(index: number, from = THERE, peer = 5): boolean {
    const { bytes, parsed } = this.answerTo(index);
    return this.pings.handleAnswer(peer, bytes, parsed, from);
  }
}

test('an answer says how long it took, and whether it came from where the question went', async (t) => {
  const bench = new Bench();
  const one = bench.pings.send(bench.peer, PATH, 60_000);
  const other = bench.pings.send(bench.peer, PATH, 60_000);
  const question = new Parsed();
  question.parse(bench.sent[0], 0, bench.sent[0].length);
  t.is(checkDatagram(bench.sent[0], question, BFD_ECHO_PORT), 0);
  bench.now += 12.5;
  t.true(bench.hear(1, ELSEWHERE));
  t.true(bench.hear(0));
  t.deepEqual(await one, { rttMs: 12.5, from: THERE, elsewhere: false });
  t.deepEqual(await other, { rttMs: 12.5, from: ELSEWHERE, elsewhere: true });
  t.is(bench.pings.room, PINGS_MAX);
});

test('what answers no question is left to the paths', async (t) => {
  const bench = new Bench();
  const asked = bench.pings.send(bench.peer, PATH, 60_000);
  t.false(bench.hear(0, THERE, 6), 'of another peer');
  const { bytes, parsed } = bench.answerTo(0);
  bytes[50] ^= 1;
  t.false(bench.pings.handleAnswer(5, bytes, parsed, THERE), 'spoilt');
  t.true(bench.hear(0));
  t.truthy(await asked);
  t.false(bench.hear(0), 'twice');
});

test('no answer, nothing sent, too many: undefined each, and nothing is kept', async (t) => {
  const bench = new Bench();
  t.is(await bench.pings.send(bench.peer, PATH, 1), undefined);
  t.false(bench.hear(0), 'too late');
  bench.goes = false;
  t.is(await bench.pings.send(bench.peer, PATH, 60_000), undefined);
  bench.goes = true;
  const asked = Array.from({ length: PINGS_MAX }, () => bench.pings.send(bench.peer, PATH, 50));
  t.is(bench.pings.room, 0);
  t.is(await bench.pings.send(bench.peer, PATH, 60_000), undefined);
  await Promise.all(asked);
  t.is(bench.pings.room, PINGS_MAX);
});
