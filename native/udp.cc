#include "udp.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "rows.h"
#include "status.h"

namespace twinspan {
namespace {

// Enough for 40 ms at 1.4 Gb/s, and what other implementations found to be enough.
constexpr int SOCKET_BUFFER_BYTES = 7 * 1024 * 1024;
constexpr int STEERING_INSTRUCTIONS_MAX = 64;
constexpr uint8_t MAPPED_PREFIX[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool setInt(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

int getInt(int fd, int level, int option) {
  int value = -1;
  socklen_t length = sizeof(value);
  return getsockopt(fd, level, option, &value, &length) == 0 ? value : -1;
}

// The address to bind; `*family` is 0 for the wildcard.
int parseAddress(const UdpRequest& request, sockaddr_in6* address, socklen_t* length, int* family) {
  *family = 0;
  if (request.address[0] == 0) return 0;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
  char port[8];
  snprintf(port, sizeof(port), "%d", request.port);
  addrinfo* found = nullptr;
  if (getaddrinfo(request.address, port, &hints, &found) != 0) return -EINVAL;
  *family = found->ai_family;
  *length = found->ai_addrlen;
  memcpy(address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return 0;
}

int bindSocket(int fd, int family, const UdpRequest& request, const sockaddr_in6& address, socklen_t length) {
  if (length != 0) return bind(fd, reinterpret_cast<const sockaddr*>(&address), length);
  sockaddr_in6 any6{};
  any6.sin6_family = AF_INET6;
  any6.sin6_port = htons(static_cast<uint16_t>(request.port));
  if (family == AF_INET6) return bind(fd, reinterpret_cast<const sockaddr*>(&any6), sizeof(any6));
  sockaddr_in any4{};
  any4.sin_family = AF_INET;
  any4.sin_port = any6.sin6_port;
  return bind(fd, reinterpret_cast<const sockaddr*>(&any4), sizeof(any4));
}

uint32_t setOffloads(int fd, uint32_t wanted) {
  uint32_t got = 0;
  if ((wanted & UDP_OFFLOAD_GSO) != 0 && getInt(fd, SOL_UDP, UDP_SEGMENT) >= 0) got |= UDP_OFFLOAD_GSO;
  if ((wanted & UDP_OFFLOAD_GRO) != 0 && setInt(fd, SOL_UDP, UDP_GRO, 1) &&
      getInt(fd, SOL_UDP, UDP_GRO) == 1) {
    got |= UDP_OFFLOAD_GRO;
  }
  return got;
}

// Everything after socket(). 0 or −errno.
int prepare(int fd, int family, const UdpRequest& request, const sockaddr_in6& address, socklen_t length,
            UdpResult* result, const char** step) {
  *step = "SO_REUSEPORT";
  if (request.reusePort && !setInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return -errno;
  *step = "SO_BINDTODEVICE";
  if (request.device[0] != 0 &&
      setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, request.device, strlen(request.device) + 1) != 0) {
    return -errno;
  }
  *step = "SO_MARK";
  if (request.mark != 0 && !setInt(fd, SOL_SOCKET, SO_MARK, static_cast<int>(request.mark))) return -errno;
  *step = "IPV6_V6ONLY";
  if (family == AF_INET6 && length == 0 && !setInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) return -errno;
  setInt(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES) ||
      setInt(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
  setInt(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES) ||
      setInt(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
  allowFragments(fd, family);
  result->offloads = setOffloads(fd, request.offloads);
  *step = "bind";
  if (bindSocket(fd, family, request, address, length) != 0) return -errno;
  *step = "getsockname";
  sockaddr_in6 bound{};
  socklen_t boundLength = sizeof(bound);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &boundLength) != 0) return -errno;
  result->fd = fd;
  // sin_port and sin6_port stand at the same place.
  result->port = ntohs(bound.sin6_port);
  result->family = family == AF_INET6 ? 6 : 4;
  return 0;
}

}  // namespace

int portShare(int fd) {
  return setInt(fd, SOL_SOCKET, SO_REUSEPORT, 1) ? 0 : -errno;
}

int portSteer(int fd, const uint8_t* program, size_t bytes) {
  sock_filter instructions[STEERING_INSTRUCTIONS_MAX];
  if (bytes == 0 || bytes > sizeof(instructions) || bytes % sizeof(sock_filter) != 0) return -EINVAL;
  memcpy(instructions, program, bytes);
  const sock_fprog whole{static_cast<unsigned short>(bytes / sizeof(sock_filter)), instructions};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &whole, sizeof(whole)) == 0 ? 0 : -errno;
}

void refuseTrains(int fd) {
  setInt(fd, SOL_UDP, UDP_GRO, 0);
}

// Outer packets must be allowed to fragment: a tunnel that sets DF turns a filtered ICMP message into a black
// hole. IPv4: OMIT leaves DF clear, so a smaller hop fragments, and takes the device's MTU, so that a forged
// "fragmentation needed" can neither shrink our packets nor make GSO fail. IPv6: routers never fragment, so
// the path MTU must be learned; DONT fragments at the source and reports no error.
void allowFragments(int fd, int family) {
  setInt(fd, IPPROTO_IP, IP_MTU_DISCOVER, 5 /* IP_PMTUDISC_OMIT */) ||
      setInt(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  if (family == AF_INET6) setInt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

// For probes. PROBE sets DF and asks only the device's MTU: what the path carries is to be seen, not believed
// from ICMP messages that anybody may have sent (as DO would).
void forbidFragments(int fd, int family) {
  setInt(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (family == AF_INET6) setInt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

int udpOpen(const UdpRequest& request, UdpResult* result, const char** step) {
  sockaddr_in6 address{};
  socklen_t length = 0;
  int family = 0;
  *step = "address";
  const int parsed = parseAddress(request, &address, &length, &family);
  if (parsed != 0) return parsed;
  const int first = family == 0 ? AF_INET6 : family;
  const int last = family == 0 ? AF_INET : family;
  int error = 0;
  for (int attempt = first;; attempt = last) {
    *step = "socket";
    const int fd = socket(attempt, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    error = fd < 0 ? -errno : prepare(fd, attempt, request, address, length, result, step);
    if (error == 0) return 0;
    if (fd >= 0) close(fd);
    const bool noIpv6 = error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL;
    if (attempt == last || !noIpv6) return error;
  }
}

int datagramSend(int fd, const uint8_t* data, size_t length, const uint8_t* record) {
  const int family = getInt(fd, SOL_SOCKET, SO_DOMAIN);
  if (family < 0) return -errno;
  sockaddr_in6 name{};
  const socklen_t nameLength = endpointToAddress(record, family, &name);
  if (nameLength == 0) return -EAFNOSUPPORT;
  int error = 0;
  for (int attempt = 0; attempt < 2; attempt++) {
    const ssize_t taken = sendto(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                                 reinterpret_cast<const sockaddr*>(&name), nameLength);
    if (taken >= 0) return static_cast<int>(taken);
    error = errno;
  }
  return -error;
}

socklen_t endpointToAddress(const uint8_t* record, int family, sockaddr_in6* address) {
  uint16_t port;
  memcpy(&port, record + 2, 2);
  memset(address, 0, sizeof(*address));
  if (family == AF_INET) {
    if (record[0] != 4) return 0;
    auto* v4 = reinterpret_cast<sockaddr_in*>(address);
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    memcpy(&v4->sin_addr, record + 8, 4);
    return sizeof(*v4);
  }
  if (family != AF_INET6 || (record[0] != 4 && record[0] != 6)) return 0;
  address->sin6_family = AF_INET6;
  address->sin6_port = port;
  uint8_t* bytes = address->sin6_addr.s6_addr;
  if (record[0] == 4) {
    memcpy(bytes, MAPPED_PREFIX, sizeof(MAPPED_PREFIX));
    memcpy(bytes + 12, record + 8, 4);
  } else {
    memcpy(bytes, record + 8, 16);
    address->sin6_scope_id =
        record[4] | record[5] << 8 | record[6] << 16 | static_cast<uint32_t>(record[7]) << 24;
  }
  return sizeof(*address);
}

void addressToEndpoint(const sockaddr_in6* address, uint8_t socket, uint8_t* record) {
  memset(record, 0, ENDPOINT_BYTES);
  record[1] = socket;
  memcpy(record + 2, &address->sin6_port, 2);
  if (address->sin6_family == AF_INET) {
    record[0] = 4;
    memcpy(record + 8, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
  } else if (address->sin6_family == AF_INET6) {
    const uint8_t* bytes = address->sin6_addr.s6_addr;
    if (memcmp(bytes, MAPPED_PREFIX, sizeof(MAPPED_PREFIX)) == 0) {
      record[0] = 4;
      memcpy(record + 8, bytes + 12, 4);
    } else {
      record[0] = 6;
      memcpy(record + 8, bytes, 16);
      for (int i = 0; i < 4; i++) record[4 + i] = static_cast<uint8_t>(address->sin6_scope_id >> (8 * i));
    }
  }
}

}  // namespace twinspan
