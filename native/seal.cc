// The two AEAD batches: openBatch (in place) and sealSend (segment, seal, send).
#include <atomic>
#include <cerrno>
#include <cstring>

#include "context.h"
#include "segment.h"
#include "send.h"

namespace twinspan {
namespace {

constexpr int HEADER_BYTES = 16;
constexpr int OVERHEAD_BYTES = HEADER_BYTES + TAG_BYTES;
constexpr int PAD = 16;
constexpr uint8_t MESSAGE_TRANSPORT_DATA = 4;
constexpr int32_t ROWS_A_PIECE = 8;
// A batch of 64 long messages; a short one costs as much as so many bytes of a long one.
constexpr int32_t LANES_BYTES_MIN = 96 * 1024;
constexpr int32_t ROW_COST_BYTES = 256;
// WireGuard paper, 6.1: REJECT_AFTER_MESSAGES.
constexpr uint64_t REJECT_AFTER_MESSAGES = UINT64_MAX - (1 << 13);

static_assert(std::atomic_ref<uint64_t>::is_always_lock_free);

// Takes `count` successive counters for us alone. False where the session has none left; then none is taken.
bool takeCounters(uint64_t* shared, uint64_t count, uint64_t* first) {
  std::atomic_ref<uint64_t> next(*shared);
  uint64_t counter = next.load(std::memory_order_relaxed);
  do {
    if (counter > REJECT_AFTER_MESSAGES - count) return false;
  } while (!next.compare_exchange_weak(counter, counter + count, std::memory_order_relaxed));
  *first = counter;
  return true;
}

void store64le(uint8_t* at, uint64_t value) {
  for (int i = 0; i < 8; i++) at[i] = static_cast<uint8_t>(value >> (8 * i));
}

// One transport message. The plaintext is padded with zeros to a multiple of 16 (paper, 5.4.6) where it
// stands: the bytes behind it are put back afterwards, for the next segment begins there.
bool sealPiece(const KeyPair& key, uint32_t receiver, uint64_t counter, const Piece& piece, uint8_t* out) {
  store64le(out, MESSAGE_TRANSPORT_DATA | static_cast<uint64_t>(receiver) << 32);
  store64le(out + 8, counter);
  const int padding = -piece.length & (PAD - 1);
  uint8_t behind[PAD];
  uint8_t* const end = piece.data + piece.length;
  memcpy(behind, end, padding);
  memset(end, 0, padding);
  const bool sealed = aeadSeal(key, counter, piece.data, piece.length + padding, out + HEADER_BYTES);
  memcpy(end, behind, padding);
  return sealed;
}

void sealRow(Context& context, const Row& row) {
  Stats& stats = context.stats;
  const KeyPair* key = context.keys[row.session];
  if (key == nullptr) return stats.add(STAT_KEY_MISSING, 1);
  uint8_t* const packet = context.arena + row.offset;
  Segmenter segmenter;
  const int32_t pieces = row.length == 0 ? 1 : segmenter.begin(packet, row);
  if (pieces == 0) return stats.add(STAT_SEGMENT_ERRORS, 1);
  Sender& sender = *context.sender;
  if (!sender.route(context.paths + static_cast<size_t>(row.path) * ENDPOINT_BYTES)) {
    return stats.add(STAT_UDP_SEND_ERRORS, pieces);
  }
  uint64_t counter;
  if (!takeCounters(&context.sendCounter[row.session], pieces, &counter)) {
    return stats.add(STAT_COUNTER_LIMIT, pieces);
  }
  const bool whole = (row.flags & FLAG_SEAL_WHOLE) != 0;
  const uint32_t receiver = __atomic_load_n(&context.remoteIndex[row.session], __ATOMIC_RELAXED);
  for (int32_t k = 0; k < pieces; k++) {
    const Piece piece = row.length == 0 ? Piece{packet, 0} : segmenter.next();
    const int32_t length = OVERHEAD_BYTES + ((piece.length + PAD - 1) & ~(PAD - 1));
    if (length > TRAIN_BYTES) {
      stats.add(STAT_SEGMENT_ERRORS, 1);
      continue;
    }
    uint8_t* const place = sender.place(length, whole);
    if (sealPiece(*key, receiver, counter + k, piece, place)) sender.commit(length, whole);
  }
  stats.add(STAT_SEALED, pieces);
}

// A batch to be opened by the worker and its lanes.
struct Opening {
  Context& context;
  Row* rows;
  std::atomic<int32_t> opened{0}, failed{0};
};

void openRows(Opening& opening, int lane, int32_t first, int32_t end) {
  int32_t opened = 0, failed = 0;
  for (int32_t i = first; i < end; i++) {
    Row& row = opening.rows[i];
    if (row.verdict != VERDICT_OPEN) continue;
    Context& context = opening.context;
    KeyPair* pair = context.keys[row.session];
    void* const opener = pair == nullptr ? nullptr : keyPairOpener(pair, lane);
    uint8_t* const datagram = context.arena + row.offset;
    const int32_t length = row.length - OVERHEAD_BYTES;
    if (opener == nullptr || length < 0 ||
        !aeadOpen(*pair->aead, opener, datagram + 8, datagram + HEADER_BYTES, length)) {
      row.verdict = VERDICT_OPEN_FAILED;
      failed++;
      continue;
    }
    row.offset += HEADER_BYTES;
    row.length = length;
    row.verdict = VERDICT_OPENED;
    opened++;
  }
  opening.opened.fetch_add(opened, std::memory_order_relaxed);
  opening.failed.fetch_add(failed, std::memory_order_relaxed);
}

void openPiece(void* opening, int lane, int32_t first, int32_t end) {
  openRows(*static_cast<Opening*>(opening), lane, first, end);
}

// Where a lane must be woken, 64 long messages take as long with it as without (docs/performance.md).
bool isWorthLanes(const Row* rows, int32_t count) {
  int32_t bytes = 0;
  for (int32_t i = 0; i < count && bytes < LANES_BYTES_MIN; i++) {
    if (rows[i].verdict == VERDICT_OPEN) bytes += ROW_COST_BYTES + rows[i].length;
  }
  return bytes >= LANES_BYTES_MIN;
}

}  // namespace

int32_t openBatch(Context& context, int32_t firstRow, int32_t count) {
  if (!context.rowsFit(firstRow, count)) return -EINVAL;
  Row* const rows = context.rows + firstRow;
  for (int32_t i = 0; i < count; i++) {
    const Row& row = rows[i];
    if (row.verdict != VERDICT_OPEN) continue;
    if (!context.packetFits(row) || row.session < 0 || row.session >= context.sessionCount) return -EINVAL;
  }
  Opening opening{context, rows};
  if (context.laneCount > 0 && isWorthLanes(rows, count)) {
    if (context.lanes.count() == 0) context.lanes.open(context.laneCount);
    context.lanes.run(openPiece, &opening, count, ROWS_A_PIECE);
  } else {
    openRows(opening, 0, 0, count);
  }
  context.stats.add(STAT_OPENED, opening.opened.load());
  context.stats.add(STAT_OPEN_FAILED, opening.failed.load());
  return opening.opened.load();
}

int32_t sealSend(Context& context, int32_t firstRow, int32_t count) {
  if (!context.rowsFit(firstRow, count)) return -EINVAL;
  const Row* const rows = context.rows + firstRow;
  for (int32_t i = 0; i < count; i++) {
    const Row& row = rows[i];
    if (row.verdict != VERDICT_SEAL) continue;
    if (!context.packetFits(row, PAD) || row.session < 0 || row.session >= context.sessionCount ||
        row.path < 0 || row.path >= context.pathCount) {
      return -EINVAL;
    }
  }
  for (int32_t i = 0; i < count; i++) {
    if (rows[i].verdict == VERDICT_SEAL) sealRow(context, rows[i]);
  }
  return context.sender->flush();
}

}  // namespace twinspan
