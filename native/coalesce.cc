#include "coalesce.h"

#include <cstring>
#include <new>

#include "checksum.h"

namespace twinspan {
namespace {

constexpr uint8_t TCP = 6;
constexpr uint8_t UDP = 17;
constexpr uint8_t ICMPV6 = 58;
constexpr uint8_t NO_NEXT_HEADER = 59;
constexpr int TCP_FLAGS_AT = 13;
constexpr uint8_t TCP_ACK = 0x10;
constexpr uint8_t TCP_PSH = 0x08;
constexpr int IPV4_DF = 0x4000;
constexpr int IP_LENGTH_MAX = 65535;
// Longest walk in a bucket. Newer items stand in front, so a flow that is not found has nothing to be
// reordered with.
constexpr int WALK_MAX = 8;

enum class Kind {
  Mergeable,
  // Of a flow, but never merged: it ends what is open of its flow.
  Flow,
  // Of no flow.
  Other,
  // May belong to any flow: it ends everything that is open.
  Opaque,
};

// Addresses and ports stand together where there are neither options nor extension headers.
int keyAt(bool ipv6) {
  return ipv6 ? 8 : 12;
}
int keyLength(bool ipv6) {
  return ipv6 ? 36 : 12;
}

uint32_t bucketOf(const uint8_t* packet, bool ipv6, uint8_t protocol) {
  uint64_t hash = protocol;
  const uint8_t* key = packet + keyAt(ipv6);
  for (int i = 0; i < keyLength(ipv6); i += 4) {
    uint32_t word;
    memcpy(&word, key + i, 4);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return static_cast<uint32_t>(hash & 0xff);
}

bool checksumValid(const uint8_t* packet, bool ipv6, uint8_t protocol, int layer4, int length) {
  const uint64_t pseudo = pseudoHeaderSum(packet, ipv6, protocol, length - layer4);
  return checksumSum(packet + layer4, length - layer4, pseudo) == 0xffff;
}

// Equal in all that the segments of one super-packet share; `part` is the number of the packet in it.
bool sameHeaders(const uint8_t* head, const uint8_t* packet, const Item& item) {
  if (item.ipv6) {
    if (memcmp(head, packet, 4) != 0 || head[7] != packet[7]) return false;
  } else {
    if (head[1] != packet[1] || memcmp(head + 6, packet + 6, 3) != 0) return false;
    const auto expected = static_cast<uint16_t>(load16(head + 4) + item.parts);
    // With DF set the identification means nothing (RFC 6864).
    if ((load16(head + 6) & IPV4_DF) == 0 && load16(packet + 4) != expected) return false;
  }
  if (item.protocol == UDP) return true;
  const uint8_t* a = head + item.layer4;
  const uint8_t* b = packet + item.layer4;
  return memcmp(a + 8, b + 8, 5) == 0 && memcmp(a + 14, b + 14, 2) == 0 && memcmp(a + 18, b + 18, 2) == 0 &&
         memcmp(a + 20, b + 20, item.headerLength - item.layer4 - 20) == 0;
}

}  // namespace

struct Coalescer::Parsed {
  Kind kind;
  int32_t length, headerLength, payload;
  uint8_t layer4, protocol;
  bool ipv6;
};

Coalescer::~Coalescer() {
  delete[] items_;
}

bool Coalescer::open(int32_t rowCount) {
  items_ = new (std::nothrow) Item[rowCount > 0 ? rowCount : 1];
  return items_ != nullptr;
}

void Coalescer::begin(bool tcp, bool udp) {
  tcp_ = tcp;
  udp_ = udp;
  itemCount_ = 0;
  epoch_ = 0;
  memset(buckets_, 0xff, sizeof(buckets_));
}

void Coalescer::parse(const uint8_t* packet, int32_t length, Parsed* out) {
  *out = Parsed{Kind::Other, length, 0, 0, 0, 0, false};
  if (length < 20) return;
  const int version = packet[0] >> 4;
  if (version == 4) {
    const int total = load16(packet + 2);
    if (total < 20 || total > length) return;
    out->length = total;
    out->layer4 = 20;
    out->protocol = packet[9];
    if (packet[0] != 0x45 || (load16(packet + 6) & ~IPV4_DF) != 0) {
      out->kind = Kind::Opaque;
      return;
    }
  } else if (version == 6) {
    if (length < 40 || 40 + load16(packet + 4) > length) return;
    out->length = 40 + load16(packet + 4);
    out->layer4 = 40;
    out->protocol = packet[6];
    out->ipv6 = true;
    if (out->protocol == ICMPV6 || out->protocol == NO_NEXT_HEADER) return;
    if (out->protocol != TCP && out->protocol != UDP) {
      out->kind = Kind::Opaque;
      return;
    }
  } else {
    return;
  }
  const uint8_t* layer4 = packet + out->layer4;
  const int rest = out->length - out->layer4;
  if (out->protocol == TCP && rest >= 20) {
    const int header = (layer4[12] >> 4) * 4;
    out->kind = Kind::Flow;
    out->headerLength = out->layer4 + header;
    out->payload = rest - header;
    const uint8_t flags = layer4[TCP_FLAGS_AT];
    if (header >= 20 && out->payload > 0 && (flags & ~TCP_PSH) == TCP_ACK) out->kind = Kind::Mergeable;
  } else if (out->protocol == UDP && rest >= 8) {
    out->kind = Kind::Flow;
    out->headerLength = out->layer4 + 8;
    out->payload = rest - 8;
    const bool summed = (layer4[6] | layer4[7]) != 0;
    if (out->payload > 0 && load16(layer4 + 4) == rest && summed) out->kind = Kind::Mergeable;
  }
}

Item* Coalescer::findFlow(const Context& context, const uint8_t* packet, const Parsed& parsed,
                          uint32_t bucket) {
  int32_t index = buckets_[bucket];
  for (int walk = 0; index >= 0 && walk < WALK_MAX; walk++) {
    Item& item = items_[index];
    const uint8_t* head = context.arena + context.rows[item.first].offset;
    if (item.ipv6 == parsed.ipv6 && item.protocol == parsed.protocol &&
        memcmp(head + keyAt(parsed.ipv6), packet + keyAt(parsed.ipv6), keyLength(parsed.ipv6)) == 0) {
      return item.open && item.epoch == epoch_ ? &item : nullptr;
    }
    index = item.nextInBucket;
  }
  return nullptr;
}

bool Coalescer::merge(Context& context, Item* item, int32_t row, const uint8_t* packet,
                      const Parsed& parsed) {
  const uint8_t* head = context.arena + context.rows[item->first].offset;
  if (item->parts == PARTS_MAX || item->headerLength != parsed.headerLength ||
      parsed.payload > item->gsoSize || item->length + parsed.payload > IP_LENGTH_MAX ||
      !sameHeaders(head, packet, *item)) {
    return false;
  }
  const bool tcp = parsed.protocol == TCP;
  if (tcp && load32(packet + parsed.layer4 + 4) != item->nextSequence) return false;
  if (!item->verified) {
    if (!checksumValid(head, item->ipv6, item->protocol, item->layer4, item->length)) return false;
    item->verified = true;
  }
  if (!checksumValid(packet, parsed.ipv6, parsed.protocol, parsed.layer4, parsed.length)) return false;
  context.rows[item->last].native = row;
  item->last = row;
  item->parts++;
  item->length += parsed.payload;
  item->nextSequence += parsed.payload;
  item->push = tcp && (packet[parsed.layer4 + TCP_FLAGS_AT] & TCP_PSH) != 0;
  item->open = parsed.payload == item->gsoSize && !item->push;
  return true;
}

void Coalescer::add(Context& context, int32_t row) {
  const Row& source = context.rows[row];
  const uint8_t* packet = context.arena + source.offset;
  Parsed parsed;
  if (source.gsoType != GSO_NONE || (source.flags & FLAG_NEEDS_CSUM) != 0) {
    parsed = Parsed{Kind::Opaque, source.length, 0, 0, 0, 0, false};
  } else {
    parse(packet, source.length, &parsed);
  }
  const bool keyed = parsed.kind == Kind::Mergeable || parsed.kind == Kind::Flow;
  const bool wanted = keyed && (parsed.protocol == TCP ? tcp_ : udp_);
  if (parsed.kind == Kind::Opaque) epoch_++;
  uint32_t bucket = 0;
  if (wanted) {
    bucket = bucketOf(packet, parsed.ipv6, parsed.protocol);
    Item* flow = findFlow(context, packet, parsed, bucket);
    if (flow != nullptr) {
      if (parsed.kind == Kind::Mergeable && merge(context, flow, row, packet, parsed)) return;
      flow->open = false;
    }
  }
  const int32_t index = itemCount_++;
  Item& item = items_[index];
  item = Item{row,   row,   1,      parsed.length, parsed.headerLength, parsed.payload,
              -1,    0,     epoch_, parsed.layer4, parsed.protocol,     parsed.ipv6,
              false, false, false};
  if (!wanted || parsed.kind != Kind::Mergeable) return;
  const uint8_t* layer4 = packet + parsed.layer4;
  item.push = parsed.protocol == TCP && (layer4[TCP_FLAGS_AT] & TCP_PSH) != 0;
  item.open = !item.push;
  if (parsed.protocol == TCP) item.nextSequence = load32(layer4 + 4) + parsed.payload;
  item.nextInBucket = buckets_[bucket];
  buckets_[bucket] = index;
}

void encodeVnetHeader(uint8_t* out, int flags, int gsoType, int headerLength, int gsoSize, int csumStart,
                      int csumOffset) {
  const uint16_t words[4] = {static_cast<uint16_t>(headerLength), static_cast<uint16_t>(gsoSize),
                             static_cast<uint16_t>(csumStart), static_cast<uint16_t>(csumOffset)};
  out[0] = static_cast<uint8_t>(flags);
  out[1] = static_cast<uint8_t>(gsoType);
  memcpy(out + 2, words, sizeof(words));
}

void encodeMergedHeader(const Context& context, const Item& item, uint8_t* out) {
  const bool tcp = item.protocol == TCP;
  const int type = !tcp ? GSO_UDP_L4 : item.ipv6 ? GSO_TCPV6 : GSO_TCPV4;
  const int checksumAt = tcp ? 16 : 6;
  encodeVnetHeader(out, FLAG_NEEDS_CSUM, type, item.headerLength, item.gsoSize, item.layer4, checksumAt);
  uint8_t* const packet = out + VNET_HEADER_BYTES;
  memcpy(packet, context.arena + context.rows[item.first].offset, item.headerLength);
  if (item.ipv6) {
    store16(packet + 4, item.length - 40);
  } else {
    store16(packet + 2, item.length);
    ipv4HeaderChecksum(packet, 20);
  }
  uint8_t* const layer4 = packet + item.layer4;
  const int layer4Length = item.length - item.layer4;
  if (!tcp) store16(layer4 + 4, layer4Length);
  if (item.push) layer4[TCP_FLAGS_AT] |= TCP_PSH;
  const uint16_t sum = checksumFold(pseudoHeaderSum(packet, item.ipv6, item.protocol, layer4Length));
  memcpy(layer4 + checksumAt, &sum, 2);
}

}  // namespace twinspan
