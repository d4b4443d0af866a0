// Coalescing before a TUN write: neighbouring packets of a flow become one super-packet with a GSO header, as
// the kernel's own GRO would make of them. Rules: equal headers but for what segmentation restores, equal
// payload sizes but for a smaller last one, adjacent TCP sequence numbers, verified checksums; fragments,
// options of IPv4 and extension headers are left alone; within a flow nothing is ever reordered.
//
// Several flows may be open at once. Items are written in the order in which their first packets came.
#pragma once

#include "context.h"

namespace twinspan {

constexpr int VNET_HEADER_BYTES = 10;
// The kernel takes 1,024 slices; more parts than this bring nothing.
constexpr int PARTS_MAX = 128;

// One packet to be written: a single row, or `parts` rows linked by Row::native.
struct Item {
  int32_t first, last, parts;
  // Bytes to write: headers and the payload of all parts.
  int32_t length;
  int32_t headerLength, gsoSize;
  int32_t nextInBucket;
  uint32_t nextSequence;
  uint32_t epoch;
  uint8_t layer4, protocol;
  bool ipv6, open, verified, push;
};

class Coalescer {
 public:
  ~Coalescer();
  bool open(int32_t rowCount);

  void begin(bool tcp, bool udp);
  // Takes on a row, checked against the arena.
  void add(Context& context, int32_t row);

  int32_t count() const { return itemCount_; }
  const Item& item(int32_t index) const { return items_[index]; }

 private:
  static constexpr int BUCKETS = 256;
  struct Parsed;

  static void parse(const uint8_t* packet, int32_t length, Parsed* out);
  Item* findFlow(const Context& context, const uint8_t* packet, const Parsed& parsed, uint32_t bucket);
  bool merge(Context& context, Item* item, int32_t row, const uint8_t* packet, const Parsed& parsed);

  Item* items_ = nullptr;
  int32_t itemCount_ = 0;
  uint32_t epoch_ = 0;
  bool tcp_ = false, udp_ = false;
  int32_t buckets_[BUCKETS];
};

// Writes the virtio_net_hdr and the headers of a merged item to `out` (VNET_HEADER_BYTES + headerLength
// bytes).
void encodeMergedHeader(const Context& context, const Item& item, uint8_t* out);

// A virtio_net_hdr in host byte order.
void encodeVnetHeader(uint8_t* out, int flags, int gsoType, int headerLength, int gsoSize, int csumStart,
                      int csumOffset);

}  // namespace twinspan
