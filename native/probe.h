// Sockets that are bound to one device: to look whether the internet answers there, and to bind anew when the
// device has come back under its name.
#pragma once

#include <cstdint>

namespace twinspan {

constexpr int PROBE_UDP = 0;
constexpr int PROBE_TCP = 1;
// Raw ICMP or ICMPv6; received IPv4 messages begin with their IP header (raw(7)).
constexpr int PROBE_ICMP = 2;

// A non-blocking socket of `kind` and `family` (4 or 6) bound to `device`. A descriptor or −errno.
int deviceSocket(int kind, int family, const char* device);

// SO_BINDTODEVICE. 0 or −errno.
int deviceBind(int fd, const char* device);

// Connects to an endpoint record. 0, or −errno: −EINPROGRESS and −EALREADY while TCP is at it, −EISCONN once it
// has succeeded.
int socketConnect(int fd, const uint8_t* record);

}  // namespace twinspan
