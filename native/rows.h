// The descriptor table, as stated in src/core/packet/rows.ts; a test compares the two files.
#pragma once

#include <cstddef>
#include <cstdint>

namespace twinspan {

constexpr int ROW_STRIDE = 16;

constexpr int ROW_OFFSET = 0;
constexpr int ROW_LENGTH = 1;
constexpr int ROW_VERDICT = 2;
constexpr int ROW_GSO_TYPE = 3;
constexpr int ROW_GSO_SIZE = 4;
constexpr int ROW_FLAGS = 5;
constexpr int ROW_CSUM_START = 6;
constexpr int ROW_CSUM_OFFSET = 7;
constexpr int ROW_SESSION = 8;
constexpr int ROW_PATH = 9;
constexpr int ROW_SOURCE = 10;
constexpr int ROW_PEER = 11;
constexpr int ROW_ROUTE = 12;
constexpr int ROW_NAT = 13;
constexpr int ROW_REASON = 14;
constexpr int ROW_NATIVE = 15;

constexpr int FLAG_NEEDS_CSUM = 1;
constexpr int FLAG_DATA_VALID = 2;
// Of rows to be sealed (src/core/packet/rows.ts).
constexpr int FLAG_SEAL_WHOLE = 256;
constexpr int FLAG_FRAGMENT_SHIFT = 16;

constexpr int GSO_NONE = 0;
constexpr int GSO_TCPV4 = 1;
constexpr int GSO_TCPV6 = 4;
constexpr int GSO_UDP_L4 = 5;

constexpr int VERDICT_DROP = 0;
constexpr int VERDICT_OPEN = 1;
constexpr int VERDICT_OPENED = 2;
constexpr int VERDICT_OPEN_FAILED = 3;
constexpr int VERDICT_SEAL = 4;
constexpr int VERDICT_LAN = 5;
constexpr int VERDICT_WAN = 6;
constexpr int VERDICT_CONTROL = 7;

// Arena geometry and endpoint records (src/edge/native.ts, src/core/base/endpoint.ts).
constexpr int SLOT_HEADROOM = 256;
constexpr int SLOT_CAPACITY = 65536;
constexpr int SLOT_BYTES = SLOT_HEADROOM + SLOT_CAPACITY + 256;
constexpr int ENDPOINT_BYTES = 32;

// One row, field by field.
struct Row {
  int32_t offset, length, verdict;
  int32_t gsoType, gsoSize, flags, csumStart, csumOffset;
  int32_t session, path, source, peer, route, nat, reason, native;
};

static_assert(sizeof(Row) == ROW_STRIDE * sizeof(int32_t));
static_assert(offsetof(Row, verdict) == 4 * ROW_VERDICT);
static_assert(offsetof(Row, csumOffset) == 4 * ROW_CSUM_OFFSET);
static_assert(offsetof(Row, source) == 4 * ROW_SOURCE);
static_assert(offsetof(Row, native) == 4 * ROW_NATIVE);

}  // namespace twinspan
