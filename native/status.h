// The addon's own counters, as stated by STAT in src/edge/native.ts; a test compares the two files.
#pragma once

#include <atomic>
#include <cstdint>

namespace twinspan {

constexpr int STAT_TUN_READS = 0;
constexpr int STAT_TUN_READ_PACKETS = 1;
constexpr int STAT_TUN_WRITES = 2;
constexpr int STAT_TUN_WRITE_PACKETS = 3;
constexpr int STAT_TUN_WRITE_ERRORS = 4;
constexpr int STAT_UDP_RECEIVES = 5;
constexpr int STAT_UDP_RECEIVED_DATAGRAMS = 6;
constexpr int STAT_UDP_SENDS = 7;
constexpr int STAT_UDP_SENT_DATAGRAMS = 8;
constexpr int STAT_UDP_SENT_BYTES = 9;
constexpr int STAT_UDP_SEND_FULL = 10;
constexpr int STAT_UDP_SEND_ERRORS = 11;
constexpr int STAT_COUNTER_LIMIT = 12;
constexpr int STAT_UDP_DEMOTED = 13;
constexpr int STAT_TUN_DEMOTED = 14;
constexpr int STAT_OPENED = 15;
constexpr int STAT_OPEN_FAILED = 16;
constexpr int STAT_SEALED = 17;
constexpr int STAT_SEGMENT_ERRORS = 18;
constexpr int STAT_KEY_MISSING = 19;
constexpr int STAT_UDP_TOO_LONG = 20;
constexpr int STAT_DEMOTIONS = 21;
constexpr int STAT_COUNT = 32;

constexpr uint32_t TUN_OFFLOAD_CSUM = 1;
constexpr uint32_t TUN_OFFLOAD_TSO = 2;
constexpr uint32_t TUN_OFFLOAD_USO = 4;
constexpr uint32_t TUN_OFFLOAD_GRO = 8;
constexpr int TUN_OFFLOAD_COUNT = 4;
constexpr uint32_t UDP_OFFLOAD_GSO = 1;
constexpr uint32_t UDP_OFFLOAD_GRO = 2;

// One writer (the context's thread); other threads may read at any time, so stores are relaxed atomics.
class Stats {
 public:
  double* values = nullptr;

  void add(int index, double amount) {
    std::atomic_ref<double> value(values[index]);
    value.store(value.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  void set(int index, double amount) {
    std::atomic_ref<double>(values[index]).store(amount, std::memory_order_relaxed);
  }
};

}  // namespace twinspan
