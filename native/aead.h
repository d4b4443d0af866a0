// ChaCha20-Poly1305 as WireGuard uses it (paper, 5.4.6): no additional data, nonce = 4 zero bytes and the
// counter, little-endian. OpenSSL is the one that Node exports.
//
// Its cipher is called as libcrypto itself does it, by the provider's functions (provider-cipher(7)): EVP
// would ask the provider for the nonce's length before each packet and take the tag in a call of its own, 80
// ns of 1570 a packet.
#pragma once

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>

#include <cstdint>

#include "lanes.h"

namespace twinspan {

constexpr int TAG_BYTES = 16;
constexpr int KEY_BYTES = 32;

// The cipher as its provider has it. `cipher` holds on to the provider; null = not to be had.
struct Aead {
  EVP_CIPHER* cipher = nullptr;
  void* provider = nullptr;
  OSSL_FUNC_cipher_newctx_fn* contextNew = nullptr;
  OSSL_FUNC_cipher_freectx_fn* contextFree = nullptr;
  OSSL_FUNC_cipher_encrypt_init_fn* beginSeal = nullptr;
  OSSL_FUNC_cipher_decrypt_init_fn* beginOpen = nullptr;
  OSSL_FUNC_cipher_update_fn* update = nullptr;
  OSSL_FUNC_cipher_final_fn* finish = nullptr;
  OSSL_FUNC_cipher_get_ctx_params_fn* read = nullptr;
};

void aeadLoad(Aead* aead);
void aeadUnload(Aead* aead);

// Both directions of a session. A context a direction and key: between packets only the nonce changes. Each
// lane has one of its own, made when it first needs it.
struct KeyPair {
  const Aead* aead = nullptr;
  void* seal = nullptr;
  void* open = nullptr;
  void* laneOpen[LANES_MAX] = {};
  uint8_t openKey[KEY_BYTES];
};

// Null where the cipher is not to be had or memory is short. `aead` must outlive it.
KeyPair* keyPairNew(const Aead* aead, const uint8_t* sealKey, const uint8_t* openKey);

// Frees and clears; null is fine.
void keyPairFree(KeyPair* pair);

// The context with which `lane` (0 … LANES_MAX; 0 is the worker itself) opens; only that lane may ask. Null
// where memory is short.
void* keyPairOpener(KeyPair* pair, int lane);

// Seals `length` bytes from `in` to `out`, the tag behind them. False only where OpenSSL fails.
bool aeadSeal(const KeyPair& key, uint64_t counter, const uint8_t* in, int length, uint8_t* out);

// Opens `length` bytes in place; the tag stands behind them. False where authentication fails.
bool aeadOpen(const Aead& aead, void* opener, const uint8_t* counter, uint8_t* data, int length);

}  // namespace twinspan
