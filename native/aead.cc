#include "aead.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <cstring>
#include <new>

namespace twinspan {
namespace {

constexpr int NONCE_BYTES = 12;

// The tag as a parameter: EVP_CIPHER_CTX_ctrl would build the same list on a slower way.
struct TagParameter {
  OSSL_PARAM list[2];
  explicit TagParameter(uint8_t* tag)
      : list{OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, TAG_BYTES),
             OSSL_PARAM_construct_end()} {}
};

EVP_CIPHER_CTX* contextNew(EVP_CIPHER* cipher, const uint8_t* key, int encrypt) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  if (context == nullptr) return nullptr;
  if (EVP_CipherInit_ex(context, cipher, nullptr, key, nullptr, encrypt) == 1) return context;
  EVP_CIPHER_CTX_free(context);
  ERR_clear_error();
  return nullptr;
}

}  // namespace

KeyPair* keyPairNew(EVP_CIPHER* cipher, const uint8_t* sealKey, const uint8_t* openKey) {
  if (cipher == nullptr) return nullptr;
  auto* pair = new (std::nothrow) KeyPair;
  if (pair == nullptr) return nullptr;
  memcpy(pair->openKey, openKey, KEY_BYTES);
  pair->seal = contextNew(cipher, sealKey, 1);
  pair->open = contextNew(cipher, openKey, 0);
  if (pair->seal != nullptr && pair->open != nullptr) return pair;
  keyPairFree(pair);
  return nullptr;
}

void keyPairFree(KeyPair* pair) {
  if (pair == nullptr) return;
  EVP_CIPHER_CTX_free(pair->seal);
  EVP_CIPHER_CTX_free(pair->open);
  for (EVP_CIPHER_CTX* open : pair->laneOpen) EVP_CIPHER_CTX_free(open);
  OPENSSL_cleanse(pair->openKey, KEY_BYTES);
  delete pair;
}

EVP_CIPHER_CTX* keyPairOpener(EVP_CIPHER* cipher, KeyPair* pair, int lane) {
  if (lane == 0) return pair->open;
  EVP_CIPHER_CTX*& open = pair->laneOpen[lane - 1];
  if (open == nullptr) open = contextNew(cipher, pair->openKey, 0);
  return open;
}

bool aeadSeal(EVP_CIPHER_CTX* key, uint64_t counter, const uint8_t* in, int length, uint8_t* out) {
  uint8_t nonce[NONCE_BYTES] = {};
  for (int i = 0; i < 8; i++) nonce[4 + i] = static_cast<uint8_t>(counter >> (8 * i));
  int written = 0;
  if (EVP_EncryptInit_ex(key, nullptr, nullptr, nullptr, nonce) == 1 &&
      (length == 0 || EVP_EncryptUpdate(key, out, &written, in, length) == 1) &&
      EVP_EncryptFinal_ex(key, out + length, &written) == 1 &&
      EVP_CIPHER_CTX_get_params(key, TagParameter(out + length).list) == 1) {
    return true;
  }
  ERR_clear_error();
  return false;
}

bool aeadOpen(EVP_CIPHER_CTX* key, const uint8_t* counter, uint8_t* data, int length) {
  uint8_t nonce[NONCE_BYTES] = {};
  memcpy(nonce + 4, counter, 8);
  int written = 0;
  if (EVP_DecryptInit_ex(key, nullptr, nullptr, nullptr, nonce) == 1 &&
      EVP_CIPHER_CTX_set_params(key, TagParameter(data + length).list) == 1 &&
      (length == 0 || EVP_DecryptUpdate(key, data, &written, data, length) == 1) &&
      EVP_DecryptFinal_ex(key, data + length, &written) == 1) {
    return true;
  }
  ERR_clear_error();
  return false;
}

}  // namespace twinspan
