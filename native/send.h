// The sending end: sealed messages are written one behind the other into one buffer, runs of equal length to
// one destination become trains (UDP_SEGMENT), and all trains of a run of one socket leave in one sendmmsg.
//
// The buffer is small enough to stay in the second-level cache and is sent whenever it is full: a message is
// written by the cipher and read by the kernel while it is still warm.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "context.h"

namespace twinspan {

// Kernels before 6.9 take 64 segments, and count the headers against 64 × gso_size: 64 full ones are refused.
constexpr int TRAIN_SEGMENTS = 63;
// Largest UDP payload over IPv4.
constexpr int TRAIN_BYTES = 65507;
constexpr int TRAINS_MAX = 128;
// Whatever carries IPv6 takes such a message (1280 bytes); a train that is refused though it has no longer ones is
// refused for another reason.
constexpr int SEGMENT_ALWAYS_FITS = 1232;
constexpr int SEND_BUFFER_BYTES = 512 * 1024;
// How long one sealSend may wait in all for room in socket buffers.
constexpr int WAIT_MS_MAX = 4;

class Sender {
 public:
  explicit Sender(Context& context) : context_(context) {}
  ~Sender();
  bool open();

  // The next messages go to this endpoint record. False where it names no address or no socket that can reach
  // it.
  bool route(const uint8_t* record);

  // Room for the next message, 1 ≤ length ≤ TRAIN_BYTES; it counts once it is committed. Sends when the
  // buffer is full. A `whole` one leaves alone, in a packet that nobody may fragment.
  uint8_t* place(int32_t length, bool whole);
  void commit(int32_t length, bool whole);

  // Sends what is waiting. Number of datagrams that the kernel took since the last call.
  int32_t flush();

 private:
  struct Train {
    uint8_t* data;
    int32_t bytes, segment, count;
    int socket;
    bool closed, whole;
    socklen_t nameLength;
    union {
      sockaddr_in v4;
      sockaddr_in6 v6;
    } name;
  };

  bool extends(int32_t length, bool whole) const;
  void drain();
  void fill(int train);
  void sendRun(int first, int count);
  void sendWhole(const Train& train);
  void sendSingly(const Train& train, int refusal);
  bool waitWritable(Socket& socket);

  Context& context_;
  uint8_t* buffer_ = nullptr;
  int32_t used_ = 0;
  int trainCount_ = 0;
  int32_t sent_ = 0;
  int waitLeftMs_ = WAIT_MS_MAX;

  int socket_ = -1;
  socklen_t nameLength_ = 0;
  uint8_t record_[24] = {};
  sockaddr_in6 name_{};
  bool routeChanged_ = true;

  Train trains_[TRAINS_MAX];
  mmsghdr messages_[TRAINS_MAX];
  iovec vectors_[TRAINS_MAX];
  alignas(cmsghdr) uint8_t controls_[TRAINS_MAX][CMSG_SPACE(sizeof(uint16_t))];
};

}  // namespace twinspan
