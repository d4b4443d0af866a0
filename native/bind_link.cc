// The calls of the link layer, and watching a descriptor from Node's event loop (uv_poll).
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "instance.h"
#include "link.h"
#include "probe.h"
#include "tun.h"

namespace twinspan {
namespace {

bool deviceName(napi_env env, napi_value value, char* out) {
  size_t length;
  return napi_get_value_string_utf8(env, value, out, DEVICE_NAME_BYTES + 1, &length) == napi_ok &&
         length < DEVICE_NAME_BYTES;
}

void setNumber(napi_env env, napi_value object, const char* name, int32_t value) {
  napi_set_named_property(env, object, name, number(env, value));
}

// packetOpen(device, protocol, filter): {fd, index, mac} or {errno, step}.
napi_value callPacketOpen(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  char device[DEVICE_NAME_BYTES + 1];
  int32_t protocol;
  uint8_t* filter;
  size_t filterBytes;
  PacketResult opened{};
  const char* step = "arguments";
  int error = -EINVAL;
  if (deviceName(env, arguments.at(0), device) && arguments.integer(1, &protocol) && protocol > 0 &&
      protocol <= UINT16_MAX && arguments.bytes(2, &filter, &filterBytes)) {
    error = packetOpen(device, static_cast<uint16_t>(protocol), filter, filterBytes, &opened, &step);
  }
  napi_value result = nullptr, value = nullptr;
  napi_create_object(env, &result);
  if (error != 0) {
    napi_create_string_utf8(env, step, NAPI_AUTO_LENGTH, &value);
    napi_set_named_property(env, result, "step", value);
    setNumber(env, result, "errno", error);
    return result;
  }
  setNumber(env, result, "fd", opened.fd);
  setNumber(env, result, "index", opened.index);
  napi_create_array_with_length(env, MAC_BYTES, &value);
  for (uint32_t i = 0; i < MAC_BYTES; i++) napi_set_element(env, value, i, number(env, opened.mac[i]));
  napi_set_named_property(env, result, "mac", value);
  return result;
}

napi_value callNetlinkOpen(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  int32_t groups;
  if (!arguments.integer(0, &groups) || groups < 0) return number(env, -EINVAL);
  return number(env, netlinkOpen(static_cast<uint32_t>(groups)));
}

napi_value callNetlinkRequest(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  uint8_t* bytes;
  size_t length;
  if (!arguments.bytes(0, &bytes, &length)) return number(env, -EINVAL);
  return number(env, netlinkRequest(bytes, length));
}

napi_value callLinkFlags(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  char device[DEVICE_NAME_BYTES + 1];
  return number(env, deviceName(env, arguments.at(0), device) ? linkFlags(device) : -EINVAL);
}

napi_value callDeviceSocket(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  int32_t kind, family;
  char device[DEVICE_NAME_BYTES + 1];
  const bool valid = arguments.integer(0, &kind) && arguments.integer(1, &family) &&
                     deviceName(env, arguments.at(2), device);
  return number(env, valid ? deviceSocket(kind, family, device) : -EINVAL);
}

napi_value callDeviceBind(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  int32_t fd;
  char device[DEVICE_NAME_BYTES + 1];
  const bool valid = arguments.integer(0, &fd) && deviceName(env, arguments.at(1), device);
  return number(env, valid ? deviceBind(fd, device) : -EINVAL);
}

napi_value callSocketConnect(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  int32_t fd;
  uint8_t* record;
  size_t length;
  const bool valid = arguments.integer(0, &fd) && arguments.bytes(1, &record, &length) && length >= ENDPOINT_BYTES;
  return number(env, valid ? socketConnect(fd, record) : -EINVAL);
}

template <bool SEND>
napi_value callMessage(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  int32_t fd;
  uint8_t* bytes;
  size_t length;
  if (!arguments.integer(0, &fd) || !arguments.bytes(1, &bytes, &length)) return number(env, -EINVAL);
  return number(env, SEND ? messageSend(fd, bytes, length) : messageReceive(fd, bytes, length));
}

// ———— watching ————
//
// A watch lives until watchClose or the end of its environment, whichever comes first; libuv frees it one
// turn of the loop later. It does not keep the process alive.

struct Watch {
  uv_poll_t poll;
  napi_env env = nullptr;
  napi_ref callback = nullptr;
  napi_async_context context = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  bool closing = false;
  bool orderly = false;
};

Watch* watches(Instance* instance, int32_t place) {
  return static_cast<Watch*>(instance->watches[place].watch);
}

void freeWatch(uv_handle_t* handle) {
  auto* watch = static_cast<Watch*>(handle->data);
  // Not within watchClose: that may be called by the callback itself.
  if (watch->orderly) {
    napi_delete_reference(watch->env, watch->callback);
    napi_async_destroy(watch->env, watch->context);
  }
  napi_remove_async_cleanup_hook(watch->hook);
  delete watch;
}

void closeWatch(Watch* watch) {
  if (watch->closing) return;
  watch->closing = true;
  uv_poll_stop(&watch->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&watch->poll), freeWatch);
}

void cleanUpWatch(napi_async_cleanup_hook_handle, void* data) {
  closeWatch(static_cast<Watch*>(data));
}

void readable(uv_poll_t* poll, int status, int) {
  auto* watch = static_cast<Watch*>(poll->data);
  napi_handle_scope scope = nullptr;
  if (watch->closing || napi_open_handle_scope(watch->env, &scope) != napi_ok) return;
  napi_value callback = nullptr, receiver = nullptr, argument = number(watch->env, status);
  napi_get_reference_value(watch->env, watch->callback, &callback);
  napi_get_global(watch->env, &receiver);
  if (napi_make_callback(watch->env, watch->context, receiver, callback, 1, &argument, nullptr) ==
      napi_pending_exception) {
    napi_value exception = nullptr;
    napi_get_and_clear_last_exception(watch->env, &exception);
    napi_fatal_exception(watch->env, exception);
  }
  napi_close_handle_scope(watch->env, scope);
}

int32_t openWatch(napi_env env, Instance* instance, int32_t fd, napi_value callback) {
  int32_t place = 0;
  while (place < HANDLES_MAX && instance->watches[place].watch != nullptr) place++;
  if (place == HANDLES_MAX) return -EMFILE;
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return -ENOSYS;
  auto* watch = new (std::nothrow) Watch;
  if (watch == nullptr) return -ENOMEM;
  const int error = uv_poll_init(loop, &watch->poll, fd);
  if (error != 0) {
    delete watch;
    return error;
  }
  watch->env = env;
  watch->poll.data = watch;
  napi_value name = nullptr;
  napi_create_string_utf8(env, "twinspan.watch", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env, callback, 1, &watch->callback);
  napi_async_init(env, nullptr, name, &watch->context);
  napi_add_async_cleanup_hook(env, cleanUpWatch, watch, &watch->hook);
  uv_poll_start(&watch->poll, UV_READABLE, readable);
  uv_unref(reinterpret_cast<uv_handle_t*>(&watch->poll));
  instance->watches[place] = {instance->nextHandle(place), watch};
  return instance->watches[place].handle;
}

napi_value callWatchOpen(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  int32_t fd;
  napi_valuetype type;
  if (!arguments.integer(0, &fd) || fd < 0 || napi_typeof(env, arguments.at(1), &type) != napi_ok ||
      type != napi_function) {
    return number(env, -EINVAL);
  }
  return number(env, openWatch(env, arguments.instance, fd, arguments.at(1)));
}

napi_value callWatchClose(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  int32_t handle;
  if (!arguments.integer(0, &handle) || handle < 0) return number(env, -EINVAL);
  WatchEntry& entry = arguments.instance->watches[handle % HANDLES_MAX];
  if (entry.handle != handle || entry.watch == nullptr) return number(env, -EINVAL);
  Watch* watch = watches(arguments.instance, handle % HANDLES_MAX);
  entry = WatchEntry{};
  watch->orderly = true;
  closeWatch(watch);
  return number(env, 0);
}

}  // namespace

const Binding LINK_BINDINGS[] = {
    {"packetOpen", callPacketOpen},
    {"netlinkOpen", callNetlinkOpen},
    {"netlinkRequest", callNetlinkRequest},
    {"linkFlags", callLinkFlags},
    {"deviceSocket", callDeviceSocket},
    {"deviceBind", callDeviceBind},
    {"socketConnect", callSocketConnect},
    {"messageSend", callMessage<true>},
    {"messageReceive", callMessage<false>},
    {"watchOpen", callWatchOpen},
    {"watchClose", callWatchClose},
    {nullptr, nullptr},
};

}  // namespace twinspan
