import test from 'ava';
import { encodeEndpoint, endpointAddress, endpointPort } from '../../../src/core/base/endpoint.js';
import { Parsed } from '../../../src/core/packet/parsed.js';
import {
  BFD_BYTES,
  BFD_REFUSAL,
  BFD_REFUSALS,
  BFD_UP,
  BfdPacket,
  type BfdState,
} from '../../../src/core/path/bfd-packet.js';
import { BFD_CONTROL_PORT, Envelope } from '../../../src/core/path/datagram.js';
import type { PathEvent } from '../../../src/core/path/outputs.js';
import { PACE_DEFAULT } from '../../../src/core/path/pacing.js';
import type { PathSettings } from '../../../src/core/path/path.js';
import { PathManager } from '../../../src/core/path/path-manager.js';
import { PATHS_MAX } from '../../../src/core/path/path-table.js';
import { address } from '../../support/packets.js';

const [OWN, PEER] = ['fd00::1', 'fd00::2'].map(address);
const UPLINKS = [0, 1].map((id) => ({ id, name: `isp${id + 1}`, socket: id, cost: 10, v4: true, v6: false }));
const UPLINK = UPLINKS.slice(0, 1);

function remote(where: string, key = where) {
  return { key, address: address(where), port: 9, isName: key !== where, cost: 0 };
}

/** A manager, and a peer that says what the test wants it to say. */
class Bench {
  readonly manager: PathManager;
  now = 0;
  readonly #envelope = new Envelope(PEER, OWN, 50_000, BFD_CONTROL_PORT);
  readonly #buffer = new Uint8Array(128);
  readonly #parsed = new Parsed();
  #discriminator = 0;

  constructor(settings: Partial<PathSettings> = {}) {
    const defaults: PathSettings = {
      pace: PACE_DEFAULT,
      echoMs: Number.POSITIVE_INFINITY,
      requiredMinEchoRxMs: 0,
      fastWhileDownMs: 0,
      offloaded: false,
      random: () => 0.5,
      mtuBytes: () => 0,
      newDiscriminator: () => ++this.#discriminator,
      refusals: new Uint32Array(BFD_REFUSALS.length),
    };
    this.manager = new PathManager({ ...defaults, ...settings }, OWN, PEER, 0);
  }

  /** Gives a control packet from `from` (address, port, socket) and drains; returns the refusal's name. */
  hear(
    from: readonly [string, number, number],
    state: BfdState,
    my: number,
    your: number,
    ttl = 255,
  ): string {
    const packet = Object.assign(new BfdPacket(), {
      state,
      multiplier: 4,
      myDiscriminator: my,
      yourDiscriminator: your,
    });
    Object.assign(packet, { desiredMinTxUs: 75_000, requiredMinRxUs: 75_000 });
    packet.encode(this.#buffer, this.#envelope.headerBytes);
    const length = this.#envelope.close(this.#buffer, 0, BFD_BYTES);
    this.#buffer[7] = ttl;
    this.#parsed.parse(this.#buffer, 0, length);
    const source = encodeEndpoint(address(from[0]), from[1], from[2]);
    const refusal = this.manager.handleDatagram(this.#buffer, this.#parsed, source, this.now);
    this.sent();
    return BFD_REFUSALS[refusal];
  }

  /** Makes the path with discriminator `your` Up with the peer's session `my`. */
  raise(from: readonly [string, number, number], my: number, your: number): string[] {
    return [this.hear(from, 1, my, your), this.hear(from, 3, my, your)];
  }

  /** Takes what is to be sent: how many packets. */
  sent(): number {
    let count = 0;
    while (this.manager.pollTransmit(this.#buffer, 0) > 0) count++;
    return count;
  }

  events(): PathEvent[] {
    const events: PathEvent[] = [];
    for (let event = this.manager.pollEvent(); event; event = this.manager.pollEvent()) events.push(event);
    return events;
  }

  /** Endpoints of all paths, as `socket address:port`. */
  get places(): string[] {
    return this.manager.paths.map(
      ({ endpoint }) => `${endpoint[1]} ${endpointAddress(endpoint).join('.')}:${endpointPort(endpoint)}`,
    );
  }
}

const AT: [string, number, number] = ['192.0.2.1', 9, 0];

test('paths are uplinks × endpoints, and follow the topology', (t) => {
  const bench = new Bench();
  bench.manager.setTopology(UPLINKS, [remote('192.0.2.1'), remote('192.0.2.2')], 0);
  t.deepEqual(bench.places, ['0 192.0.2.1:9', '0 192.0.2.2:9', '1 192.0.2.1:9', '1 192.0.2.2:9']);
  t.is(bench.manager.handshakePaths().length, 4, 'a handshake goes by every path while none works');
  bench.manager.handleUplink(1, 'no carrier', 0);
  t.deepEqual(
    bench.manager.handshakePaths().map(({ uplink }) => uplink.id),
    [0, 0],
  );
  bench.raise(AT, 50, 1);
  t.deepEqual(
    bench.manager.handshakePaths().map(({ id }) => id),
    [0],
  );
  bench.events();
  bench.manager.setTopology(UPLINK, [remote('192.0.2.2')], 0);
  t.deepEqual(bench.places, ['0 192.0.2.2:9']);
  t.deepEqual(
    bench.events().map((event) => event.kind),
    ['removed', 'removed', 'removed', 'use'],
  );
  const sixOnly = UPLINK.map((uplink) => ({ ...uplink, v4: false, v6: true }));
  bench.manager.setTopology(sixOnly, [remote('192.0.2.2')], 0);
  t.deepEqual(bench.places, [], 'an uplink without addresses of the family leads nowhere');
});

test('a name that resolves to something else moves a dead path at once, a living one at its next dial', (t) => {
  const bench = new Bench();
  bench.manager.setTopology(UPLINK, [remote('192.0.2.1', 'hub')], 0);
  bench.manager.setTopology(UPLINK, [remote('192.0.2.7', 'hub')], 0);
  t.deepEqual(bench.places, ['0 192.0.2.7:9']);
  bench.raise(['192.0.2.7', 9, 0], 50, 1);
  bench.manager.setTopology(UPLINK, [remote('192.0.2.8', 'hub')], 0);
  t.deepEqual(bench.places, ['0 192.0.2.7:9']);
  bench.manager.setTopology(UPLINK, [{ ...remote('192.0.2.8', 'hub'), address: undefined }], 0);
  t.deepEqual(bench.places, ['0 192.0.2.7:9'], 'a name that does not resolve just now takes nothing away');
  bench.manager.setTopology(UPLINK, [remote('192.0.2.8', 'hub')], 0);
  bench.now = 10_000;
  bench.manager.handleTimeout(300);
  bench.events();
  bench.manager.handleTimeout(3_300);
  t.deepEqual(bench.places, ['0 192.0.2.8:9']);
  t.deepEqual(
    bench.events().map(({ kind }) => kind),
    ['redial', 'resolve', 'moved'],
  );
});

test('the session that is Up is not taken over by another one from the same place', (t) => {
  const bench = new Bench();
  bench.manager.setTopology(UPLINK, [remote('192.0.2.1')], 0);
  t.deepEqual(bench.raise(AT, 50, 1), ['none', 'none']);
  t.is(bench.hear(AT, 1, 51, 0), 'unknown-session');
  t.is(bench.hear(AT, 2, 51, 1), 'unknown-session');
  t.is(bench.manager.paths[0].session.state, BFD_UP);
  // The peer has restarted: its old session is missed, and the new one taken up.
  bench.now = 300;
  bench.manager.handleTimeout(300);
  t.is(bench.hear(AT, 1, 51, 0), 'none');
  t.is(bench.hear(AT, 3, 51, 1), 'none');
  t.is(bench.manager.paths[0].session.state, BFD_UP);
});

test('what comes by another path counts only where it takes the session down', (t) => {
  const bench = new Bench();
  bench.manager.setTopology(UPLINK, [remote('192.0.2.1'), remote('192.0.2.2')], 0);
  bench.raise(AT, 50, 1);
  bench.raise(['192.0.2.2', 9, 0], 60, 2);
  t.is(bench.hear(['192.0.2.2', 9, 0], 3, 50, 1), 'unknown-session');
  t.is(bench.hear(['192.0.2.2', 9, 0], 0, 50, 1), 'none');
  t.not(bench.manager.paths[0].session.state, BFD_UP);
  t.deepEqual(bench.places, ['0 192.0.2.1:9', '0 192.0.2.2:9'], 'nothing has moved');
});

test('a path follows its peer to a new place, by the socket it has', (t) => {
  const bench = new Bench();
  bench.manager.setTopology(UPLINKS, [remote('192.0.2.1')], 0);
  bench.raise(AT, 50, 1);
  bench.events();
  t.is(bench.hear(['203.0.113.9', 77, 0], 3, 50, 1), 'none');
  t.is(bench.places[0], '0 203.0.113.9:77');
  t.deepEqual(
    bench.events().map(({ kind }) => kind),
    ['moved'],
  );
  t.is(bench.hear(['203.0.113.9', 77, 1], 3, 50, 1), 'unknown-session', 'the other uplink is another path');
  bench.manager.handleRedialled(0, 5, 0);
  t.is(bench.hear(['203.0.113.9', 77, 5], 3, 50, 1), 'none');
  t.is(bench.hear(['203.0.113.9', 77, 0], 3, 50, 1), 'none', 'the old socket still hears');
  t.is(bench.places[0], '5 203.0.113.9:77');
});

test('learned paths are bounded; one that is down makes room, one that is up does not', (t) => {
  const bench = new Bench();
  bench.manager.setTopology(UPLINK, [], 0);
  for (let i = 0; i < 17; i++) {
    bench.now = i;
    t.is(bench.hear(['198.51.100.1', 1_000 + i, 0], 1, 1_000 + i, 0), 'none');
  }
  t.is(bench.manager.paths.length, 1, 'one address whose port is new each time is one path');
  for (let i = 0; i < 17; i++) {
    bench.now = 100 + i;
    t.is(bench.hear([`203.0.113.${i}`, 9, 0], 1, 2_000 + i, 0), 'none');
  }
  t.is(bench.manager.paths.length, PATHS_MAX);
  for (const { session, endpoint } of [...bench.manager.paths]) {
    const from: [string, number, number] = [endpointAddress(endpoint).join('.'), 9, 0];
    bench.hear(from, 3, session.remoteDiscriminator, session.localDiscriminator);
  }
  t.is(bench.hear(['203.0.113.99', 9, 0], 1, 3_000, 0), 'too-many-paths');
  t.is(
    bench.hear(['203.0.113.99', 9, 3], 1, 3_000, 0),
    'too-many-paths',
    'a socket that is no uplink of ours',
  );
  t.is(bench.manager.refusals[BFD_REFUSAL['too-many-paths']], 2);
  t.is(bench.hear(['203.0.113.99', 9, 0], 1, 3_000, 0, 254), 'ttl');
});

test('what the peer pays counts as much as what we pay', (t) => {
  const bench = new Bench();
  bench.manager.setTopology(UPLINK, [], 0);
  bench.hear(['198.51.100.1', 9, 0], 1, 501, 0);
  bench.hear(['198.51.100.1', 9, 0], 3, 501, 1);
  bench.hear(['203.0.113.1', 9, 0], 1, 502, 0);
  bench.hear(['203.0.113.1', 9, 0], 3, 502, 2);
  t.is(bench.manager.current?.id, 0);
  const news = [30, 10].map((cost, i) => ({ discriminator: i + 1, cost, uplink: 'lte', seen: undefined }));
  bench.manager.handleNews(news, 0);
  t.is(bench.manager.current?.id, 0, 'a new path waits a second');
  bench.manager.handleClocks(0, { receivedUnchangedAtMs: 900, repeatedAtMs: 900, heardAtMs: 900 });
  bench.manager.handleClocks(1, { receivedUnchangedAtMs: 900, repeatedAtMs: 900, heardAtMs: 900 });
  bench.manager.handleTimeout(1_000);
  t.is(bench.manager.current?.id, 1);
  t.is(bench.manager.current?.cost, 20);
});

test('offloaded: the worker repeats and absorbs, and its clocks hold a path up', (t) => {
  const bench = new Bench({ offloaded: true, echoMs: 200 });
  bench.manager.setTopology(UPLINK, [remote('192.0.2.1')], 0);
  bench.sent();
  bench.raise(AT, 50, 1);
  const [path] = bench.manager.paths;
  bench.hear(AT, 3, 50, 1);
  t.true(path.session.offload.absorbs);
  for (let now = 280; now < 3_000; now += 280) {
    bench.manager.handleClocks(0, { receivedUnchangedAtMs: now - 10, repeatedAtMs: now, heardAtMs: 0 });
    bench.manager.handleTimeout(now);
    t.is(bench.sent(), 0);
  }
  t.is(path.health.state, 'up');
  bench.manager.handleEchoes(0, 10, 0, 42, 3_000);
  t.is(path.quality.rttMs, 42);
  for (let now = 3_010; now < 3_300; now += 10) bench.manager.handleEchoes(0, 1, 1, 42, now);
  t.is(path.health.state, 'degraded');
  t.regex(path.health.reason, /^loss \d+ %$/);
  bench.manager.handleTimeout(4_000);
  t.is(path.health.state, 'down');
  t.is(path.health.reason, 'detection time expired');
});
