// Waiting (epoll), waking (eventfd), the clock and the service manager's socket.
#pragma once

#include <cstdint>

namespace twinspan {

constexpr int POLLER_FDS_MAX = 30;

class Poller {
 public:
  ~Poller();
  // 0 or −errno.
  int open(const int* fds, int count);
  // Bits of readable descriptors; 0 = timed out or interrupted; −errno. A negative timeout waits for ever.
  int32_t wait(int timeoutMs);

 private:
  int epoll_ = -1;
  int fds_[POLLER_FDS_MAX];
  bool isEvent_[POLLER_FDS_MAX];
};

// A descriptor or −errno.
int eventOpen();
// 0 or −errno.
int eventSignal(int fd);
// Takes the signals that have come: how many, 0 for none, or −errno.
int eventTake(int fd);

// Names the calling thread (at most 15 bytes) for ps, top and /proc. 0 or −errno.
int threadName(const char* name);

// Priority of a thread (0: the calling one): 1 and more is SCHED_RR with that priority, 0 the usual scheduling. 0 or −errno.
int threadPriority(int tid, int priority);

// CLOCK_BOOTTIME in milliseconds: it goes on while the machine sleeps, as sessions elsewhere do.
double nowMs();

// Sends `text` to $NOTIFY_SOCKET (sd_notify(3)). 1 sent, 0 where there is none, −errno.
int notify(const char* text, int length);

}  // namespace twinspan
