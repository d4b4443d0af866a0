#include "send.h"

#include <poll.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "udp.h"

namespace twinspan {
namespace {

bool isGsoRefusal(int error) {
  return error == EIO || error == EINVAL || error == EMSGSIZE;
}

}  // namespace

Sender::~Sender() {
  delete[] buffer_;
}

bool Sender::open() {
  buffer_ = new (std::nothrow) uint8_t[SEND_BUFFER_BYTES];
  return buffer_ != nullptr;
}

bool Sender::route(const uint8_t* record) {
  if (!routeChanged_ && memcmp(record_, record, sizeof(record_)) == 0) return true;
  memcpy(record_, record, sizeof(record_));
  routeChanged_ = true;
  socket_ = record_[1];
  const Socket& socket = context_.sockets[socket_];
  if (socket.fd < 0) return false;
  nameLength_ = endpointToAddress(record_, socket.family, &name_);
  if (nameLength_ == 0) return false;
  routeChanged_ = false;
  if (trainCount_ > 0) trains_[trainCount_ - 1].closed = true;
  return true;
}

bool Sender::extends(int32_t length, bool whole) const {
  if (trainCount_ == 0 || whole) return false;
  const Train& train = trains_[trainCount_ - 1];
  const Socket& socket = context_.sockets[train.socket];
  return !train.closed && length <= train.segment && train.count < TRAIN_SEGMENTS &&
         train.bytes + length <= TRAIN_BYTES && (socket.offloads & UDP_OFFLOAD_GSO) != 0 &&
         train.segment < socket.trainSegmentLimit;
}

uint8_t* Sender::place(int32_t length, bool whole) {
  const bool room = used_ + length <= SEND_BUFFER_BYTES;
  if (!room || (trainCount_ == TRAINS_MAX && !extends(length, whole))) drain();
  return buffer_ + used_;
}

void Sender::commit(int32_t length, bool whole) {
  if (extends(length, whole)) {
    Train& train = trains_[trainCount_ - 1];
    train.bytes += length;
    train.count++;
    train.closed = length < train.segment;
  } else {
    Train& train = trains_[trainCount_++];
    train = Train{buffer_ + used_, length, length, 1, socket_, whole, whole, nameLength_, {}};
    memcpy(&train.name, &name_, nameLength_);
  }
  used_ += length;
}

int32_t Sender::flush() {
  drain();
  waitLeftMs_ = WAIT_MS_MAX;
  routeChanged_ = true;
  const int32_t sent = sent_;
  sent_ = 0;
  return sent;
}

void Sender::drain() {
  for (int first = 0; first < trainCount_;) {
    if (trains_[first].whole) {
      sendWhole(trains_[first++]);
      continue;
    }
    int end = first + 1;
    while (end < trainCount_ && !trains_[end].whole && trains_[end].socket == trains_[first].socket) end++;
    for (int train = first; train < end; train++) fill(train);
    sendRun(first, end - first);
    first = end;
  }
  trainCount_ = 0;
  used_ = 0;
}

void Sender::fill(int index) {
  Train& train = trains_[index];
  vectors_[index] = {train.data, static_cast<size_t>(train.bytes)};
  msghdr& header = messages_[index].msg_hdr;
  header = msghdr{};
  header.msg_name = &train.name;
  header.msg_namelen = train.nameLength;
  header.msg_iov = &vectors_[index];
  header.msg_iovlen = 1;
  if (train.count == 1) return;
  header.msg_control = controls_[index];
  header.msg_controllen = sizeof(controls_[index]);
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const uint16_t segment = static_cast<uint16_t>(train.segment);
  memcpy(CMSG_DATA(control), &segment, sizeof(segment));
}

void Sender::sendRun(int first, int count) {
  Socket& socket = context_.sockets[trains_[first].socket];
  bool retried = false;
  for (int at = first; at < first + count;) {
    const int taken = sendmmsg(socket.fd, messages_ + at, first + count - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    context_.stats.add(STAT_UDP_SENDS, 1);
    if (taken > 0) {
      socket.stalled = false;
      for (int end = at + taken; at < end; at++) {
        context_.stats.add(STAT_UDP_SENT_DATAGRAMS, trains_[at].count);
        context_.stats.add(STAT_UDP_SENT_BYTES, trains_[at].bytes);
        sent_ += trains_[at].count;
      }
      retried = false;
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if ((error == EAGAIN || error == ENOBUFS) && waitWritable(socket)) continue;
    if (trains_[at].count > 1 && isGsoRefusal(error)) {
      sendSingly(trains_[at++], error);
      continue;
    }
    // An error may be an old one that was pending on the socket (ECONNREFUSED): the datagram deserves a
    // second try.
    if (error != EAGAIN && error != ENOBUFS && !retried) {
      retried = true;
      continue;
    }
    const bool full = error == EAGAIN || error == ENOBUFS;
    context_.stats.add(full ? STAT_UDP_SEND_FULL : STAT_UDP_SEND_ERRORS, trains_[at++].count);
    retried = false;
  }
}

// Whether it passes is what the caller wants to know of the path: that the local link refuses it is an answer too.
// Nobody else sends large messages by the socket meanwhile.
void Sender::sendWhole(const Train& train) {
  Socket& socket = context_.sockets[train.socket];
  forbidFragments(socket.fd, socket.family);
  ssize_t taken = -1;
  for (int attempt = 0; taken < 0 && attempt < 2; attempt++) {
    context_.stats.add(STAT_UDP_SENDS, 1);
    taken = sendto(socket.fd, train.data, train.bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&train.name), train.nameLength);
  }
  const int error = errno;
  allowFragments(socket.fd, socket.family);
  if (taken >= 0) {
    if (train.bytes >= socket.trainSegmentLimit) socket.trainSegmentLimit = INT32_MAX;
    context_.stats.add(STAT_UDP_SENT_DATAGRAMS, 1);
    context_.stats.add(STAT_UDP_SENT_BYTES, train.bytes);
    sent_++;
  } else if (error == EMSGSIZE) {
    context_.stats.add(STAT_UDP_TOO_LONG, 1);
  } else {
    const bool full = error == EAGAIN || error == ENOBUFS;
    context_.stats.add(full ? STAT_UDP_SEND_FULL : STAT_UDP_SEND_ERRORS, 1);
  }
}

// The kernel refuses the train as one piece. Where its datagrams pass alone, the socket gets no more trains where the
// route's device has no checksum offload (EIO). A segment above the device's MTU is refused as well: then it gets none
// of such length until a message of it passes whole, for the link may be wide again.
void Sender::sendSingly(const Train& train, int refusal) {
  Socket& socket = context_.sockets[train.socket];
  int passed = 0;
  for (int32_t at = 0; at < train.bytes; at += train.segment) {
    const int32_t length = train.bytes - at < train.segment ? train.bytes - at : train.segment;
    ssize_t taken = -1;
    for (int attempt = 0; taken < 0 && attempt < 3; attempt++) {
      context_.stats.add(STAT_UDP_SENDS, 1);
      taken = sendto(socket.fd, train.data + at, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                     reinterpret_cast<const sockaddr*>(&train.name), train.nameLength);
      if (taken < 0 && (errno == EAGAIN || errno == ENOBUFS) && !waitWritable(socket)) break;
    }
    if (taken < 0) {
      const bool full = errno == EAGAIN || errno == ENOBUFS;
      context_.stats.add(full ? STAT_UDP_SEND_FULL : STAT_UDP_SEND_ERRORS, 1);
      continue;
    }
    passed++;
    socket.stalled = false;
    context_.stats.add(STAT_UDP_SENT_DATAGRAMS, 1);
    context_.stats.add(STAT_UDP_SENT_BYTES, length);
  }
  sent_ += passed;
  if (passed == 0) return;
  if (train.segment < socket.trainSegmentLimit) socket.trainSegmentLimit = train.segment;
  if (refusal != EIO && train.segment > SEGMENT_ALWAYS_FITS) return;
  context_.demoteSocket(&socket, UDP_OFFLOAD_GSO, refusal);
}

bool Sender::waitWritable(Socket& socket) {
  if (waitLeftMs_ <= 0) socket.stalled = true;
  if (socket.stalled) return false;
  waitLeftMs_--;
  pollfd wanted{socket.fd, POLLOUT, 0};
  return poll(&wanted, 1, 1) >= 0;
}

}  // namespace twinspan
