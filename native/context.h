// One worker's memory: the caller's arena, row table and shared tables, and what the addon keeps beside them.
// A context belongs to the thread that opened it; only the shared session columns and the statistics are seen
// by others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "aead.h"
#include "rows.h"
#include "status.h"

namespace twinspan {

class Coalescer;
class Receiver;
class Sender;

constexpr int SOCKETS_MAX = 256;

struct Socket {
  int fd = -1;
  int family = 0;
  uint32_t offloads = 0;
  // Messages of this length and above make no trains: the kernel has refused such a one.
  int32_t trainSegmentLimit = INT32_MAX;
  // Errno of the refusal for which trains were given up, sending and receiving; 0 = they were not.
  int gsoError = 0, groError = 0;
  // Trains may be in its queue for which the kernel no longer says how long their datagrams are.
  bool unmarkedTrains = false;
  // Its buffer stayed full although it was waited for. Until something leaves again nobody waits for it, or a
  // device that takes nothing would slow down the others.
  bool stalled = false;
};

struct Context {
  uint8_t* arena = nullptr;
  size_t arenaLength = 0;
  Row* rows = nullptr;
  int32_t rowCount = 0;
  int32_t udpSlots = 0, tunSlots = 0;
  uint8_t* sources = nullptr;
  const uint8_t* paths = nullptr;
  int32_t pathCount = 0;
  uint64_t* sendCounter = nullptr;
  const uint32_t* remoteIndex = nullptr;
  int32_t sessionCount = 0;
  Stats stats;

  KeyPair** keys = nullptr;
  const Aead* aead = nullptr;
  // How many threads help to open large batches; they start with the first one.
  int32_t laneCount = 0;
  Lanes lanes;
  Socket sockets[SOCKETS_MAX];
  Sender* sender = nullptr;
  Receiver* receiver = nullptr;
  Coalescer* coalescer = nullptr;
  uint32_t tunDemoted = 0;
  // Errno of the refusal, by number of the TUN_OFFLOAD_ bit.
  int tunErrors[TUN_OFFLOAD_COUNT] = {};

  // Allocates what belongs to the addon; the caller's memory is already described. 0 or −errno.
  int open();
  // Frees it, keys included. The caller's memory is left alone.
  ~Context();

  // 0 or −errno. `fd` −1 removes the socket.
  int socketSet(int32_t socket, int fd, uint32_t offloads);
  // Gives an offload up (one UDP_OFFLOAD_ bit of a socket, or TUN_OFFLOAD_ bits) after `error`.
  void demoteSocket(Socket* socket, uint32_t bit, int error);
  void demoteTun(uint32_t bits, int error);
  // The errno for which a bit was given up: 0 = it was not. `socket` −1 asks about the TUN devices. −EINVAL.
  int offloadError(int32_t socket, int32_t bit) const;
  int keyInstall(int32_t slot, const uint8_t* sealKey, const uint8_t* openKey);
  int keyRemove(int32_t slot);

  uint8_t* udpSlot(int32_t slot) const {
    return arena + static_cast<size_t>(slot) * SLOT_BYTES + SLOT_HEADROOM;
  }
  uint8_t* tunSlot(int32_t slot) const { return udpSlot(udpSlots + slot); }
  int32_t offsetOf(const uint8_t* packet) const { return static_cast<int32_t>(packet - arena); }

  // Whether `count` rows from `firstRow` are in the table.
  bool rowsFit(int32_t firstRow, int32_t count) const {
    return firstRow >= 0 && count >= 0 && firstRow <= rowCount && count <= rowCount - firstRow;
  }

  // Whether the row's packet and `room` bytes behind it are in the arena.
  bool packetFits(const Row& row, int32_t room = 0) const {
    return row.offset >= 0 && row.length >= 0 && row.length <= SLOT_CAPACITY &&
           static_cast<uint64_t>(row.offset) + row.length + room <= arenaLength;
  }
};

// The data path; each returns a count or −errno. seal.cc, udp_receive.cc, tun.cc, tun_write.cc.
int32_t openBatch(Context& context, int32_t firstRow, int32_t count);
int32_t sealSend(Context& context, int32_t firstRow, int32_t count);
int32_t udpReceive(Context& context, int fd, int32_t socket, int32_t firstRow, int32_t maxMessages);
int32_t tunRead(Context& context, int fd, int32_t firstRow, int32_t max);
int32_t tunWrite(Context& context, int fd, int32_t firstRow, int32_t count, int32_t verdict,
                 uint32_t offloads);

}  // namespace twinspan
