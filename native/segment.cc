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
constexpr int FRAGMENT_AT = 6;
constexpr uint16_t MORE_FRAGMENTS = 0x2000;
constexpr uint8_t OPTION_END = 0;
constexpr uint8_t OPTION_NOP = 1;
constexpr uint8_t OPTION_COPIED = 0x80;

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

// Options without the "copied" flag are for the first fragment alone; later ones have padding there.
void keepCopiedOptions(uint8_t* header, int length) {
  for (int at = 20; at < length && header[at] != OPTION_END;) {
    const int size = header[at] == OPTION_NOP || at + 1 == length ? 1 : header[at + 1];
    if (size < 1 || size > length - at) return;
    if ((header[at] & OPTION_COPIED) == 0) memset(header + at, OPTION_NOP, size);
    at += size;
  }
}

}  // namespace

int32_t Segmenter::begin(uint8_t* packet, const Row& row) {
  packet_ = packet;
  length_ = row.length;
  index_ = 0;
  count_ = 1;
  gsoSize_ = 0;
  fragmentLeft_ = 0;
  const bool ipv4 = length_ >= 20 && packet[0] >> 4 == 4;
  fragmentLimit_ = ipv4 ? static_cast<int32_t>(static_cast<uint32_t>(row.flags) >> FLAG_FRAGMENT_SHIFT) : 0;
  ipHeaderLength_ = (packet[0] & 15) * 4;
  // Eight bytes of payload must fit into a fragment.
  if (ipHeaderLength_ < 20 || ipHeaderLength_ > length_ || fragmentLimit_ < ipHeaderLength_ + 8) fragmentLimit_ = 0;
  if (row.gsoType == GSO_NONE) {
    if ((row.flags & FLAG_NEEDS_CSUM) != 0 && !finishChecksum(packet, row)) return 0;
    return fragmentsOf(length_);
  }
  if (!beginGso(row)) return 0;
  const int32_t last = left_ - (count_ - 1) * gsoSize_;
  return (count_ - 1) * fragmentsOf(headerLength_ + gsoSize_) + fragmentsOf(headerLength_ + last);
}

// Packets that one of `length` bytes leaves in.
int32_t Segmenter::fragmentsOf(int32_t length) const {
  if (fragmentLimit_ == 0 || length <= fragmentLimit_) return 1;
  const int32_t size = (fragmentLimit_ - ipHeaderLength_) & ~7;
  return (length - ipHeaderLength_ + size - 1) / size;
}

Piece Segmenter::next() {
  if (fragmentLeft_ > 0) return nextFragment();
  const Piece piece = nextSegment();
  if (fragmentsOf(piece.length) == 1) return piece;
  beginFragments(piece);
  return nextFragment();
}

void Segmenter::beginFragments(const Piece& piece) {
  memcpy(ipHeader_, piece.data, ipHeaderLength_);
  fragment_ = piece.data + ipHeaderLength_;
  fragmentLeft_ = piece.length - ipHeaderLength_;
  fragmentField_ = load16(ipHeader_ + FRAGMENT_AT);
}

Piece Segmenter::nextFragment() {
  const int32_t room = (fragmentLimit_ - ipHeaderLength_) & ~7;
  const int32_t size = fragmentLeft_ < room ? fragmentLeft_ : room;
  uint8_t* const start = fragment_ - ipHeaderLength_;
  memcpy(start, ipHeader_, ipHeaderLength_);
  fragment_ += size;
  fragmentLeft_ -= size;
  // The last of them is followed by more where the packet was a fragment itself.
  store16(start + FRAGMENT_AT, fragmentField_ | (fragmentLeft_ > 0 ? MORE_FRAGMENTS : 0));
  fragmentField_ = static_cast<uint16_t>(fragmentField_ + size / 8);
  store16(start + 2, static_cast<uint16_t>(ipHeaderLength_ + size));
  ipv4HeaderChecksum(start, ipHeaderLength_);
  keepCopiedOptions(ipHeader_, ipHeaderLength_);
  return {start, ipHeaderLength_ + size};
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

Piece Segmenter::nextSegment() {
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
