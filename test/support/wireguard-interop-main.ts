/**
 * Program: runs one scenario between the protocol core and wireguard-go, in the network namespace it is started in.
 * Prints `ok`, or what is wrong and exits with 1.
 */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/core/base/assert.js';
import { formatKey } from '../../src/core/base/key.js';
import { DIAL_INTERVAL_MS_MIN } from '../../src/core/wireguard/constants.js';
import { MacWriter } from '../../src/core/wireguard/cookie.js';
import {
  INITIATION_BYTES,
  INITIATION_EPHEMERAL,
  MESSAGE_INITIATION,
  newMessage,
} from '../../src/core/wireguard/message.js';
import { MemoryTimestampStore } from '../../src/core/wireguard/tai64n.js';
import { createCrypto } from '../../src/edge/crypto/node.js';
import { answerEcho, echoReplySequence, echoRequest } from './wireguard-echo.js';
import { TheirEnd, type TheirOptions } from './wireguard-go.js';
import { timersWith } from './wireguard-network.js';
import { UdpEnd, type UdpEndOptions } from './wireguard-udp.js';

const crypto = createCrypto();
const ours = crypto.generateKeyPair();
const theirs = crypto.generateKeyPair();
const presharedKey = crypto.randomBytes(32);
const THEIR_PORT = 51_820;
/** A dead session is noticed after two seconds, tried again each second, and renewed each second. */
const QUICK = timersWith({
  rekeyAfterMs: 1_000,
  rejectAfterMs: 30_000,
  rekeyTimeoutMs: 1_000,
  keepaliveTimeoutMs: 1_000,
  clockCheckMs: 50,
});

/** Sends them initiations with a good mac1 and nothing else: each costs them a DH. */
function junk(count: number): void {
  const macs = new MacWriter(crypto, theirs.publicKey, QUICK);
  const socket = createSocket('udp4');
  for (let i = 0; i < count; i++) {
    const message = newMessage(MESSAGE_INITIATION, INITIATION_BYTES);
    message.set(crypto.randomBytes(32), INITIATION_EPHEMERAL);
    macs.writeMacs(message, 0);
    socket.send(message, THEIR_PORT, '127.0.0.1', () => {
      if (i === count - 1) socket.close();
    });
  }
}

class Bench {
  readonly they = new TheirEnd();
  readonly store = new MemoryTimestampStore();
  readonly replies = new Set<number>();
  us!: UdpEnd;
  ourPort = 0;
  #sequence = 0;

  async startUs(options: Partial<UdpEndOptions> = {}, endpointKnown = true): Promise<void> {
    this.us = new UdpEnd({ privateKey: ours.privateKey, store: this.store, timers: QUICK, ...options });
    this.ourPort = await this.us.bind(0);
    this.us.onPacket = (packet) => this.#handlePacket(packet);
    const peer = { publicKey: theirs.publicKey, presharedKey, initiate: 'on-demand', endpointKnown } as const;
    this.us.addPeer(peer, endpointKnown ? THEIR_PORT : undefined);
  }

  async startThem(changes: Partial<TheirOptions> = {}): Promise<void> {
    await this.they.start({
      privateKey: formatKey(theirs.privateKey),
      ourPublicKey: formatKey(ours.publicKey),
      presharedKey: formatKey(presharedKey),
      listenPort: THEIR_PORT,
      ourPort: undefined,
      keepaliveSeconds: 0,
      ...changes,
    });
  }

  /** Pings them every 100 ms until one is answered; returns how long that took. */
  async flows(msMax: number): Promise<number> {
    const start = Date.now();
    while (Date.now() < start + msMax) {
      const sequence = ++this.#sequence;
      this.us.send(echoRequest(sequence));
      await sleep(100);
      if (this.replies.has(sequence)) return Date.now() - start;
    }
    throw new Error(`no answer within ${msMax} ms`);
  }

  /** Pings them `count` times, 10 ms apart, and wants every answer. */
  async flowsWithoutLoss(count: number): Promise<void> {
    this.replies.clear();
    const first = this.#sequence + 1;
    for (let i = 0; i < count; i++) {
      this.us.send(echoRequest(++this.#sequence));
      await sleep(10);
    }
    await sleep(300);
    for (let sequence = first; sequence <= this.#sequence; sequence++) {
      assert(this.replies.has(sequence), `ping ${sequence - first} of ${count} was lost`);
    }
  }

  sessions(role: 'initiator' | 'responder'): number {
    return this.us.events.filter((event) => event === `session-established ${role}`).length;
  }

  #handlePacket(packet: Uint8Array): void {
    const sequence = echoReplySequence(packet);
    if (sequence !== undefined) this.replies.add(sequence);
    const answer = answerEcho(packet);
    if (answer !== undefined) this.us.send(answer);
  }
}

const SCENARIOS: Record<string, (bench: Bench) => Promise<void>> = {
  'we call': async (bench) => {
    await bench.startThem();
    await bench.startUs();
    await bench.flows(2_000);
    assert(bench.sessions('initiator') === 1, 'we were the initiator');
    assert(bench.they.show('latest-handshakes') !== '0', 'they count the handshake');
  },
  'they call': async (bench) => {
    await bench.startUs({}, false);
    await bench.startThem({ ourPort: bench.ourPort });
    assert(await bench.they.ping(3), 'their ping was answered');
    assert(bench.sessions('responder') === 1, 'we were the responder');
    await bench.flows(1_000);
  },
  'renewal by us loses nothing': async (bench) => {
    await bench.startThem();
    await bench.startUs();
    await bench.flows(2_000);
    await bench.flowsWithoutLoss(500);
    assert(bench.sessions('initiator') >= 4, `only ${bench.sessions('initiator')} sessions`);
  },
  'they restart': async (bench) => {
    await bench.startThem();
    await bench.startUs();
    await bench.flows(2_000);
    await bench.they.stop();
    bench.us.send(echoRequest(0));
    await sleep(500);
    await bench.startThem();
    await bench.flows(6_000);
  },
  'we restart with the clock an hour back': async (bench) => {
    await bench.startThem();
    await bench.startUs();
    await bench.flows(2_000);
    bench.us.close();
    await bench.startUs({ wallStepMs: -3_600_000 });
    await bench.flows(2_000);
  },
  'we restart and they call': async (bench) => {
    await bench.startUs();
    await bench.startThem({ ourPort: bench.ourPort, keepaliveSeconds: 1 });
    await bench.flows(2_000);
    const port = bench.ourPort;
    bench.us.close();
    await bench.startUs({}, false);
    await bench.us.bind(port);
    // Their dead-peer time is 15 s; a ping of theirs starts it.
    assert((await bench.they.ping(1)) === false, 'their old session is dead');
    const until = Date.now() + 20_000;
    while (bench.sessions('responder') === 0 && Date.now() < until) await sleep(100);
    assert(await bench.they.ping(2), 'their ping was answered');
  },
  'we roam': async (bench) => {
    await bench.startThem();
    await bench.startUs();
    await bench.flows(2_000);
    const before = bench.they.show('endpoints');
    const port = await bench.us.bind(0);
    await bench.flows(1_000);
    assert(bench.they.show('endpoints') === `127.0.0.1:${port}`, 'they followed us');
    assert(before !== `127.0.0.1:${port}`, 'the port changed');
  },
  'they roam': async (bench) => {
    await bench.startUs();
    await bench.startThem({ ourPort: bench.ourPort });
    await bench.flows(2_000);
    await bench.they.stop();
    await bench.startThem({ ourPort: bench.ourPort, listenPort: THEIR_PORT + 1 });
    assert(await bench.they.ping(3), 'their ping from the other port was answered');
    await bench.flows(1_000);
  },
  'they come back with our cookie': async (bench) => {
    await bench.startUs({ loadMessagesPerSecond: 0 }, false);
    await bench.startThem({ ourPort: bench.ourPort });
    assert(await bench.they.ping(9), 'their ping was answered after the cookie');
    const drops = bench.us.wireGuard.drops;
    assert(drops['cookie-required'] === 1 && bench.us.received[1] === 2, 'one cookie, then mac2');
  },
  'we come back with their cookie': async (bench) => {
    await bench.startThem();
    await bench.startUs();
    const until = Date.now() + 20_000;
    while (bench.us.received[3] === 0) {
      assert(Date.now() < until, 'they were never under load');
      junk(400);
      bench.us.startHandshake();
      await sleep(DIAL_INTERVAL_MS_MIN + 10);
    }
    junk(400);
    bench.us.startHandshake();
    await bench.flows(3_000);
    // A cookie for an initiation that we have replaced meanwhile is refused.
    const { drops } = bench.us.wireGuard;
    const refused = drops['cookie-undecryptable'] + drops['unknown-index'];
    assert(refused < bench.us.received[3], 'none of their cookies was taken');
  },
  'both call at once': async (bench) => {
    await bench.startUs();
    await bench.startThem({ ourPort: bench.ourPort, keepaliveSeconds: 1 });
    bench.us.startHandshake();
    await bench.flows(8_000);
    await bench.flowsWithoutLoss(300);
  },
  'a wrong pre-shared key': async (bench) => {
    await bench.startThem({ presharedKey: undefined });
    await bench.startUs();
    bench.us.send(echoRequest(1));
    await sleep(1_000);
    assert(bench.us.wireGuard.drops['response-undecryptable'] === 1, 'refused by name');
    assert(bench.us.events.length === 0, 'no session');
  },
};

async function main(name: string): Promise<void> {
  const bench = new Bench();
  try {
    await SCENARIOS[name](bench);
    console.log('ok');
  } catch (error) {
    console.log(`${error}\nevents: ${bench.us?.events}\ndrops: ${JSON.stringify(bench.us?.wireGuard.drops)}`);
    process.exitCode = 1;
  } finally {
    bench.us?.close();
    await bench.they.close();
  }
}

await main(process.argv[2]);
