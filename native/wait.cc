#include "wait.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace twinspan {
namespace {

bool isEventFd(int fd) {
  char path[40];
  char target[40];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(path, target, sizeof(target));
  constexpr char NAME[] = "anon_inode:[eventfd]";
  return length == static_cast<ssize_t>(sizeof(NAME) - 1) && memcmp(target, NAME, sizeof(NAME) - 1) == 0;
}

}  // namespace

Poller::~Poller() {
  if (epoll_ >= 0) close(epoll_);
}

int Poller::open(const int* fds, int count) {
  if (count < 1 || count > POLLER_FDS_MAX) return -EINVAL;
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return -errno;
  for (int i = 0; i < count; i++) {
    fds_[i] = fds[i];
    isEvent_[i] = isEventFd(fds[i]);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<uint32_t>(i);
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fds[i], &event) != 0) return -errno;
  }
  return 0;
}

int32_t Poller::wait(int timeoutMs) {
  epoll_event events[POLLER_FDS_MAX];
  const int ready = epoll_wait(epoll_, events, POLLER_FDS_MAX, timeoutMs);
  if (ready < 0) return errno == EINTR ? 0 : -errno;
  int32_t bits = 0;
  for (int i = 0; i < ready; i++) {
    const uint32_t index = events[i].data.u32;
    bits |= 1 << index;
    uint64_t drained;
    if (isEvent_[index] && read(fds_[index], &drained, sizeof(drained)) < 0 && errno != EAGAIN) return -errno;
  }
  return bits;
}

int eventOpen() {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd >= 0 ? fd : -errno;
}

int eventSignal(int fd) {
  const uint64_t one = 1;
  // EAGAIN: the counter is full, so the waiter is being woken already.
  if (write(fd, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN) return 0;
  return -errno;
}

int eventTake(int fd) {
  uint64_t count;
  if (read(fd, &count, sizeof(count)) == sizeof(count)) {
    return static_cast<int>(std::min<uint64_t>(count, INT32_MAX));
  }
  return errno == EAGAIN ? 0 : -errno;
}

int threadName(const char* name) {
  return -pthread_setname_np(pthread_self(), name);
}

int threadPriority(int tid, int priority) {
  sched_param param{};
  param.sched_priority = priority;
  return sched_setscheduler(tid, priority > 0 ? SCHED_RR : SCHED_OTHER, &param) == 0 ? 0 : -errno;
}

double nowMs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

int notify(const char* text, int length) {
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == nullptr || path[0] == 0) return 0;
  sockaddr_un address{};
  const size_t pathLength = strlen(path);
  if ((path[0] != '/' && path[0] != '@') || pathLength >= sizeof(address.sun_path)) return -EINVAL;
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, pathLength);
  if (path[0] == '@') address.sun_path[0] = 0;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const socklen_t size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + pathLength);
  const ssize_t sent = sendto(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(&address), size);
  const int result = sent >= 0 ? 1 : -errno;
  close(fd);
  return result;
}

}  // namespace twinspan
