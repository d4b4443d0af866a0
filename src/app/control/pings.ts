/**
 * Questions that a person asks of a path: an echo packet (RFC 5881) with a discriminator of its own, sealed and sent on that
 * path. The peer's data plane sends it straight back by the path that it came by, so the answer says by which path packets
 * go there and by which they come back. Whatever answers echo packets answers these.
 */
import { sameEndpoint } from '../../core/base/endpoint.js';
import { put32, UDP_HEADER } from '../../core/packet/offsets.js';
import type { Parsed } from '../../core/packet/parsed.js';
import {
  BFD_ECHO_PORT,
  bfdSourcePort,
  checkDatagram,
  Envelope,
  payloadLength,
} from '../../core/path/datagram.js';
import { ECHO_ANSWER_TTL, ECHO_BYTES, echoDiscriminator } from '../../core/path/echo.js';
import type { Path } from '../../core/path/path.js';
import type { PeerPaths } from './peer-paths.js';

/** Questions under way at once, of all who ask. */
export const PINGS_MAX = 64;

export interface Pong {
  readonly rttMs: number;
  /** Where the answer came from: an endpoint record. */
  readonly from: Uint8Array;
  /** That is not where the question went. */
  readonly elsewhere: boolean;
}

interface Ping {
  readonly peer: number;
  readonly to: Uint8Array;
  readonly sentAtMs: number;
  readonly answer: (pong: Pong | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

export class Pings {
  readonly #now: () => number;
  readonly #newDiscriminator: () => number;
  /** By discriminator. BOUNDED by PINGS_MAX. */
  readonly #underWay = new Map<number, Ping>();

  /** `newDiscriminator` gives numbers that no path has. */
  constructor(now: () => number, newDiscriminator: () => number) {
    this.#now = now;
    this.#newDiscriminator = newDiscriminator;
  }

  /** How many more may be sent now. */
  get room(): number {
    return PINGS_MAX - this.#underWay.size;
  }

  /** Asks the peer by a path; resolves to undefined where no answer came within `waitMs`, or nothing could be sent. */
  send(peer: PeerPaths, path: Path, waitMs: number): Promise<Pong | undefined> {
    const discriminator = this.#newDiscriminator();
    const packet = encodePing(peer, discriminator);
    if (this.room <= 0 || !peer.sendOn(path, packet)) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const answer = (pong: Pong | undefined): void => {
        clearTimeout(timer);
        this.#underWay.delete(discriminator);
        resolve(pong);
      };
      const timer = setTimeout(() => answer(undefined), waitMs);
      const to = path.endpoint;
      this.#underWay.set(discriminator, { peer: peer.number, to, sentAtMs: this.#now(), answer, timer });
    });
  }

  /** Whether a packet of the peer, parsed, that came from `from` (an endpoint record) answers one of these. */
  handleAnswer(peer: number, bytes: Uint8Array, parsed: Parsed, from: Uint8Array): boolean {
    if (
      parsed.ttl !== ECHO_ANSWER_TTL ||
      checkDatagram(bytes, parsed, BFD_ECHO_PORT, ECHO_ANSWER_TTL) !== 0
    ) {
      return false;
    }
    if (payloadLength(bytes, parsed) !== ECHO_BYTES) return false;
    const ping = this.#underWay.get(echoDiscriminator(bytes, parsed.l4Offset + UDP_HEADER));
    if (ping === undefined || ping.peer !== peer) return false;
    ping.answer({ rttMs: this.#now() - ping.sentAtMs, from, elsewhere: !sameEndpoint(from, ping.to) });
    return true;
  }
}

function encodePing({ own, peer }: PeerPaths, discriminator: number): Uint8Array {
  const envelope = new Envelope(own, peer, bfdSourcePort(discriminator), BFD_ECHO_PORT);
  const packet = new Uint8Array(envelope.headerBytes + ECHO_BYTES);
  put32(packet, envelope.headerBytes, discriminator);
  envelope.close(packet, 0, ECHO_BYTES);
  return packet;
}
