import { readFileSync } from 'node:fs';

/** The content of test/vectors/`name`, found from the compiled test as from its source. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../test/vectors/${name}`, import.meta.url), 'utf8')) as T;
}

export interface HandshakeVector {
  readonly name: string;
  readonly presharedKey: string;
  readonly initiator: { static: string; staticPublic: string; ephemeral: string; index: number };
  readonly responder: { static: string; staticPublic: string; ephemeral: string; index: number };
  readonly timestamp: string;
  readonly initialHash: string;
  readonly initiation: string;
  readonly afterInitiation: { chain: string; hash: string };
  readonly response: string;
  readonly afterResponseChain: string;
  readonly initiatorSendKey: string;
  readonly responderSendKey: string;
  readonly plaintext: string;
  readonly transports: { counter: number; message: string }[];
  readonly cookie: {
    secret: string;
    nonce: string;
    source: string;
    reply: string;
    initiationWithMac2: string;
  };
}

export interface WireGuardVectors {
  readonly primitives: {
    key: string;
    hash: { data: string; digest: string }[];
    mac: { data: string; digest: string }[];
    mac16: { data: string; digest: string }[];
    hmac: { data: string; digest: string }[];
    aead: { counter: number; plaintext: string; ad: string; sealed: string }[];
  };
  readonly handshakes: HandshakeVector[];
}
