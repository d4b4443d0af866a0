// TUN devices (Documentation/networking/tuntap.rst): opening with virtio headers and offloads.
#pragma once

#include <cstdint>

namespace twinspan {

constexpr int TUN_QUEUES_MAX = 16;
constexpr int DEVICE_NAME_BYTES = 16;

struct TunResult {
  char name[DEVICE_NAME_BYTES];
  int fds[TUN_QUEUES_MAX];
  // By queue: where to write. The same as `fds` where there is one queue.
  int writeFds[TUN_QUEUES_MAX];
  uint32_t offloads;
};

// Opens `queues` descriptors of one device to read from, and as many to write to. The kernel spreads flows over queues by a
// symmetric hash of addresses and ports, but moves a flow to the queue on which its other direction was last written: all
// of a peer's flows would end with the worker that opens what the peer sends. What is written to a detached queue moves
// nothing (drivers/net/tun.c, tun_get_user), so each writer is a queue that was detached. 0 or −errno; `*step` then names the call that failed.
int tunOpen(const char* name, int queues, uint32_t offloads, TunResult* result, const char** step);

}  // namespace twinspan
