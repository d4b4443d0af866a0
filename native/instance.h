// What one Node environment (main thread or worker) holds: its contexts and pollers. Nothing here is shared
// between environments, and the clean-up hook frees all of it. Descriptors are not in it: they are made on
// one thread and used on another, so their owner closes them (closeFd) or the process ends.
#pragma once

#include <node_api.h>

#include <cmath>
#include <cstdint>

#include "context.h"
#include "wait.h"

namespace twinspan {

// Handles are small integers: serial number × HANDLES_MAX + place, so that a stale one is told from a live
// one.
constexpr int32_t HANDLES_MAX = 64;
constexpr int CONTEXT_ARRAYS = 7;

struct ContextEntry {
  int32_t handle = -1;
  Context* context = nullptr;
  // Keep the caller's arrays alive.
  napi_ref arrays[CONTEXT_ARRAYS] = {};
};

struct PollerEntry {
  int32_t handle = -1;
  Poller* poller = nullptr;
};

// A watched descriptor; bind_link.cc alone knows what it is.
struct WatchEntry {
  int32_t handle = -1;
  void* watch = nullptr;
};

struct Instance {
  napi_env env = nullptr;
  Aead aead;
  int32_t serial = 0;
  ContextEntry contexts[HANDLES_MAX];
  PollerEntry pollers[HANDLES_MAX];
  WatchEntry watches[HANDLES_MAX];

  int32_t nextHandle(int32_t place) {
    serial = (serial + 1) & 0xffffff;
    return serial * HANDLES_MAX + place;
  }
};

// The arguments of one call. Every reader answers false where the argument has the wrong type; nothing
// throws.
template <int COUNT>
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = COUNT;
    void* data = nullptr;
    complete_ = napi_get_cb_info(env, info, &count, values_, nullptr, &data) == napi_ok && count >= COUNT;
    instance = static_cast<Instance*>(data);
  }

  Instance* instance = nullptr;

  napi_value at(int index) const { return values_[index]; }

  bool integer(int index, int32_t* out) const {
    double value;
    if (!complete_ || napi_get_value_double(env_, values_[index], &value) != napi_ok) return false;
    if (!(value >= INT32_MIN && value <= INT32_MAX) || value != std::trunc(value)) return false;
    *out = static_cast<int32_t>(value);
    return true;
  }

  bool bytes(int index, uint8_t** data, size_t* length) const;

  Context* context(int index) const {
    int32_t handle;
    if (!integer(index, &handle) || handle < 0) return nullptr;
    const ContextEntry& entry = instance->contexts[handle % HANDLES_MAX];
    return entry.handle == handle ? entry.context : nullptr;
  }

 private:
  napi_env env_;
  napi_value values_[COUNT] = {};
  bool complete_ = false;
};

// The memory of a typed array of one type. False for anything else.
bool typedArray(napi_env env, napi_value value, napi_typedarray_type type, void** data, size_t* length);

template <int COUNT>
bool Arguments<COUNT>::bytes(int index, uint8_t** data, size_t* length) const {
  void* at = nullptr;
  if (!complete_ || !typedArray(env_, values_[index], napi_uint8_array, &at, length)) return false;
  *data = static_cast<uint8_t*>(at);
  return true;
}

inline napi_value number(napi_env env, int32_t value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

struct Binding {
  const char* name;
  napi_callback call;
};

// Defined in bind_command.cc, bind_context.cc, bind_system.cc, bind_link.cc and turns.cc; each list ends with a null name.
extern const Binding COMMAND_BINDINGS[];
extern const Binding CONTEXT_BINDINGS[];
extern const Binding SYSTEM_BINDINGS[];
extern const Binding LINK_BINDINGS[];
extern const Binding TURNS_BINDINGS[];
extern const Binding TESTING_BINDINGS[];
extern const Binding TURNS_TESTING_BINDINGS[];

}  // namespace twinspan
