#include "aead.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <strings.h>

#include <cstring>
#include <new>

namespace twinspan {
namespace {

constexpr int NONCE_BYTES = 12;

struct TagParameter {
  OSSL_PARAM list[2];
  explicit TagParameter(uint8_t* tag)
      : list{OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, TAG_BYTES),
             OSSL_PARAM_construct_end()} {}
};

// Whether one of the names, which are separated by colons, is that of our cipher.
bool isNamed(const char* names) {
  constexpr char NAME[] = "ChaCha20-Poly1305";
  constexpr size_t LENGTH = sizeof(NAME) - 1;
  while (names != nullptr) {
    if (strncasecmp(names, NAME, LENGTH) == 0 && (names[LENGTH] == 0 || names[LENGTH] == ':')) return true;
    names = strchr(names, ':');
    if (names != nullptr) names++;
  }
  return false;
}

void takeFunctions(const OSSL_DISPATCH* dispatch, Aead* aead) {
  for (; dispatch->function_id != 0; dispatch++) {
    switch (dispatch->function_id) {
      case OSSL_FUNC_CIPHER_NEWCTX:
        aead->contextNew = OSSL_FUNC_cipher_newctx(dispatch);
        break;
      case OSSL_FUNC_CIPHER_FREECTX:
        aead->contextFree = OSSL_FUNC_cipher_freectx(dispatch);
        break;
      case OSSL_FUNC_CIPHER_ENCRYPT_INIT:
        aead->beginSeal = OSSL_FUNC_cipher_encrypt_init(dispatch);
        break;
      case OSSL_FUNC_CIPHER_DECRYPT_INIT:
        aead->beginOpen = OSSL_FUNC_cipher_decrypt_init(dispatch);
        break;
      case OSSL_FUNC_CIPHER_UPDATE:
        aead->update = OSSL_FUNC_cipher_update(dispatch);
        break;
      case OSSL_FUNC_CIPHER_FINAL:
        aead->finish = OSSL_FUNC_cipher_final(dispatch);
        break;
      case OSSL_FUNC_CIPHER_GET_CTX_PARAMS:
        aead->read = OSSL_FUNC_cipher_get_ctx_params(dispatch);
        break;
    }
  }
}

// A context that has its key; null where memory is short.
void* contextNew(const Aead& aead, OSSL_FUNC_cipher_encrypt_init_fn* begin, const uint8_t* key) {
  void* context = aead.contextNew(aead.provider);
  if (context == nullptr || begin(context, key, KEY_BYTES, nullptr, 0, nullptr) == 1) return context;
  aead.contextFree(context);
  ERR_clear_error();
  return nullptr;
}

}  // namespace

void aeadLoad(Aead* aead) {
  aead->cipher = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  if (aead->cipher == nullptr) return ERR_clear_error();
  const OSSL_PROVIDER* provider = EVP_CIPHER_get0_provider(aead->cipher);
  int noCache = 0;
  const OSSL_ALGORITHM* algorithms = OSSL_PROVIDER_query_operation(provider, OSSL_OP_CIPHER, &noCache);
  for (auto* one = algorithms; one != nullptr && one->algorithm_names != nullptr; one++) {
    if (isNamed(one->algorithm_names)) takeFunctions(one->implementation, aead);
  }
  if (algorithms != nullptr) OSSL_PROVIDER_unquery_operation(provider, OSSL_OP_CIPHER, algorithms);
  aead->provider = OSSL_PROVIDER_get0_provider_ctx(provider);
  if (aead->contextNew == nullptr || aead->contextFree == nullptr || aead->beginSeal == nullptr ||
      aead->beginOpen == nullptr || aead->update == nullptr || aead->finish == nullptr ||
      aead->read == nullptr) {
    aeadUnload(aead);
  }
}

void aeadUnload(Aead* aead) {
  EVP_CIPHER_free(aead->cipher);
  aead->cipher = nullptr;
}

KeyPair* keyPairNew(const Aead* aead, const uint8_t* sealKey, const uint8_t* openKey) {
  if (aead == nullptr || aead->cipher == nullptr) return nullptr;
  auto* pair = new (std::nothrow) KeyPair;
  if (pair == nullptr) return nullptr;
  pair->aead = aead;
  memcpy(pair->openKey, openKey, KEY_BYTES);
  pair->seal = contextNew(*aead, aead->beginSeal, sealKey);
  pair->open = contextNew(*aead, aead->beginOpen, openKey);
  if (pair->seal != nullptr && pair->open != nullptr) return pair;
  keyPairFree(pair);
  return nullptr;
}

void keyPairFree(KeyPair* pair) {
  if (pair == nullptr) return;
  const Aead& aead = *pair->aead;
  if (pair->seal != nullptr) aead.contextFree(pair->seal);
  if (pair->open != nullptr) aead.contextFree(pair->open);
  for (void* open : pair->laneOpen) {
    if (open != nullptr) aead.contextFree(open);
  }
  OPENSSL_cleanse(pair->openKey, KEY_BYTES);
  delete pair;
}

void* keyPairOpener(KeyPair* pair, int lane) {
  if (lane == 0) return pair->open;
  void*& open = pair->laneOpen[lane - 1];
  if (open == nullptr) open = contextNew(*pair->aead, pair->aead->beginOpen, pair->openKey);
  return open;
}

bool aeadSeal(const KeyPair& key, uint64_t counter, const uint8_t* in, int length, uint8_t* out) {
  uint8_t nonce[NONCE_BYTES] = {};
  for (int i = 0; i < 8; i++) nonce[4 + i] = static_cast<uint8_t>(counter >> (8 * i));
  const Aead& aead = *key.aead;
  const size_t size = static_cast<size_t>(length);
  size_t written = 0;
  if (aead.beginSeal(key.seal, nullptr, 0, nonce, NONCE_BYTES, nullptr) == 1 &&
      (length == 0 || aead.update(key.seal, out, &written, size, in, size) == 1) &&
      aead.finish(key.seal, out + length, &written, TAG_BYTES) == 1 &&
      aead.read(key.seal, TagParameter(out + length).list) == 1) {
    return true;
  }
  ERR_clear_error();
  return false;
}

bool aeadOpen(const Aead& aead, void* opener, const uint8_t* counter, uint8_t* data, int length) {
  uint8_t nonce[NONCE_BYTES] = {};
  memcpy(nonce + 4, counter, 8);
  const size_t size = static_cast<size_t>(length);
  size_t written = 0;
  if (aead.beginOpen(opener, nullptr, 0, nonce, NONCE_BYTES, TagParameter(data + length).list) == 1 &&
      (length == 0 || aead.update(opener, data, &written, size, data, size) == 1) &&
      aead.finish(opener, data + length, &written, TAG_BYTES) == 1) {
    return true;
  }
  ERR_clear_error();
  return false;
}

}  // namespace twinspan
