// Preloaded into a daemon: the kernel it runs on refuses offloads that it has granted. Byte k of the file
// $TEST_REFUSALS switches refusal k on, at any time; the 32-bit count k at byte 16 + 4k says how often it refused.
//
//   0 UDP_SEGMENT: EIO    1 receiving while UDP_GRO is on: EINVAL
//   2 TCP super-packets into a TUN: EINVAL    3 UDP super-packets: EIO    4 unfinished checksums: EINVAL
//   5 a program that steers datagrams among sockets: ENOPROTOOPT    6 such a program is given another first instruction, so
//   that it finds no data message and the first socket gets all
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { GSO, GRO, TSO, USO, CSUM, STEERING, ASTRAY };
enum { STEERING_MAX = 64, STEERING_OPTION = 51 };
enum { SEGMENT_OPTION = 103, GRO_OPTION = 104 };
enum { NEEDS_CSUM = 1, TCP_V4 = 1, TCP_V6 = 4, UDP_L4 = 5 };

static volatile uint8_t* refusals;

__attribute__((constructor)) static void begin(void) {
  const char* name = getenv("TEST_REFUSALS");
  const int fd = name == NULL ? -1 : open(name, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) refusals = page;
  close(fd);
}

static int refuses(int kind) {
  return refusals != NULL && refusals[kind] != 0;
}

static int refuse(int kind, int error) {
  __atomic_fetch_add((uint32_t*)(refusals + 16 + 4 * kind), 1, __ATOMIC_RELAXED);
  errno = error;
  return -1;
}

static int isTrain(struct msghdr* header) {
  for (struct cmsghdr* one = CMSG_FIRSTHDR(header); one != NULL; one = CMSG_NXTHDR(header, one)) {
    if (one->cmsg_level == IPPROTO_UDP && one->cmsg_type == SEGMENT_OPTION) return 1;
  }
  return 0;
}

int sendmmsg(int fd, struct mmsghdr* messages, unsigned int count, int flags) {
  static int (*real)(int, struct mmsghdr*, unsigned int, int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "sendmmsg");
  unsigned int before = 0;
  if (!refuses(GSO)) return real(fd, messages, count, flags);
  while (before < count && !isTrain(&messages[before].msg_hdr)) before++;
  if (before == 0) return refuse(GSO, EIO);
  return real(fd, messages, before, flags);
}

int recvmmsg(int fd, struct mmsghdr* messages, unsigned int count, int flags, struct timespec* timeout) {
  static int (*real)(int, struct mmsghdr*, unsigned int, int, struct timespec*);
  if (real == NULL) real = dlsym(RTLD_NEXT, "recvmmsg");
  int on = 0;
  socklen_t length = sizeof(on);
  if (refuses(GRO) && getsockopt(fd, IPPROTO_UDP, GRO_OPTION, &on, &length) == 0 && on != 0) {
    return refuse(GRO, EINVAL);
  }
  return real(fd, messages, count, flags, timeout);
}

int setsockopt(int fd, int level, int option, const void* value, socklen_t length) {
  static int (*real)(int, int, int, const void*, socklen_t);
  if (real == NULL) real = dlsym(RTLD_NEXT, "setsockopt");
  if (level != SOL_SOCKET || option != STEERING_OPTION) return real(fd, level, option, value, length);
  if (refuses(STEERING)) return refuse(STEERING, ENOPROTOOPT);
  struct sock_fprog program;
  struct sock_filter instructions[STEERING_MAX];
  memcpy(&program, value, sizeof(program));
  if (!refuses(ASTRAY) || program.len > STEERING_MAX) return real(fd, level, option, value, length);
  memcpy(instructions, program.filter, program.len * sizeof(struct sock_filter));
  instructions[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
  program.filter = instructions;
  return real(fd, level, option, &program, sizeof(program));
}

static int isTun(int fd) {
  struct ifreq request;
  return ioctl(fd, TUNGETIFF, &request) == 0;
}

ssize_t writev(int fd, const struct iovec* vectors, int count) {
  static ssize_t (*real)(int, const struct iovec*, int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "writev");
  if (refusals != NULL && count > 1 && vectors[0].iov_len >= 10 && isTun(fd)) {
    const uint8_t* header = vectors[0].iov_base;
    const int kind = header[1] & 0x7f;
    if (refuses(TSO) && (kind == TCP_V4 || kind == TCP_V6)) return refuse(TSO, EINVAL);
    if (refuses(USO) && kind == UDP_L4) return refuse(USO, EIO);
    if (refuses(CSUM) && (header[0] & NEEDS_CSUM) != 0) return refuse(CSUM, EINVAL);
  }
  return real(fd, vectors, count);
}
