#include "tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "coalesce.h"
#include "context.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#endif
#ifndef TUN_F_USO6
#define TUN_F_USO6 0x40
#endif

namespace twinspan {
namespace {

// The kernel takes a combination whole or not at all; segmentation needs checksums, and USO came with
// Linux 6.2.
uint32_t setOffloads(int fd, uint32_t wanted) {
  uint32_t tries[4] = {wanted, wanted & ~TUN_OFFLOAD_USO, wanted & TUN_OFFLOAD_CSUM, 0};
  for (uint32_t bits : tries) {
    if ((bits & TUN_OFFLOAD_CSUM) == 0) bits = 0;
    unsigned long flags = 0;
    if ((bits & TUN_OFFLOAD_CSUM) != 0) flags |= TUN_F_CSUM;
    if ((bits & TUN_OFFLOAD_TSO) != 0) flags |= TUN_F_TSO4 | TUN_F_TSO6;
    if ((bits & TUN_OFFLOAD_USO) != 0) flags |= TUN_F_USO4 | TUN_F_USO6;
    if (ioctl(fd, TUNSETOFFLOAD, flags) != 0) continue;
    if ((bits & (TUN_OFFLOAD_TSO | TUN_OFFLOAD_USO)) == 0) bits &= ~TUN_OFFLOAD_GRO;
    return bits;
  }
  return 0;
}

int openQueue(int flags, TunResult* result, int* fd, const char** step) {
  *step = "open /dev/net/tun";
  *fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (*fd < 0) return -errno;
  ifreq request{};
  memcpy(request.ifr_name, result->name, DEVICE_NAME_BYTES);
  request.ifr_flags = static_cast<short>(flags);
  *step = "TUNSETIFF";
  if (ioctl(*fd, TUNSETIFF, &request) != 0) return -errno;
  memcpy(result->name, request.ifr_name, DEVICE_NAME_BYTES);
  int size = VNET_HEADER_BYTES;
  *step = "TUNSETVNETHDRSZ";
  if (ioctl(*fd, TUNSETVNETHDRSZ, &size) != 0) return -errno;
  return 0;
}

// A queue that is never read, for which nobody is steered.
int openWriter(int flags, TunResult* result, int* fd, const char** step) {
  const int error = openQueue(flags, result, fd, step);
  if (error != 0) return error;
  ifreq request{};
  request.ifr_flags = IFF_DETACH_QUEUE;
  *step = "TUNSETQUEUE";
  return ioctl(*fd, TUNSETQUEUE, &request) == 0 ? 0 : -errno;
}

}  // namespace

int tunOpen(const char* name, int queues, uint32_t offloads, TunResult* result, const char** step) {
  *step = "arguments";
  if (queues < 1 || queues > TUN_QUEUES_MAX || strlen(name) >= DEVICE_NAME_BYTES) return -EINVAL;
  memset(result->name, 0, sizeof(result->name));
  memcpy(result->name, name, strlen(name));
  result->offloads = offloads;
  for (int queue = 0; queue < TUN_QUEUES_MAX; queue++) result->fds[queue] = result->writeFds[queue] = -1;
  const int flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0);
  int error = openQueue(flags, result, &result->fds[0], step);
  if (error == 0) result->offloads = setOffloads(result->fds[0], result->offloads);
  if (error == 0 && queues == 1) result->writeFds[0] = result->fds[0];
  // Each stands for a moment behind the first queue, so the index that it keeps is that of a queue which there will be.
  for (int queue = 0; queues > 1 && error == 0 && queue < queues; queue++) {
    error = openWriter(flags, result, &result->writeFds[queue], step);
  }
  for (int queue = 1; error == 0 && queue < queues; queue++) {
    error = openQueue(flags, result, &result->fds[queue], step);
  }
  if (error == 0) return 0;
  for (int queue = 0; queue < queues; queue++) {
    if (result->writeFds[queue] >= 0) close(result->writeFds[queue]);
    if (result->fds[queue] >= 0) close(result->fds[queue]);
  }
  return error;
}

/** Room behind a packet for its padding while it is sealed, and before the next one for its vnet header. */
constexpr int32_t PACKET_GAP = 32;
constexpr int32_t PACKET_ALIGNMENT = 64;

constexpr int32_t alignUp(int32_t bytes) { return (bytes + PACKET_ALIGNMENT - 1) & ~(PACKET_ALIGNMENT - 1); }

int32_t tunRead(Context& context, int fd, int32_t firstRow, int32_t max) {
  if (max < 0 || firstRow < 0 || firstRow > context.rowCount) return -EINVAL;
  int32_t limit = context.rowCount - firstRow;
  if (limit > max) limit = max;
  // Packets stand close together, so that a batch of small ones stays in few pages and cache lines; the next one may be
  // 64 KiB long, so the batch ends where no such room is left. That bounds a batch by bytes as well as by rows.
  uint8_t* packet = context.tunSlot(0);
  const uint8_t* const last = packet + (static_cast<ptrdiff_t>(context.tunSlots) - 1) * SLOT_BYTES;
  int32_t rows = 0;
  int error = 0;
  while (rows < limit && packet <= last) {
    uint8_t* const header = packet - VNET_HEADER_BYTES;
    const ssize_t taken = read(fd, header, VNET_HEADER_BYTES + SLOT_CAPACITY);
    if (taken < 0) {
      if (errno == EINTR) continue;
      error = errno;
      break;
    }
    if (taken <= VNET_HEADER_BYTES) {
      if (taken == 0) break;
      continue;
    }
    uint16_t words[4];
    memcpy(words, header + 2, sizeof(words));
    const int32_t length = static_cast<int32_t>(taken) - VNET_HEADER_BYTES;
    Row& row = context.rows[firstRow + rows];
    row = Row{};
    row.offset = context.offsetOf(packet);
    row.length = length;
    row.flags = header[0];
    row.gsoType = header[1];
    row.gsoSize = words[1];
    row.csumStart = words[2];
    row.csumOffset = words[3];
    row.peer = row.route = row.nat = -1;
    rows++;
    packet += alignUp(length + PACKET_GAP);
  }
  context.stats.add(STAT_TUN_READS, 1);
  context.stats.add(STAT_TUN_READ_PACKETS, rows);
  return rows == 0 && error != 0 && error != EAGAIN ? -error : rows;
}

}  // namespace twinspan
