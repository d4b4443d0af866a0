// The calls that take a context: its life, its keys and sockets, and the data path.
#include <cerrno>
#include <new>

#include "instance.h"

namespace twinspan {
namespace {

struct ArrayField {
  const char* name;
  napi_typedarray_type type;
};

constexpr ArrayField ARRAY_FIELDS[CONTEXT_ARRAYS] = {
    {"arena", napi_uint8_array},           {"rows", napi_int32_array},
    {"sources", napi_uint8_array},         {"paths", napi_uint8_array},
    {"sendCounter", napi_biguint64_array}, {"remoteIndex", napi_uint32_array},
    {"stats", napi_float64_array},
};

bool integerField(napi_env env, napi_value object, const char* name, int32_t* out) {
  napi_value value = nullptr;
  double number;
  if (napi_get_named_property(env, object, name, &value) != napi_ok) return false;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  if (!(number >= 0 && number <= 65536) || number != std::trunc(number)) return false;
  *out = static_cast<int32_t>(number);
  return true;
}

// Describes the caller's memory to the context. False where something is missing or does not fit.
bool describe(napi_env env, napi_value options, Context* context, napi_value* arrays) {
  napi_valuetype kind;
  if (napi_typeof(env, options, &kind) != napi_ok || kind != napi_object) return false;
  void* data[CONTEXT_ARRAYS] = {};
  size_t length[CONTEXT_ARRAYS] = {};
  for (int i = 0; i < CONTEXT_ARRAYS; i++) {
    const ArrayField& field = ARRAY_FIELDS[i];
    if (napi_get_named_property(env, options, field.name, &arrays[i]) != napi_ok) return false;
    if (!typedArray(env, arrays[i], field.type, &data[i], &length[i])) return false;
  }
  if (!integerField(env, options, "udpSlots", &context->udpSlots)) return false;
  if (!integerField(env, options, "tunSlots", &context->tunSlots)) return false;
  if (!integerField(env, options, "lanes", &context->laneCount)) return false;
  const size_t slots = static_cast<size_t>(context->udpSlots) + context->tunSlots;
  if (length[0] > INT32_MAX || slots * SLOT_BYTES > length[0]) return false;
  if (length[2] < static_cast<size_t>(context->udpSlots) * ENDPOINT_BYTES) return false;
  if (length[1] % ROW_STRIDE != 0 || length[1] > INT32_MAX || length[6] < STAT_COUNT) return false;

  context->arena = static_cast<uint8_t*>(data[0]);
  context->arenaLength = length[0];
  context->rows = static_cast<Row*>(data[1]);
  context->rowCount = static_cast<int32_t>(length[1] / ROW_STRIDE);
  context->sources = static_cast<uint8_t*>(data[2]);
  context->paths = static_cast<uint8_t*>(data[3]);
  context->pathCount =
      static_cast<int32_t>(length[3] / ENDPOINT_BYTES < INT32_MAX ? length[3] / ENDPOINT_BYTES : 0);
  context->sendCounter = static_cast<uint64_t*>(data[4]);
  context->remoteIndex = static_cast<uint32_t*>(data[5]);
  const size_t sessions = length[4] < length[5] ? length[4] : length[5];
  context->sessionCount = sessions < (1 << 24) ? static_cast<int32_t>(sessions) : 1 << 24;
  context->stats.values = static_cast<double*>(data[6]);
  return true;
}

int32_t contextOpenHandle(napi_env env, Instance* instance, napi_value options) {
  int32_t place = 0;
  while (place < HANDLES_MAX && instance->contexts[place].context != nullptr) place++;
  if (place == HANDLES_MAX) return -EMFILE;
  auto* context = new (std::nothrow) Context;
  if (context == nullptr) return -ENOMEM;
  napi_value arrays[CONTEXT_ARRAYS] = {};
  context->aead = &instance->aead;
  int error = describe(env, options, context, arrays) ? context->open() : -EINVAL;
  ContextEntry& entry = instance->contexts[place];
  for (int i = 0; error == 0 && i < CONTEXT_ARRAYS; i++) {
    if (napi_create_reference(env, arrays[i], 1, &entry.arrays[i]) != napi_ok) error = -ENOMEM;
  }
  if (error != 0) {
    delete context;
    return error;
  }
  entry.context = context;
  entry.handle = instance->nextHandle(place);
  return entry.handle;
}

napi_value contextOpen(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  return number(env, contextOpenHandle(env, arguments.instance, arguments.at(0)));
}

napi_value contextClose(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  Context* context = arguments.context(0);
  if (context == nullptr) return number(env, -EINVAL);
  for (ContextEntry& entry : arguments.instance->contexts) {
    if (entry.context != context) continue;
    for (napi_ref& array : entry.arrays) napi_delete_reference(env, array);
    entry = ContextEntry{};
  }
  delete context;
  return number(env, 0);
}

napi_value socketSet(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  Context* context = arguments.context(0);
  int32_t socket, fd, offloads;
  if (context == nullptr || !arguments.integer(1, &socket) || !arguments.integer(2, &fd) ||
      !arguments.integer(3, &offloads)) {
    return number(env, -EINVAL);
  }
  return number(env, context->socketSet(socket, fd, static_cast<uint32_t>(offloads)));
}

napi_value offloadError(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  Context* context = arguments.context(0);
  int32_t socket, bit;
  if (context == nullptr || !arguments.integer(1, &socket) || !arguments.integer(2, &bit)) {
    return number(env, -EINVAL);
  }
  return number(env, context->offloadError(socket, bit));
}

napi_value keyInstall(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  Context* context = arguments.context(0);
  int32_t slot;
  uint8_t *sealKey, *openKey;
  size_t sealLength, openLength;
  if (context == nullptr || !arguments.integer(1, &slot) || !arguments.bytes(2, &sealKey, &sealLength) ||
      !arguments.bytes(3, &openKey, &openLength) || sealLength != KEY_BYTES || openLength != KEY_BYTES) {
    return number(env, -EINVAL);
  }
  return number(env, context->keyInstall(slot, sealKey, openKey));
}

napi_value keyRemove(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  Context* context = arguments.context(0);
  int32_t slot;
  if (context == nullptr || !arguments.integer(1, &slot)) return number(env, -EINVAL);
  return number(env, context->keyRemove(slot));
}

napi_value callTunRead(napi_env env, napi_callback_info info) {
  Arguments<4> arguments(env, info);
  Context* context = arguments.context(0);
  int32_t fd, firstRow, max;
  if (context == nullptr || !arguments.integer(1, &fd) || !arguments.integer(2, &firstRow) ||
      !arguments.integer(3, &max)) {
    return number(env, -EINVAL);
  }
  return number(env, tunRead(*context, fd, firstRow, max));
}

napi_value callTunWrite(napi_env env, napi_callback_info info) {
  Arguments<6> arguments(env, info);
  Context* context = arguments.context(0);
  int32_t fd, firstRow, count, verdict, offloads;
  if (context == nullptr || !arguments.integer(1, &fd) || !arguments.integer(2, &firstRow) ||
      !arguments.integer(3, &count) || !arguments.integer(4, &verdict) || !arguments.integer(5, &offloads)) {
    return number(env, -EINVAL);
  }
  return number(env, tunWrite(*context, fd, firstRow, count, verdict, static_cast<uint32_t>(offloads)));
}

napi_value callUdpReceive(napi_env env, napi_callback_info info) {
  Arguments<5> arguments(env, info);
  Context* context = arguments.context(0);
  int32_t fd, socket, firstRow, maxMessages;
  if (context == nullptr || !arguments.integer(1, &fd) || !arguments.integer(2, &socket) ||
      !arguments.integer(3, &firstRow) || !arguments.integer(4, &maxMessages)) {
    return number(env, -EINVAL);
  }
  return number(env, udpReceive(*context, fd, socket, firstRow, maxMessages));
}

template <int32_t (*BATCH)(Context&, int32_t, int32_t)>
napi_value callBatch(napi_env env, napi_callback_info info) {
  Arguments<3> arguments(env, info);
  Context* context = arguments.context(0);
  int32_t firstRow, count;
  if (context == nullptr || !arguments.integer(1, &firstRow) || !arguments.integer(2, &count)) {
    return number(env, -EINVAL);
  }
  return number(env, BATCH(*context, firstRow, count));
}

}  // namespace

const Binding CONTEXT_BINDINGS[] = {
    {"contextOpen", contextOpen},      {"contextClose", contextClose},
    {"socketSet", socketSet},          {"offloadError", offloadError},
    {"keyInstall", keyInstall},        {"keyRemove", keyRemove},
    {"tunRead", callTunRead},          {"tunWrite", callTunWrite},
    {"udpRecv", callUdpReceive},       {"openBatch", callBatch<openBatch>},
    {"sealSend", callBatch<sealSend>}, {nullptr, nullptr},
};

}  // namespace twinspan
