#include "segment.h"

#include "checksum.h"

namespace twinspan {
namespace {

constexpr int GSO_ECN = 0x80;
constexpr int TCP_CHECKSUM_AT = 16;
constexpr int UDP_CHECKSUM_AT = 6;
constexpr int TCP_FLAGS_AT = 13;
constexpr uint8_t TCP_FIN = 0x01;
constexpr uint8_t TCP_PSH = 0x08;
constexpr uint8_t TCP_CWR = 0x80;
constexpr uint8_t PROTOCOL_TCP = 6;
constexpr uint8_t PROTOCOL_UDP = 17;

// Completes a checksum whose field holds the pseudo-header sum.
bool finishChecksum(uint8_t* packet, const Row& row) {
  const int64_t field = static_cast<int64_t>(row.csumStart) + row.csumOffset;
  if (row.csumStart < 0 || row.csumOffset < 0 || field + 2 > row.length) return false;
  uint16_t sum = static_cast<uint16_t>(~checksumSum(packet + row.csumStart, row.length - row.csumStart, 0));
  // RFC 768: a computed checksum of zero is sent as all ones, for zero says "none".
  if (sum == 0 && row.csumOffset == UDP_CHECKSUM_AT) sum = 0xffff;
  memcpy(packet + field, &sum, 2);
  return true;
}

}  // namespace

int32_t Segmenter::begin(uint8_t* packet, const Row& row) {
  packet_ = packet;
  length_ = row.length;
  index_ = 0;
  count_ = 1;
  gsoSize_ = 0;
  if (row.gsoType == GSO_NONE) {
    if ((row.flags & FLAG_NEEDS_CSUM) != 0 && !finishChecksum(packet, row)) return 0;
    return 1;
  }
  return beginGso(row) ? count_ : 0;
}

bool Segmenter::beginGso(const Row& row) {
  const int type = row.gsoType & ~GSO_ECN;
  udp_ = type == GSO_UDP_L4;
  if (length_ < 20) return false;
  ipv6_ = packet_[0] >> 4 == 6;
  if (ipv6_) {
    if (type != GSO_TCPV6 && !udp_) return false;
    if (row.csumStart < 40 || length_ < 40 || load16(packet_ + 4) != length_ - 40) return false;
  } else {
    if (packet_[0] >> 4 != 4 || (type != GSO_TCPV4 && !udp_)) return false;
    const int ipHeader = (packet_[0] & 15) * 4;
    if (ipHeader < 20 || row.csumStart != ipHeader || load16(packet_ + 2) != length_) return false;
    if ((load16(packet_ + 6) & 0x3fff) != 0) return false;
  }
  layer4_ = row.csumStart;
  if (row.csumOffset != (udp_ ? UDP_CHECKSUM_AT : TCP_CHECKSUM_AT)) return false;
  if (layer4_ > length_ - (udp_ ? 8 : 20)) return false;
  const int layer4Header = udp_ ? 8 : (packet_[layer4_ + 12] >> 4) * 4;
  headerLength_ = layer4_ + layer4Header;
  if (layer4Header < 8 || (!udp_ && layer4Header < 20)) return false;
  if (headerLength_ > HEADER_MAX || headerLength_ >= length_) return false;

  gsoSize_ = row.gsoSize;
  left_ = length_ - headerLength_;
  if (gsoSize_ <= 0) return false;
  count_ = static_cast<int32_t>((static_cast<int64_t>(left_) + gsoSize_ - 1) / gsoSize_);
  if (count_ > SEGMENTS_MAX) return false;

  memcpy(header_, packet_, headerLength_);
  payload_ = packet_ + headerLength_;
  identification_ = load16(header_ + 4);
  if (!udp_) {
    sequence_ = load32(header_ + layer4_ + 4);
    tcpFlags_ = header_[layer4_ + TCP_FLAGS_AT];
  }
  return true;
}

Piece Segmenter::next() {
  if (gsoSize_ == 0) return {packet_, length_};
  const int32_t size = left_ < gsoSize_ ? left_ : gsoSize_;
  const int32_t total = headerLength_ + size;
  uint8_t* const start = payload_ - headerLength_;
  uint8_t* const layer4 = start + layer4_;
  memcpy(start, header_, headerLength_);

  if (ipv6_) {
    store16(start + 4, total - 40);
  } else {
    store16(start + 2, total);
    store16(start + 4, static_cast<uint16_t>(identification_ + index_));
    ipv4HeaderChecksum(start, layer4_);
  }
  const int32_t layer4Length = total - layer4_;
  int checksumAt = UDP_CHECKSUM_AT;
  if (udp_) {
    store16(layer4 + 4, layer4Length);
  } else {
    checksumAt = TCP_CHECKSUM_AT;
    store32(layer4 + 4, sequence_ + static_cast<uint32_t>(index_) * static_cast<uint32_t>(gsoSize_));
    uint8_t flags = tcpFlags_;
    if (index_ != 0) flags &= static_cast<uint8_t>(~TCP_CWR);
    if (index_ != count_ - 1) flags &= static_cast<uint8_t>(~(TCP_FIN | TCP_PSH));
    layer4[TCP_FLAGS_AT] = flags;
  }
  layer4[checksumAt] = layer4[checksumAt + 1] = 0;
  const uint64_t pseudo = pseudoHeaderSum(start, ipv6_, udp_ ? PROTOCOL_UDP : PROTOCOL_TCP, layer4Length);
  uint16_t sum = static_cast<uint16_t>(~checksumSum(layer4, layer4Length, pseudo));
  if (sum == 0 && udp_) sum = 0xffff;
  memcpy(layer4 + checksumAt, &sum, 2);

  payload_ += size;
  left_ -= size;
  index_++;
  return {start, total};
}

}  // namespace twinspan
