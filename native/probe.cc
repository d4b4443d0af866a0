#include "probe.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "udp.h"

namespace twinspan {

int deviceBind(int fd, const char* device) {
  const auto length = static_cast<socklen_t>(std::strlen(device) + 1);
  return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, length) == 0 ? 0 : -errno;
}

int deviceSocket(int kind, int family, const char* device) {
  if (kind < PROBE_UDP || kind > PROBE_ICMP || (family != 4 && family != 6)) return -EINVAL;
  const int type = kind == PROBE_UDP ? SOCK_DGRAM : kind == PROBE_TCP ? SOCK_STREAM : SOCK_RAW;
  const int icmp = family == 4 ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
  const int domain = family == 4 ? AF_INET : AF_INET6;
  const int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, kind == PROBE_ICMP ? icmp : 0);
  if (fd < 0) return -errno;
  const int error = deviceBind(fd, device);
  if (error == 0) return fd;
  close(fd);
  return error;
}

int socketConnect(int fd, const uint8_t* record) {
  int domain = 0;
  socklen_t length = sizeof(domain);
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0) return -errno;
  sockaddr_in6 name{};
  const socklen_t nameLength = endpointToAddress(record, domain, &name);
  if (nameLength == 0) return -EAFNOSUPPORT;
  return connect(fd, reinterpret_cast<const sockaddr*>(&name), nameLength) == 0 ? 0 : -errno;
}

}  // namespace twinspan
