// UDP sockets: opening and probing, endpoint records, batched receiving.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

// linux/udp.h and netinet/udp.h cannot both be included, and older ones lack these.
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

namespace twinspan {

class Receiver;
Receiver* receiverNew();
void receiverFree(Receiver* receiver);

struct UdpRequest {
  const char* address;
  int port;
  const char* device;
  uint32_t mark;
  uint32_t offloads;
  bool reusePort;
};

struct UdpResult {
  int fd;
  int port;
  int family;
  uint32_t offloads;
};

// 0 or −errno; `*step` then names the call that failed.
int udpOpen(const UdpRequest& request, UdpResult* result, const char** step);

// Others may bind the port of a bound socket too, if they want to share it (SO_REUSEPORT). 0 or −errno.
int portShare(int fd);

// Has a classic BPF program (sock_filter) choose among the sockets that share this one's port: it sees the datagram and
// answers which of them, in the order in which they were bound. 0 or −errno.
int portSteer(int fd, const uint8_t* program, size_t bytes);

// The socket gets its datagrams one by one from now on.
void refuseTrains(int fd);

// Whether the outer packets that follow may be fragmented, here and on their way (IPv4: DF).
void allowFragments(int fd, int family);
void forbidFragments(int fd, int family);

// Bytes + errno: sends one datagram to an endpoint record. Any thread.
int datagramSend(int fd, const uint8_t* data, size_t length, const uint8_t* record);

// The socket address of an endpoint record as a socket of `family` wants it (IPv4 is mapped on AF_INET6
// sockets). Its length, or 0 where the record is empty or the family cannot carry it.
socklen_t endpointToAddress(const uint8_t* record, int family, sockaddr_in6* address);

// The endpoint record of an address; mapped IPv4 addresses become family 4.
void addressToEndpoint(const sockaddr_in6* address, uint8_t socket, uint8_t* record);

}  // namespace twinspan
