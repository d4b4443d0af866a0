// TUN devices (Documentation/networking/tuntap.rst): opening with virtio headers and offloads.
#pragma once

#include <cstdint>

namespace twinspan {

constexpr int TUN_QUEUES_MAX = 16;
constexpr int DEVICE_NAME_BYTES = 16;

struct TunResult {
  char name[DEVICE_NAME_BYTES];
  int fds[TUN_QUEUES_MAX];
  uint32_t offloads;
};

// Opens `queues` descriptors of one device. 0 or −errno; `*step` then names the call that failed.
int tunOpen(const char* name, int queues, uint32_t offloads, TunResult* result, const char** step);

}  // namespace twinspan
