// The calls that need no context: opening devices and sockets, waiting, the clock; and a few for the tests
// alone.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "checksum.h"
#include "instance.h"
#include "tun.h"
#include "udp.h"

namespace twinspan {
namespace {

constexpr int TEXT_MAX = 4096;

bool text(napi_env env, napi_value value, char* out, size_t room, size_t* length) {
  return napi_get_value_string_utf8(env, value, out, room, length) == napi_ok && *length < room - 1;
}

void setNumber(napi_env env, napi_value object, const char* name, int32_t value) {
  napi_set_named_property(env, object, name, number(env, value));
}

// What a refused opening answers: {errno, step}; src/edge/native.ts makes a coded error of it.
napi_value refusal(napi_env env, int error, const char* step) {
  napi_value result = nullptr, name = nullptr;
  napi_create_object(env, &result);
  napi_create_string_utf8(env, step, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property(env, result, "step", name);
  setNumber(env, result, "errno", error);
  return result;
}

napi_value callNow(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  napi_create_double(env, nowMs(), &result);
  return result;
}

napi_value callTunOpen(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  char name[DEVICE_NAME_BYTES + 1];
  size_t length;
  int32_t queues, offloads;
  if (!arguments.integer(1, &queues) || !arguments.integer(2, &offloads) ||
      !text(env, arguments.at(0), name, sizeof(name), &length)) {
    return refusal(env, -EINVAL, "arguments");
  }
  TunResult opened;
  const char* step = "";
  const int error = tunOpen(name, queues, static_cast<uint32_t>(offloads), &opened, &step);
  if (error != 0) return refusal(env, error, step);
  napi_value result = nullptr, fds = nullptr, deviceName = nullptr;
  napi_create_object(env, &result);
  napi_create_string_utf8(env, opened.name, NAPI_AUTO_LENGTH, &deviceName);
  napi_set_named_property(env, result, "name", deviceName);
  napi_create_array_with_length(env, queues, &fds);
  for (int32_t i = 0; i < queues; i++) napi_set_element(env, fds, i, number(env, opened.fds[i]));
  napi_set_named_property(env, result, "fds", fds);
  napi_create_array_with_length(env, queues, &fds);
  for (int32_t i = 0; i < queues; i++) napi_set_element(env, fds, i, number(env, opened.writeFds[i]));
  napi_set_named_property(env, result, "writeFds", fds);
  setNumber(env, result, "offloads", static_cast<int32_t>(opened.offloads));
  return result;
}

// udpOpen(address, port, device, mark, offloads, reusePort)
napi_value callUdpOpen(napi_env env, napi_callback_info info) {
  Arguments<6> arguments(env, info);
  char address[80];
  char device[DEVICE_NAME_BYTES + 1];
  size_t length;
  int32_t port, offloads;
  double mark;
  bool reusePort;
  if (!arguments.integer(1, &port) || port < 0 || port > 65535 || !arguments.integer(4, &offloads) ||
      !text(env, arguments.at(0), address, sizeof(address), &length) ||
      !text(env, arguments.at(2), device, sizeof(device), &length) ||
      napi_get_value_double(env, arguments.at(3), &mark) != napi_ok || !(mark >= 0 && mark <= UINT32_MAX) ||
      napi_get_value_bool(env, arguments.at(5), &reusePort) != napi_ok) {
    return refusal(env, -EINVAL, "arguments");
  }
  const UdpRequest request{
      address, port, device, static_cast<uint32_t>(mark), static_cast<uint32_t>(offloads), reusePort};
  UdpResult opened{};
  const char* step = "";
  const int error = udpOpen(request, &opened, &step);
  if (error != 0) return refusal(env, error, step);
  napi_value result = nullptr;
  napi_create_object(env, &result);
  setNumber(env, result, "fd", opened.fd);
  setNumber(env, result, "port", opened.port);
  setNumber(env, result, "family", opened.family);
  setNumber(env, result, "offloads", static_cast<int32_t>(opened.offloads));
  return result;
}

napi_value callDatagramSend(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  int32_t fd;
  uint8_t *data, *record;
  size_t length, recordLength;
  if (!arguments.integer(0, &fd) || !arguments.bytes(1, &data, &length) ||
      !arguments.bytes(2, &record, &recordLength) || recordLength < ENDPOINT_BYTES) {
    return number(env, -EINVAL);
  }
  return number(env, datagramSend(fd, data, length, record));
}

napi_value callPortShare(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  int32_t fd;
  return number(env, arguments.integer(0, &fd) ? portShare(fd) : -EINVAL);
}

napi_value callPortSteer(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  int32_t fd;
  uint8_t* program;
  size_t length;
  if (!arguments.integer(0, &fd) || !arguments.bytes(1, &program, &length)) return number(env, -EINVAL);
  return number(env, portSteer(fd, program, length));
}

int32_t pollerOpenHandle(napi_env env, Instance* instance, napi_value list) {
  int32_t place = 0;
  while (place < HANDLES_MAX && instance->pollers[place].poller != nullptr) place++;
  if (place == HANDLES_MAX) return -EMFILE;
  bool isArray = false;
  uint32_t count = 0;
  int32_t fds[POLLER_FDS_MAX];
  if (napi_is_array(env, list, &isArray) != napi_ok || !isArray) return -EINVAL;
  if (napi_get_array_length(env, list, &count) != napi_ok || count > POLLER_FDS_MAX) return -EINVAL;
  for (uint32_t i = 0; i < count; i++) {
    napi_value value = nullptr;
    if (napi_get_element(env, list, i, &value) != napi_ok) return -EINVAL;
    if (napi_get_value_int32(env, value, &fds[i]) != napi_ok) return -EINVAL;
  }
  auto* poller = new (std::nothrow) Poller;
  if (poller == nullptr) return -ENOMEM;
  const int error = poller->open(fds, static_cast<int>(count));
  if (error != 0) {
    delete poller;
    return error;
  }
  instance->pollers[place] = {instance->nextHandle(place), poller};
  return instance->pollers[place].handle;
}

PollerEntry* findPoller(const Arguments<1>& arguments, int32_t handle) {
  if (handle < 0) return nullptr;
  PollerEntry& entry = arguments.instance->pollers[handle % HANDLES_MAX];
  return entry.handle == handle && entry.poller != nullptr ? &entry : nullptr;
}

napi_value pollerOpen(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return number(env, pollerOpenHandle(env, arguments.instance, arguments.at(0)));
}

napi_value pollerClose(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  int32_t handle;
  PollerEntry* entry = arguments.integer(0, &handle) ? findPoller(arguments, handle) : nullptr;
  if (entry == nullptr) return number(env, -EINVAL);
  delete entry->poller;
  *entry = PollerEntry{};
  return number(env, 0);
}

napi_value callWait(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  int32_t handle;
  double timeoutMs;
  if (!arguments.integer(0, &handle) || handle < 0 ||
      napi_get_value_double(env, arguments.at(1), &timeoutMs) != napi_ok || std::isnan(timeoutMs)) {
    return number(env, -EINVAL);
  }
  const PollerEntry& entry = arguments.instance->pollers[handle % HANDLES_MAX];
  if (entry.handle != handle || entry.poller == nullptr) return number(env, -EINVAL);
  const double whole = timeoutMs < 0 ? -1 : std::ceil(timeoutMs);
  return number(env, entry.poller->wait(whole > 1e9 ? -1 : static_cast<int>(whole)));
}

napi_value callEventOpen(napi_env env, napi_callback_info) {
  return number(env, eventOpen());
}

napi_value callEventSignal(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  int32_t fd;
  return number(env, arguments.integer(0, &fd) ? eventSignal(fd) : -EINVAL);
}

napi_value callEventTake(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  int32_t fd;
  return number(env, arguments.integer(0, &fd) ? eventTake(fd) : -EINVAL);
}

napi_value callThreadName(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  char name[TEXT_MAX];
  size_t length;
  if (!text(env, arguments.at(0), name, sizeof(name), &length)) return number(env, -EINVAL);
  return number(env, threadName(name));
}

napi_value callThreadPriority(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  int32_t tid, priority;
  if (!arguments.integer(0, &tid) || !arguments.integer(1, &priority) || tid < 0 || priority < 0) {
    return number(env, -EINVAL);
  }
  return number(env, threadPriority(tid, priority));
}

napi_value closeFd(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  int32_t fd;
  // 0, 1 and 2 are never ours.
  if (!arguments.integer(0, &fd) || fd <= 2) return number(env, -EINVAL);
  return number(env, close(fd) == 0 ? 0 : -errno);
}

napi_value sdNotify(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  char message[TEXT_MAX];
  size_t length;
  if (!text(env, arguments.at(0), message, sizeof(message), &length)) return number(env, -EINVAL);
  return number(env, notify(message, static_cast<int>(length)));
}

// checksum(bytes, offset, length, initial): the folded sum, not complemented, as a number of two big-endian
// bytes.
napi_value testChecksum(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  uint8_t* data;
  size_t size;
  int32_t offset, length, initial;
  if (!arguments.bytes(0, &data, &size) || !arguments.integer(1, &offset) || !arguments.integer(2, &length) ||
      !arguments.integer(3, &initial) || offset < 0 || length < 0 || initial < 0 ||
      static_cast<size_t>(offset) + length > size) {
    return number(env, -EINVAL);
  }
  const uint16_t start = htons(checksumFold(initial));
  const uint16_t sum = checksumSum(data + offset, length, start);
  return number(env, htons(sum));
}

// socketPair(sendBufferBytes): two ends that keep message boundaries and answer EMSGSIZE above the send
// buffer.
napi_value testSocketPair(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  int32_t bytes;
  int fds[2];
  if (!arguments.integer(0, &bytes)) return number(env, -EINVAL);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
    return number(env, -errno);
  for (int fd : fds) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  napi_value result = nullptr;
  napi_create_array_with_length(env, 2, &result);
  for (uint32_t i = 0; i < 2; i++) napi_set_element(env, result, i, number(env, fds[i]));
  return result;
}

}  // namespace

const Binding SYSTEM_BINDINGS[] = {
    {"now", callNow},
    {"tunOpen", callTunOpen},
    {"udpOpen", callUdpOpen},
    {"portShare", callPortShare},
    {"portSteer", callPortSteer},
    {"datagramSend", callDatagramSend},
    {"pollerOpen", pollerOpen},
    {"pollerClose", pollerClose},
    {"wait", callWait},
    {"eventOpen", callEventOpen},
    {"eventSignal", callEventSignal},
    {"eventTake", callEventTake},
    {"threadName", callThreadName},
    {"threadPriority", callThreadPriority},
    {"closeFd", closeFd},
    {"sdNotify", sdNotify},
    {nullptr, nullptr},
};

const Binding TESTING_BINDINGS[] = {
    {"checksum", testChecksum},
    {"socketPair", testSocketPair},
    {nullptr, nullptr},
};

}  // namespace twinspan
