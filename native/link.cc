#include "link.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace twinspan {
namespace {

constexpr int LOWER_UP = 1 << 16;
constexpr size_t REQUEST_BYTES_MAX = 4096;
constexpr size_t REPLY_BYTES_MAX = 8192;
// The kernel answers before send() returns; this is for a kernel that does not.
constexpr int REPLY_MS_MAX = 1000;

int failed(int fd, const char* name, const char** step) {
  const int error = -errno;
  *step = name;
  if (fd >= 0) close(fd);
  return error;
}

bool requestFor(const char* device, ifreq* request) {
  std::memset(request, 0, sizeof(*request));
  const size_t length = std::strlen(device);
  if (length == 0 || length >= sizeof(request->ifr_name)) return false;
  std::memcpy(request->ifr_name, device, length);
  return true;
}

// The verdict of the acknowledgement for `sequence`; 1: not in this datagram.
int acknowledgement(uint8_t* reply, ssize_t length, uint32_t sequence) {
  auto* header = reinterpret_cast<nlmsghdr*>(reply);
  for (; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
    if (header->nlmsg_seq != sequence || header->nlmsg_type != NLMSG_ERROR) continue;
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) return -EBADMSG;
    return static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
  }
  return 1;
}

}  // namespace

int packetOpen(const char* device, uint16_t protocol, const uint8_t* filter, size_t filterBytes,
               PacketResult* result, const char** step) {
  ifreq request;
  *step = "arguments";
  if (!requestFor(device, &request)) return -EINVAL;
  if (filterBytes % FILTER_INSTRUCTION_BYTES != 0 ||
      filterBytes > FILTER_INSTRUCTIONS_MAX * FILTER_INSTRUCTION_BYTES) {
    return -EINVAL;
  }
  // Protocol 0 until the filter stands: nothing is received that it would not let pass.
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(fd, "socket", step);
  if (ioctl(fd, SIOCGIFINDEX, &request) != 0) return failed(fd, "SIOCGIFINDEX", step);
  result->index = request.ifr_ifindex;
  if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) return failed(fd, "SIOCGIFHWADDR", step);
  std::memcpy(result->mac, request.ifr_hwaddr.sa_data, MAC_BYTES);
  if (filterBytes > 0) {
    sock_filter instructions[FILTER_INSTRUCTIONS_MAX];
    std::memcpy(instructions, filter, filterBytes);
    const sock_fprog program{static_cast<unsigned short>(filterBytes / FILTER_INSTRUCTION_BYTES),
                             instructions};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
      return failed(fd, "SO_ATTACH_FILTER", step);
    }
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = result->index;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return failed(fd, "bind", step);
  result->fd = fd;
  return 0;
}

int netlinkOpen(uint32_t groups) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = -errno;
    close(fd);
    return error;
  }
  return fd;
}

int netlinkRequest(const uint8_t* message, size_t length) {
  alignas(nlmsghdr) uint8_t request[REQUEST_BYTES_MAX];
  alignas(nlmsghdr) uint8_t reply[REPLY_BYTES_MAX];
  if (length < sizeof(nlmsghdr) || length > sizeof(request)) return -EINVAL;
  std::memcpy(request, message, length);
  auto* header = reinterpret_cast<nlmsghdr*>(request);
  if (header->nlmsg_len != length || (header->nlmsg_flags & NLM_F_ACK) == 0) return -EINVAL;
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  const timeval patience{REPLY_MS_MAX / 1000, REPLY_MS_MAX % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  int result = 1;
  if (sendto(fd, request, length, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof(kernel)) < 0)
    result = -errno;
  while (result == 1) {
    const ssize_t received = recv(fd, reply, sizeof(reply), 0);
    if (received < 0 && errno == EINTR) continue;
    result = received < 0 ? -errno : acknowledgement(reply, received, header->nlmsg_seq);
  }
  close(fd);
  return result;
}

int linkFlags(const char* device) {
  ifreq request;
  if (!requestFor(device, &request)) return -EINVAL;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int result = ioctl(fd, SIOCGIFFLAGS, &request) == 0 ? static_cast<uint16_t>(request.ifr_flags) : -errno;
  if (result >= 0) {
    ethtool_value link{ETHTOOL_GLINK, 0};
    request.ifr_data = reinterpret_cast<char*>(&link);
    // A device that cannot say has what its operational state says.
    const bool carrier = ioctl(fd, SIOCETHTOOL, &request) == 0 ? link.data != 0 : (result & IFF_RUNNING) != 0;
    if (carrier) result |= LOWER_UP;
  }
  close(fd);
  return result;
}

int messageReceive(int fd, uint8_t* buffer, size_t room) {
  const ssize_t length = recv(fd, buffer, room, MSG_DONTWAIT);
  return length < 0 ? -errno : static_cast<int>(length);
}

int messageSend(int fd, const uint8_t* bytes, size_t length) {
  const ssize_t sent = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : static_cast<int>(sent);
}

}  // namespace twinspan
