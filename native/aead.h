// ChaCha20-Poly1305 as WireGuard uses it (paper, 5.4.6): no additional data, nonce = 4 zero bytes and the
// counter, little-endian. OpenSSL is the one that Node exports.
#pragma once

#include <openssl/evp.h>

#include <cstdint>

#include "lanes.h"

namespace twinspan {

constexpr int TAG_BYTES = 16;
constexpr int KEY_BYTES = 32;

// Both directions of a session. A context a direction and key: between packets only the nonce changes. Each lane has one of
// its own, made when it first needs it.
struct KeyPair {
  EVP_CIPHER_CTX* seal = nullptr;
  EVP_CIPHER_CTX* open = nullptr;
  EVP_CIPHER_CTX* laneOpen[LANES_MAX] = {};
  uint8_t openKey[KEY_BYTES];
};

// Null where the cipher is not to be had or memory is short.
KeyPair* keyPairNew(EVP_CIPHER* cipher, const uint8_t* sealKey, const uint8_t* openKey);

// Frees and clears; null is fine.
void keyPairFree(KeyPair* pair);

// The context with which `lane` (0 … LANES_MAX; 0 is the worker itself) opens; only that lane may ask. Null where memory is
// short.
EVP_CIPHER_CTX* keyPairOpener(EVP_CIPHER* cipher, KeyPair* pair, int lane);

// Seals `length` bytes from `in` to `out`, the tag behind them. False only where OpenSSL fails.
bool aeadSeal(EVP_CIPHER_CTX* key, uint64_t counter, const uint8_t* in, int length, uint8_t* out);

// Opens `length` bytes in place; the tag stands behind them. False where authentication fails.
bool aeadOpen(EVP_CIPHER_CTX* key, const uint8_t* counter, uint8_t* data, int length);

}  // namespace twinspan
