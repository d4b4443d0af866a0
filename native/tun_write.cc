// Writing to a TUN device: one writev a resulting packet. What the device or the caller's offloads do not
// take as one piece is taken apart again here, so that nothing is lost when an offload is off or turns out
// not to work.
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "coalesce.h"
#include "context.h"
#include "segment.h"

namespace twinspan {
namespace {

constexpr int HEADERS_MAX = 128;
const uint8_t PLAIN[VNET_HEADER_BYTES] = {};

bool isOffloadRefusal(int error) {
  return error == EIO || error == EINVAL || error == EMSGSIZE;
}

class Writer {
 public:
  Writer(Context& context, int fd, uint32_t offloads) : context_(context), fd_(fd), offloads_(offloads) {}

  void write(const Item& item);
  int32_t written() const { return written_; }
  bool broken() const { return broken_; }

 private:
  int put(const iovec* vectors, int count);
  int putPlain(uint8_t* packet, int32_t length);
  void countRow(int error);
  void writeMerged(const Item& item);
  void writeUnmerged(const Item& item, int refusal);
  void writeUnfinished(const Row& row);
  void writeSegments(const Row& row, uint32_t demote, int refusal);

  Context& context_;
  const int fd_;
  const uint32_t offloads_;
  int32_t written_ = 0;
  bool broken_ = false;
};

// 0 or errno.
int Writer::put(const iovec* vectors, int count) {
  ssize_t taken;
  do {
    taken = writev(fd_, vectors, count);
  } while (taken < 0 && errno == EINTR);
  context_.stats.add(STAT_TUN_WRITES, 1);
  if (taken >= 0) return 0;
  if (errno == EBADF) broken_ = true;
  return errno;
}

int Writer::putPlain(uint8_t* packet, int32_t length) {
  const iovec vectors[2] = {{const_cast<uint8_t*>(PLAIN), VNET_HEADER_BYTES},
                            {packet, static_cast<size_t>(length)}};
  return put(vectors, 2);
}

void Writer::countRow(int error) {
  context_.stats.add(error == 0 ? STAT_TUN_WRITE_PACKETS : STAT_TUN_WRITE_ERRORS, 1);
  if (error == 0) written_++;
}

void Writer::write(const Item& item) {
  const Row& row = context_.rows[item.first];
  if (item.parts > 1) return writeMerged(item);
  if (row.gsoType != GSO_NONE || (row.flags & FLAG_NEEDS_CSUM) != 0) return writeUnfinished(row);
  countRow(putPlain(context_.arena + row.offset, item.length));
}

void Writer::writeMerged(const Item& item) {
  uint8_t headers[VNET_HEADER_BYTES + HEADERS_MAX];
  iovec vectors[1 + PARTS_MAX];
  encodeMergedHeader(context_, item, headers);
  vectors[0] = {headers, static_cast<size_t>(VNET_HEADER_BYTES + item.headerLength)};
  int32_t left = item.length - item.headerLength;
  int32_t index = item.first;
  for (int part = 0; part < item.parts; part++) {
    const Row& row = context_.rows[index];
    const int32_t size = left < item.gsoSize ? left : item.gsoSize;
    vectors[1 + part] = {context_.arena + row.offset + item.headerLength, static_cast<size_t>(size)};
    left -= size;
    index = row.native;
  }
  const int error = put(vectors, 1 + item.parts);
  if (isOffloadRefusal(error)) return writeUnmerged(item, error);
  context_.stats.add(error == 0 ? STAT_TUN_WRITE_PACKETS : STAT_TUN_WRITE_ERRORS, item.parts);
  if (error == 0) written_ += item.parts;
}

void Writer::writeUnmerged(const Item& item, int refusal) {
  const int32_t before = written_;
  int32_t left = item.length - item.headerLength;
  int32_t index = item.first;
  for (int part = 0; part < item.parts; part++) {
    const Row& row = context_.rows[index];
    const int32_t size = left < item.gsoSize ? left : item.gsoSize;
    countRow(putPlain(context_.arena + row.offset, item.headerLength + size));
    left -= size;
    index = row.native;
  }
  // A device that takes nothing at all (it is down) says nothing about the offload.
  if (written_ != before) context_.demoteTun(item.protocol == 6 ? TUN_OFFLOAD_TSO : TUN_OFFLOAD_USO, refusal);
}

// A row that came from a TUN device with work left in it: a super-packet, or a checksum to be finished.
void Writer::writeUnfinished(const Row& row) {
  const uint32_t usable = offloads_ & ~context_.tunDemoted;
  const bool udp = row.gsoType == GSO_UDP_L4;
  const uint32_t segmentation = row.gsoType == GSO_NONE ? 0 : udp ? TUN_OFFLOAD_USO : TUN_OFFLOAD_TSO;
  const uint32_t needed = TUN_OFFLOAD_CSUM | segmentation;
  if ((usable & needed) != needed) return writeSegments(row, 0, 0);
  uint8_t* const packet = context_.arena + row.offset;
  const int64_t fieldEnd = static_cast<int64_t>(row.csumStart) + row.csumOffset + 2;
  if (row.csumStart < 0 || row.csumOffset < 0 || fieldEnd > row.length) {
    return context_.stats.add(STAT_SEGMENT_ERRORS, 1);
  }
  int headerLength = 0;
  if (segmentation != 0) {
    if (row.csumStart + 13 > row.length) return context_.stats.add(STAT_SEGMENT_ERRORS, 1);
    headerLength = row.csumStart + (udp ? 8 : (packet[row.csumStart + 12] >> 4) * 4);
  }
  uint8_t header[VNET_HEADER_BYTES];
  encodeVnetHeader(header, row.flags, row.gsoType, headerLength, row.gsoSize, row.csumStart, row.csumOffset);
  const iovec vectors[2] = {{header, VNET_HEADER_BYTES}, {packet, static_cast<size_t>(row.length)}};
  const int error = put(vectors, 2);
  if (isOffloadRefusal(error)) {
    return writeSegments(row, segmentation != 0 ? segmentation : TUN_OFFLOAD_CSUM, error);
  }
  countRow(error);
}

void Writer::writeSegments(const Row& row, uint32_t demoteBits, int refusal) {
  Segmenter segmenter;
  const int32_t pieces = segmenter.begin(context_.arena + row.offset, row);
  if (pieces == 0) return context_.stats.add(STAT_SEGMENT_ERRORS, 1);
  int32_t passed = 0;
  int error = 0;
  for (int32_t k = 0; k < pieces; k++) {
    const Piece piece = segmenter.next();
    const int failed = putPlain(piece.data, piece.length);
    if (failed != 0) error = failed;
    if (failed == 0) passed++;
  }
  countRow(passed > 0 ? 0 : error);
  if (passed > 0 && demoteBits != 0) context_.demoteTun(demoteBits, refusal);
}

}  // namespace

int32_t tunWrite(Context& context, int fd, int32_t firstRow, int32_t count, int32_t verdict,
                 uint32_t offloads) {
  if (!context.rowsFit(firstRow, count)) return -EINVAL;
  for (int32_t i = firstRow; i < firstRow + count; i++) {
    if (context.rows[i].verdict == verdict && !context.packetFits(context.rows[i])) return -EINVAL;
  }
  const uint32_t usable = offloads & ~context.tunDemoted;
  const bool coalesce = (usable & TUN_OFFLOAD_GRO) != 0 && (usable & TUN_OFFLOAD_CSUM) != 0;
  Coalescer& coalescer = *context.coalescer;
  coalescer.begin(coalesce && (usable & TUN_OFFLOAD_TSO) != 0, coalesce && (usable & TUN_OFFLOAD_USO) != 0);
  for (int32_t i = firstRow; i < firstRow + count; i++) {
    if (context.rows[i].verdict == verdict && context.rows[i].length > 0) coalescer.add(context, i);
  }
  Writer writer(context, fd, offloads);
  for (int32_t i = 0; i < coalescer.count(); i++) {
    writer.write(coalescer.item(i));
    if (writer.broken()) return -EBADF;
  }
  return writer.written();
}

}  // namespace twinspan
