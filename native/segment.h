// Software segmentation of what the TUN device hands out: GSO super-packets (TCP over IPv4 and IPv6, UDP) and
// packets whose checksum the kernel left to us (virtio 1.2, 5.1.6).
//
// Where the row names a largest IPv4 packet, what is larger, whole or as a segment, is cut into fragments
// (RFC 791 3.2).
//
// It works in place. The header of segment k is written directly before its payload, over the tail of segment
// k−1, so each segment is contiguous without a copy of its payload; it must be used up before the next one is
// asked for.
#pragma once

#include "rows.h"

namespace twinspan {

// A packet of 65,535 bytes at the smallest MSS that Linux permits (48) has 1,365 segments.
constexpr int SEGMENTS_MAX = 2048;

struct Piece {
  uint8_t* data;
  int32_t length;
};

class Segmenter {
 public:
  // Takes on the packet at `packet` of row.length (> 0) bytes. Number of segments, or 0 where the row's GSO
  // and checksum fields do not fit its bytes. The kernel's hdr_len is not asked: on forwarded packets it is
  // wrong.
  int32_t begin(uint8_t* packet, const Row& row);

  // The next of the segments announced by begin.
  Piece next();

 private:
  static constexpr int HEADER_MAX = 256;

  bool beginGso(const Row& row);
  Piece nextSegment();
  int32_t fragmentsOf(int32_t length) const;
  void beginFragments(const Piece& piece);
  Piece nextFragment();

  uint8_t header_[HEADER_MAX];
  uint8_t* packet_;
  uint8_t* payload_;
  int32_t length_, headerLength_, layer4_, gsoSize_, left_, index_, count_;
  uint32_t sequence_;
  // Fragments: the largest packet (0 = any), and of the packet that is being cut: its header, what is left of its
  // payload, and its fragment field.
  int32_t fragmentLimit_;
  uint8_t ipHeader_[60];
  uint8_t* fragment_;
  int32_t ipHeaderLength_, fragmentLeft_;
  uint16_t fragmentField_;
  uint16_t identification_;
  uint8_t tcpFlags_;
  bool ipv6_, udp_;
};

}  // namespace twinspan
