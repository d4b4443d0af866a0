#include "checksum.h"

#include <arpa/inet.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace twinspan {
namespace {

// Words of any width that is a multiple of 16 bits may be summed with end-around carry: the folded result is
// the same.
uint64_t sumScalar(const uint8_t* data, size_t length) {
  uint64_t a = 0, b = 0;
  while (length >= 16) {
    uint64_t v, w;
    memcpy(&v, data, 8);
    memcpy(&w, data + 8, 8);
    a += v;
    a += a < v;
    b += w;
    b += b < w;
    data += 16;
    length -= 16;
  }
  a += b;
  a += a < b;
  a = (a & 0xffffffff) + (a >> 32);
  while (length >= 2) {
    uint16_t v;
    memcpy(&v, data, 2);
    a += v;
    data += 2;
    length -= 2;
  }
  if (length != 0) {
    uint16_t v = 0;
    memcpy(&v, data, 1);
    a += v;
  }
  return a;
}

#if defined(__x86_64__)
// 32-bit words into 64-bit lanes: no carry can be lost below 2^32 words.
__attribute__((target("avx2"))) uint64_t sumAvx2(const uint8_t* data, size_t length) {
  const __m256i low = _mm256_set1_epi64x(0xffffffff);
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
  while (length >= 64) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
    const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + 32));
    a = _mm256_add_epi64(a, _mm256_and_si256(v, low));
    b = _mm256_add_epi64(b, _mm256_srli_epi64(v, 32));
    c = _mm256_add_epi64(c, _mm256_and_si256(w, low));
    d = _mm256_add_epi64(d, _mm256_srli_epi64(w, 32));
    data += 64;
    length -= 64;
  }
  a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
  alignas(32) uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), a);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3] + sumScalar(data, length);
}
#endif

using Sum = uint64_t (*)(const uint8_t*, size_t);

Sum chooseSum() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) return sumAvx2;
#endif
  return sumScalar;
}

// Chosen once while the library is loaded; never written again.
const Sum sumLong = chooseSum();

}  // namespace

uint16_t checksumSum(const uint8_t* data, size_t length, uint64_t initial) {
  const uint64_t sum = length < 128 ? sumScalar(data, length) : sumLong(data, length);
  return checksumFold((initial & 0xffffffff) + (initial >> 32) + (sum & 0xffffffff) + (sum >> 32));
}

uint64_t pseudoHeaderSum(const uint8_t* packet, bool ipv6, uint8_t protocol, uint32_t layer4Length) {
  const uint64_t addresses = ipv6 ? sumScalar(packet + 8, 32) : sumScalar(packet + 12, 8);
  return addresses + htons(protocol) + htons(static_cast<uint16_t>(layer4Length)) +
         htons(static_cast<uint16_t>(layer4Length >> 16));
}

}  // namespace twinspan
