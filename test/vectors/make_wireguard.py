#!/usr/bin/env python3
"""Writes wireguard.json: a slow twin of the protocol, straight from the paper's formulas (sections 5.4.1 to 5.4.7).

It shares nothing with the TypeScript: hashlib's BLAKE2s (also keyed), Python's hmac, and the `cryptography` package for
X25519 and ChaCha20-Poly1305. HChaCha20 is written out from draft-irtf-cfrg-xchacha, section 2.2. All keys are fixed, so
the file comes out the same each time: python3 make_wireguard.py > wireguard.json
"""
import hashlib
import hmac
import json
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CONSTRUCTION = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
IDENTIFIER = b"WireGuard v1 zx2c4 Jason@zx2c4.com"


def hash_(data):
    return hashlib.blake2s(data).digest()


def mac(key, data):
    return hashlib.blake2s(data, digest_size=16, key=key).digest()


def hmac_(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def kdf(count, key, data):
    secret = hmac_(key, data)
    outputs, last = [], b""
    for number in range(1, count + 1):
        last = hmac_(secret, last + bytes([number]))
        outputs.append(last)
    return outputs


def public(private):
    key = X25519PrivateKey.from_private_bytes(private).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def dh(private, their_public):
    key = X25519PrivateKey.from_private_bytes(private)
    return key.exchange(X25519PublicKey.from_public_bytes(their_public))


def aead(key, counter, plain, ad):
    return ChaCha20Poly1305(key).encrypt(b"\0" * 4 + struct.pack("<Q", counter), plain, ad)


def hchacha20(key, nonce16):
    state = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", nonce16))

    def quarter(a, b, c, d):
        for first, second, rotation in ((a, b, 16), (c, d, 12), (a, b, 8), (c, d, 7)):
            target = d if first == a else b
            state[first] = (state[first] + state[b if first == a else d]) & 0xFFFFFFFF
            mixed = state[target] ^ state[first]
            state[target] = ((mixed << rotation) | (mixed >> (32 - rotation))) & 0xFFFFFFFF

    for _ in range(10):
        for column in range(4):
            quarter(column, column + 4, column + 8, column + 12)
        for column in range(4):
            quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return struct.pack("<8I", *state[0:4], *state[12:16])


def xaead(key, nonce24, plain, ad):
    return ChaCha20Poly1305(hchacha20(key, nonce24[:16])).encrypt(b"\0" * 4 + nonce24[16:], plain, ad)


def macs(message, responder_public, cookie=None):
    message += mac(hash_(b"mac1----" + responder_public), message)
    return message + (mac(cookie, message) if cookie else b"\0" * 16)


def handshake(name, psk):
    seed = lambda label: hashlib.sha256(f"twinspan {name} {label}".encode()).digest()
    i_static, r_static = seed("initiator static"), seed("responder static")
    i_eph, r_eph = seed("initiator ephemeral"), seed("responder ephemeral")
    timestamp = struct.pack(">QI", 0x400000000000000A + 1_767_225_600, 0x0A000000)
    i_index, r_index = 0x1234ABCD, 0xFEDC0042

    chain = hash_(CONSTRUCTION)
    transcript = hash_(hash_(chain + IDENTIFIER) + public(r_static))
    initial_hash = transcript
    chain, = kdf(1, chain, public(i_eph))
    transcript = hash_(transcript + public(i_eph))
    chain, key = kdf(2, chain, dh(i_eph, public(r_static)))
    static = aead(key, 0, public(i_static), transcript)
    transcript = hash_(transcript + static)
    chain, key = kdf(2, chain, dh(i_static, public(r_static)))
    stamp = aead(key, 0, timestamp, transcript)
    transcript = hash_(transcript + stamp)
    after_initiation = {"chain": chain.hex(), "hash": transcript.hex()}
    initiation = b"\1\0\0\0" + struct.pack("<I", i_index) + public(i_eph) + static + stamp

    chain, = kdf(1, chain, public(r_eph))
    transcript = hash_(transcript + public(r_eph))
    chain, = kdf(1, chain, dh(r_eph, public(i_eph)))
    chain, = kdf(1, chain, dh(r_eph, public(i_static)))
    chain, tau, key = kdf(3, chain, psk)
    transcript = hash_(transcript + tau)
    empty = aead(key, 0, b"", transcript)
    after_response_chain = chain.hex()
    response = b"\2\0\0\0" + struct.pack("<II", r_index, i_index) + public(r_eph) + empty
    i_send, r_send = kdf(2, chain, b"")

    plain = b"a packet".ljust(16, b"\0")
    transports = []
    for counter in (0, 1, 2**32 - 1, 2**32 + 7, 2**53 - 2**13 - 2):
        head = b"\4\0\0\0" + struct.pack("<IQ", r_index, counter)
        transports.append({"counter": counter, "message": (head + aead(i_send, counter, plain, b"")).hex()})

    secret, nonce = seed("cookie secret"), seed("cookie nonce")[:24]
    source = bytes([192, 0, 2, 7]) + struct.pack(">H", 51820)
    cookie = mac(secret, source)
    plain_initiation = macs(initiation, public(r_static))
    cookie_key = hash_(b"cookie--" + public(r_static))
    reply = b"\3\0\0\0" + struct.pack("<I", i_index) + nonce + xaead(cookie_key, nonce, cookie, plain_initiation[-32:-16])
    return {
        "name": name,
        "presharedKey": psk.hex(),
        "initiator": {"static": i_static.hex(), "staticPublic": public(i_static).hex(), "ephemeral": i_eph.hex(), "index": i_index},
        "responder": {"static": r_static.hex(), "staticPublic": public(r_static).hex(), "ephemeral": r_eph.hex(), "index": r_index},
        "timestamp": timestamp.hex(),
        "initialHash": initial_hash.hex(),
        "initiation": plain_initiation.hex(),
        "afterInitiation": after_initiation,
        "response": macs(response, public(i_static)).hex(),
        "afterResponseChain": after_response_chain,
        "initiatorSendKey": i_send.hex(),
        "responderSendKey": r_send.hex(),
        "plaintext": plain.hex(),
        "transports": transports,
        "cookie": {
            "secret": secret.hex(), "nonce": nonce.hex(), "source": source.hex(), "reply": reply.hex(),
            "initiationWithMac2": macs(initiation, public(r_static), cookie).hex(),
        },
    }


def primitives():
    key = bytes(range(32))
    lengths = (0, 1, 31, 63, 64, 65, 116, 132, 255)
    return {
        "key": key.hex(),
        "hash": [{"data": bytes(range(n)).hex(), "digest": hash_(bytes(range(n))).hex()} for n in lengths],
        "mac": [{"data": bytes(range(n)).hex(), "digest": mac(key, bytes(range(n))).hex()} for n in lengths],
        "mac16": [{"data": bytes(range(n)).hex(), "digest": mac(key[:16], bytes(range(n))).hex()} for n in lengths],
        "hmac": [{"data": bytes(range(n)).hex(), "digest": hmac_(key, bytes(range(n))).hex()} for n in lengths],
        "aead": [
            {"counter": counter, "plaintext": bytes(range(n)).hex(), "ad": bytes(range(n % 40)).hex(),
             "sealed": aead(key, counter, bytes(range(n)), bytes(range(n % 40))).hex()}
            for n, counter in zip(lengths, (0, 1, 255, 2**16, 2**31, 2**32 - 1, 2**32, 2**48 + 3, 2**53 - 1))
        ],
    }


print(json.dumps({"primitives": primitives(), "handshakes": [
    handshake("without psk", bytes(32)),
    handshake("with psk", hashlib.sha256(b"twinspan psk").digest()),
]}, indent=1))
