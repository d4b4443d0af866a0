#include "context.h"

#include <sys/socket.h>

#include <cerrno>
#include <new>

#include "coalesce.h"
#include "send.h"
#include "udp.h"

namespace twinspan {

int Context::open() {
  keys = new (std::nothrow) KeyPair* [sessionCount] {};
  sender = new (std::nothrow) Sender(*this);
  receiver = receiverNew();
  coalescer = new (std::nothrow) Coalescer;
  if (keys == nullptr || sender == nullptr || receiver == nullptr || coalescer == nullptr) return -ENOMEM;
  if (!sender->open() || !coalescer->open(rowCount)) return -ENOMEM;
  return 0;
}

Context::~Context() {
  if (keys != nullptr) {
    for (int32_t slot = 0; slot < sessionCount; slot++) keyPairFree(keys[slot]);
  }
  delete[] keys;
  delete sender;
  receiverFree(receiver);
  delete coalescer;
}

int Context::socketSet(int32_t socket, int fd, uint32_t offloads) {
  if (socket < 0 || socket >= SOCKETS_MAX) return -EINVAL;
  if (fd < 0) {
    sockets[socket] = Socket{};
    return 0;
  }
  int family = 0;
  socklen_t length = sizeof(family);
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) != 0) return -errno;
  sockets[socket] = Socket{fd, family, offloads, INT32_MAX};
  return 0;
}

void Context::demoteSocket(Socket* socket, uint32_t bit, int error) {
  if ((socket->offloads & bit) == 0) return;
  socket->offloads &= ~bit;
  (bit == UDP_OFFLOAD_GSO ? socket->gsoError : socket->groError) = error;
  stats.set(STAT_UDP_DEMOTED, static_cast<uint32_t>(stats.values[STAT_UDP_DEMOTED]) | bit);
  stats.add(STAT_DEMOTIONS, 1);
}

void Context::demoteTun(uint32_t bits, int error) {
  for (int bit = 0; bit < TUN_OFFLOAD_COUNT; bit++) {
    if ((bits & ~tunDemoted & 1u << bit) != 0) tunErrors[bit] = error;
  }
  if ((bits & ~tunDemoted) == 0) return;
  tunDemoted |= bits;
  stats.set(STAT_TUN_DEMOTED, tunDemoted);
  stats.add(STAT_DEMOTIONS, 1);
}

int Context::offloadError(int32_t socket, int32_t bit) const {
  if (socket < -1 || socket >= SOCKETS_MAX) return -EINVAL;
  if (socket >= 0) {
    if (bit == UDP_OFFLOAD_GSO) return sockets[socket].gsoError;
    return bit == UDP_OFFLOAD_GRO ? sockets[socket].groError : -EINVAL;
  }
  for (int number = 0; number < TUN_OFFLOAD_COUNT; number++) {
    if (bit == 1 << number) return tunErrors[number];
  }
  return -EINVAL;
}

int Context::keyInstall(int32_t slot, const uint8_t* sealKey, const uint8_t* openKey) {
  if (slot < 0 || slot >= sessionCount) return -EINVAL;
  KeyPair* pair = keyPairNew(aead, sealKey, openKey);
  if (pair == nullptr) return aead == nullptr || aead->cipher == nullptr ? -ENOTSUP : -ENOMEM;
  keyPairFree(keys[slot]);
  keys[slot] = pair;
  return 0;
}

int Context::keyRemove(int32_t slot) {
  if (slot < 0 || slot >= sessionCount) return -EINVAL;
  keyPairFree(keys[slot]);
  keys[slot] = nullptr;
  return 0;
}

}  // namespace twinspan
