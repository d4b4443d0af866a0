// How long each turn of an event loop takes: the time from one look at its descriptors to the next, less what it spent
// waiting for them. Timers, callbacks, microtasks and garbage collection all count.
#include <uv.h>

#include <cerrno>
#include <new>

#include "histogram.h"
#include "instance.h"

namespace twinspan {
namespace {

struct Turns {
  uv_prepare_t handle;
  uv_loop_t* loop;
  napi_ref array = nullptr;
  double* words;
  uint64_t lookedAt;
  uint64_t idle;
  napi_async_cleanup_hook_handle hook = nullptr;
};

void look(uv_prepare_t* handle) {
  auto* turns = static_cast<Turns*>(handle->data);
  const uint64_t now = uv_hrtime();
  const uint64_t idle = uv_metrics_idle_time(turns->loop);
  const uint64_t busy = (now - turns->lookedAt) - (idle - turns->idle);
  turns->lookedAt = now;
  turns->idle = idle;
  // What waited longer than it lasted was measured between two clocks.
  histogramAdd(turns->words, busy > now ? 0 : busy / 1000);
}

void freeTurns(uv_handle_t* handle) {
  auto* turns = static_cast<Turns*>(handle->data);
  napi_remove_async_cleanup_hook(turns->hook);
  delete turns;
}

void cleanUpTurns(napi_async_cleanup_hook_handle, void* data) {
  auto* turns = static_cast<Turns*>(data);
  uv_prepare_stop(&turns->handle);
  uv_close(reinterpret_cast<uv_handle_t*>(&turns->handle), freeTurns);
}

// turnsWatch(words): counts every turn of this thread's event loop from now on, for as long as the thread lives. The
// array must be in shared memory. 0 or −errno.
napi_value turnsWatch(napi_env env, napi_callback_info info) {
  Arguments<1> arguments(env, info);
  void* words = nullptr;
  size_t length = 0;
  uv_loop_t* loop = nullptr;
  if (!typedArray(env, arguments.at(0), napi_float64_array, &words, &length) || length < HISTOGRAM_WORDS) {
    return number(env, -EINVAL);
  }
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return number(env, -EINVAL);
  auto* turns = new (std::nothrow) Turns;
  if (turns == nullptr) return number(env, -ENOMEM);
  turns->loop = loop;
  turns->words = static_cast<double*>(words);
  turns->lookedAt = uv_hrtime();
  turns->idle = uv_metrics_idle_time(loop);
  napi_create_reference(env, arguments.at(0), 1, &turns->array);
  uv_prepare_init(loop, &turns->handle);
  turns->handle.data = turns;
  uv_prepare_start(&turns->handle, look);
  uv_unref(reinterpret_cast<uv_handle_t*>(&turns->handle));
  napi_add_async_cleanup_hook(env, cleanUpTurns, turns, &turns->hook);
  return number(env, 0);
}

napi_value testHistogramAdd(napi_env env, napi_callback_info info) {
  Arguments<2> arguments(env, info);
  void* words = nullptr;
  size_t length = 0;
  int32_t micros;
  if (!typedArray(env, arguments.at(0), napi_float64_array, &words, &length) || length < HISTOGRAM_WORDS ||
      !arguments.integer(1, &micros) || micros < 0) {
    return number(env, -EINVAL);
  }
  histogramAdd(static_cast<double*>(words), static_cast<uint64_t>(micros));
  return number(env, 0);
}

}  // namespace

const Binding TURNS_BINDINGS[] = {{"turnsWatch", turnsWatch}, {nullptr, nullptr}};
const Binding TURNS_TESTING_BINDINGS[] = {{"histogramAdd", testHistogramAdd}, {nullptr, nullptr}};

}  // namespace twinspan
