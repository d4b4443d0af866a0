// The link layer: raw frames on one device (packet(7)), requests and news of the kernel's routing tables
// (rtnetlink(7)), and a device's flags.
#pragma once

#include <cstddef>
#include <cstdint>

namespace twinspan {

constexpr int MAC_BYTES = 6;
// struct sock_filter: 8 bytes an instruction.
constexpr size_t FILTER_INSTRUCTION_BYTES = 8;
constexpr size_t FILTER_INSTRUCTIONS_MAX = 256;

struct PacketResult {
  int fd;
  int index;
  uint8_t mac[MAC_BYTES];
};

// Opens a raw socket on `device` for frames of `protocol` (an EtherType) that pass `filter` (classic BPF in
// host byte order; empty: all). 0 or −errno; `*step` then names the call that failed.
int packetOpen(const char* device, uint16_t protocol, const uint8_t* filter, size_t filterBytes,
               PacketResult* result, const char** step);

// A socket that hears the rtnetlink multicast groups in `groups` (RTMGRP_ bits). A descriptor or −errno.
int netlinkOpen(uint32_t groups);

// Sends one rtnetlink request (with NLM_F_ACK) and waits for its acknowledgement. 0 or −errno.
int netlinkRequest(const uint8_t* message, size_t length);

// IFF_ flags (16 bits) of a device, and bit 16 (IFF_LOWER_UP) where it has carrier at this moment; or −errno.
// IFF_RUNNING may lag a second behind the carrier.
int linkFlags(const char* device);

// One message of a socket: bytes or −errno. A longer message is cut to `room`.
int messageReceive(int fd, uint8_t* buffer, size_t room);
int messageSend(int fd, const uint8_t* bytes, size_t length);

}  // namespace twinspan
