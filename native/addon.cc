// Registration. The addon is loaded once a process and initialised once an environment; nothing mutable is
// global.
#include <new>

#include "instance.h"

namespace twinspan {
namespace {

void cleanUp(void* data) {
  auto* instance = static_cast<Instance*>(data);
  for (ContextEntry& entry : instance->contexts) delete entry.context;
  for (PollerEntry& entry : instance->pollers) delete entry.poller;
  aeadUnload(&instance->aead);
  delete instance;
}

bool addAll(napi_env env, napi_value object, const Binding* bindings, Instance* instance) {
  for (; bindings->name != nullptr; bindings++) {
    napi_value function = nullptr;
    if (napi_create_function(env, bindings->name, NAPI_AUTO_LENGTH, bindings->call, instance, &function) !=
            napi_ok ||
        napi_set_named_property(env, object, bindings->name, function) != napi_ok) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool typedArray(napi_env env, napi_value value, napi_typedarray_type type, void** data, size_t* length) {
  bool is = false;
  if (napi_is_typedarray(env, value, &is) != napi_ok || !is) return false;
  napi_typedarray_type actual;
  if (napi_get_typedarray_info(env, value, &actual, length, data, nullptr, nullptr) != napi_ok) return false;
  return actual == type;
}

}  // namespace twinspan

NAPI_MODULE_INIT() {
  using namespace twinspan;
  auto* instance = new (std::nothrow) Instance;
  if (instance == nullptr) return nullptr;
  instance->env = env;
  aeadLoad(&instance->aead);
  napi_value testing = nullptr;
  if (napi_add_env_cleanup_hook(env, cleanUp, instance) != napi_ok) {
    cleanUp(instance);
    return nullptr;
  }
  if (!addAll(env, exports, COMMAND_BINDINGS, instance) || !addAll(env, exports, CONTEXT_BINDINGS, instance) || !addAll(env, exports, SYSTEM_BINDINGS, instance) ||
      !addAll(env, exports, LINK_BINDINGS, instance) || !addAll(env, exports, TURNS_BINDINGS, instance) ||
      napi_create_object(env, &testing) != napi_ok || !addAll(env, testing, TESTING_BINDINGS, instance) ||
      !addAll(env, testing, TURNS_TESTING_BINDINGS, instance) ||
      napi_set_named_property(env, exports, "testing", testing) != napi_ok) {
    return nullptr;
  }
  return exports;
}
