// The Internet checksum (RFC 1071). Sums are kept in memory order, so that a result is stored as it is; the
// byte order of a sum is that of its words (RFC 1071, section 2B).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace twinspan {

// Ones' complement sum of `length` bytes as 16-bit words, folded, plus `initial`; an odd last byte counts as
// if a zero byte followed.
uint16_t checksumSum(const uint8_t* data, size_t length, uint64_t initial);

// Sum of the pseudo-header (RFC 9293 3.1, RFC 8200 8.1) of an IP packet: addresses, protocol, layer-4 length.
uint64_t pseudoHeaderSum(const uint8_t* packet, bool ipv6, uint8_t protocol, uint32_t layer4Length);

inline uint16_t checksumFold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

inline uint16_t load16(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] << 8 | at[1]);
}

inline uint32_t load32(const uint8_t* at) {
  return static_cast<uint32_t>(at[0]) << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

inline void store16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

inline void store32(uint8_t* at, uint32_t value) {
  store16(at, value >> 16);
  store16(at + 2, value);
}

// Recomputes the header checksum of an IPv4 packet.
inline void ipv4HeaderChecksum(uint8_t* packet, size_t headerLength) {
  packet[10] = packet[11] = 0;
  const uint16_t sum = static_cast<uint16_t>(~checksumSum(packet, headerLength, 0));
  memcpy(packet + 10, &sum, 2);
}

}  // namespace twinspan
