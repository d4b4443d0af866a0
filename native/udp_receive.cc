// Receiving: recvmmsg into the UDP slots; a GRO message is split into one row a datagram, without a copy.
#include <cerrno>
#include <cstring>
#include <new>

#include "context.h"
#include "udp.h"

namespace twinspan {
namespace {

constexpr int MESSAGES_MAX = 64;
// Datagrams in one GRO message: 64 by UDP_GRO itself, 128 where a local sender's train arrives whole (kernel
// ≥ 6.9).
constexpr int DATAGRAMS_MAX = 128;

// Refusals of one message before the kernel is no longer asked for trains.
constexpr int REFUSALS_MAX = 2;
constexpr int DATA_HEADER_BYTES = 16;
constexpr int DATA_BYTES_MIN = 32;

// The kernel says how long the datagrams of a train are only while the socket asks for trains. One that was
// queued before is told by its contents: all are data messages of one session, as long as each other and a
// multiple of 16 bytes long. A wrong guess is refused by the authentication of each.
int32_t segmentOfUnmarked(const uint8_t* train, int32_t length) {
  constexpr uint8_t TYPE[4] = {4, 0, 0, 0};
  if (length < 2 * DATA_BYTES_MIN || memcmp(train, TYPE, sizeof(TYPE)) != 0) return length;
  for (int32_t segment = DATA_BYTES_MIN; segment + DATA_BYTES_MIN <= length; segment += DATA_HEADER_BYTES) {
    int32_t at = segment;
    while (at + DATA_BYTES_MIN <= length && memcmp(train, train + at, 8) == 0) at += segment;
    if (at >= length) return segment;
  }
  return length;
}

}  // namespace

class Receiver {
 public:
  int receive(int fd, Context& context, Socket* socket, int32_t slot, int count);
  int32_t split(Context& context, int message, int32_t slot, uint8_t socket, int32_t row, int32_t room);

 private:
  mmsghdr messages_[MESSAGES_MAX];
  iovec vectors_[MESSAGES_MAX];
  sockaddr_in6 names_[MESSAGES_MAX];
  alignas(cmsghdr) uint8_t controls_[MESSAGES_MAX][CMSG_SPACE(sizeof(int)) + 64];
};

Receiver* receiverNew() {
  return new (std::nothrow) Receiver;
}
void receiverFree(Receiver* receiver) {
  delete receiver;
}

int Receiver::receive(int fd, Context& context, Socket* socket, int32_t slot, int count) {
  for (int i = 0; i < count; i++) {
    vectors_[i] = {context.udpSlot(slot + i), SLOT_CAPACITY};
    msghdr& header = messages_[i].msg_hdr;
    header = msghdr{};
    header.msg_name = &names_[i];
    header.msg_namelen = sizeof(names_[i]);
    header.msg_iov = &vectors_[i];
    header.msg_iovlen = 1;
    header.msg_control = controls_[i];
    header.msg_controllen = sizeof(controls_[i]);
  }
  // An error may be a pending one of an earlier send; the datagrams behind it are still there.
  int refusals = 0;
  for (int attempt = 0;; attempt++) {
    const int taken = recvmmsg(fd, messages_, count, MSG_DONTWAIT, nullptr);
    if (taken >= 0) return taken;
    const int error = errno;
    if (error == EAGAIN || error == EBADF || error == ENOTSOCK || attempt == 3) return -error;
    const bool refused = socket != nullptr && (error == EIO || error == EINVAL);
    if (!refused || ++refusals != REFUSALS_MAX || (socket->offloads & UDP_OFFLOAD_GRO) == 0) continue;
    refuseTrains(fd);
    socket->unmarkedTrains = true;
    context.demoteSocket(socket, UDP_OFFLOAD_GRO, error);
  }
}

int32_t Receiver::split(Context& context, int message, int32_t slot, uint8_t socket, int32_t row,
                        int32_t room) {
  msghdr& header = messages_[message].msg_hdr;
  if ((header.msg_flags & MSG_TRUNC) != 0) return 0;
  const int32_t length = static_cast<int32_t>(messages_[message].msg_len);
  int32_t segment = length;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_UDP || control->cmsg_type != UDP_GRO) continue;
    int size;
    memcpy(&size, CMSG_DATA(control), sizeof(size));
    if (size > 0 && size < length) segment = size;
  }
  if (segment == length && context.sockets[socket].unmarkedTrains) {
    segment = segmentOfUnmarked(context.udpSlot(slot), length);
  }
  if (header.msg_namelen < sizeof(sockaddr_in)) names_[message].sin6_family = AF_UNSPEC;
  addressToEndpoint(&names_[message], socket, context.sources + static_cast<size_t>(slot) * ENDPOINT_BYTES);

  const int32_t start = context.offsetOf(context.udpSlot(slot));
  int32_t at = 0;
  int32_t taken = 0;
  do {
    if (taken == room) break;
    Row& out = context.rows[row + taken];
    out = Row{};
    out.offset = start + at;
    out.length = length - at < segment ? length - at : segment;
    out.source = slot;
    out.peer = out.route = out.nat = -1;
    taken++;
    at += segment;
  } while (at < length);
  return taken;
}

int32_t udpReceive(Context& context, int fd, int32_t socket, int32_t firstRow, int32_t maxMessages) {
  if (socket < 0 || socket >= SOCKETS_MAX || maxMessages < 0) return -EINVAL;
  if (firstRow < 0 || firstRow > context.rowCount) return -EINVAL;
  Socket& known = context.sockets[socket];
  const bool gro = known.fd != fd || known.unmarkedTrains || (known.offloads & UDP_OFFLOAD_GRO) != 0;
  const int32_t limit = maxMessages < context.udpSlots ? maxMessages : context.udpSlots;
  int32_t slot = 0;
  int32_t rows = 0;
  while (slot < limit) {
    const int32_t room = context.rowCount - firstRow - rows;
    int32_t count = gro ? room / DATAGRAMS_MAX : room;
    if (count > limit - slot) count = limit - slot;
    if (count > MESSAGES_MAX) count = MESSAGES_MAX;
    if (count <= 0) break;
    const int taken = context.receiver->receive(fd, context, known.fd == fd ? &known : nullptr, slot, count);
    if (taken == -EAGAIN) known.unmarkedTrains = false;
    if (taken < 0) {
      if (rows == 0 && taken != -EAGAIN) return taken;
      break;
    }
    context.stats.add(STAT_UDP_RECEIVES, 1);
    for (int i = 0; i < taken; i++) {
      rows += context.receiver->split(context, i, slot + i, static_cast<uint8_t>(socket), firstRow + rows,
                                      context.rowCount - firstRow - rows);
    }
    slot += taken;
    if (taken < count && !known.unmarkedTrains) break;
  }
  context.stats.add(STAT_UDP_RECEIVED_DATAGRAMS, rows);
  return rows;
}

}  // namespace twinspan
