// Running a program from JavaScript: on a thread of libuv's pool, so that the event loop goes on.
#include <cerrno>
#include <new>

#include "command.h"
#include "instance.h"

namespace twinspan {
namespace {

constexpr int32_t OUTPUT_BYTES_LIMIT = 1 << 28;

struct Run {
  Command command;
  CommandResult result;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
};

bool textOf(napi_env env, napi_value value, std::string* out) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  out->resize(length + 1);
  if (napi_get_value_string_utf8(env, value, out->data(), length + 1, &length) != napi_ok) return false;
  out->resize(length);
  return true;
}

bool textsOf(napi_env env, napi_value value, std::vector<std::string>* out) {
  uint32_t count;
  if (napi_get_array_length(env, value, &count) != napi_ok) return false;
  out->resize(count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value item = nullptr;
    if (napi_get_element(env, value, i, &item) != napi_ok || !textOf(env, item, &(*out)[i])) return false;
  }
  return true;
}

void setText(napi_env env, napi_value object, const char* name, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  napi_set_named_property(env, object, name, value);
}

void execute(napi_env, void* data) {
  auto* run = static_cast<Run*>(data);
  runCommand(run->command, &run->result);
}

void complete(napi_env env, napi_status, void* data) {
  auto* run = static_cast<Run*>(data);
  napi_value answer = nullptr;
  napi_create_object(env, &answer);
  napi_set_named_property(env, answer, "status", number(env, run->result.status));
  setText(env, answer, "stdout", run->result.out);
  setText(env, answer, "stderr", run->result.err);
  napi_resolve_deferred(env, run->deferred, answer);
  napi_delete_async_work(env, run->work);
  delete run;
}

// commandRun(argv, environment, path, input, timeoutMs, outputBytesMax): a promise of {status, stdout,
// stderr}.
napi_value callCommandRun(napi_env env, napi_callback_info info) {
  Arguments<6> arguments(env, info);
  auto* run = new (std::nothrow) Run;
  int32_t timeoutMs, outputBytesMax;
  napi_value promise = nullptr, name = nullptr;
  if (run == nullptr || napi_create_promise(env, &run->deferred, &promise) != napi_ok) {
    delete run;
    return nullptr;
  }
  Command* command = &run->command;
  const bool valid = textsOf(env, arguments.at(0), &command->argv) && !command->argv.empty() &&
                     textsOf(env, arguments.at(1), &command->environment) &&
                     textOf(env, arguments.at(2), &command->path) &&
                     textOf(env, arguments.at(3), &command->input) && arguments.integer(4, &timeoutMs) &&
                     arguments.integer(5, &outputBytesMax) && timeoutMs > 0 && outputBytesMax > 0 &&
                     outputBytesMax <= OUTPUT_BYTES_LIMIT;
  napi_create_string_utf8(env, "twinspan.command", NAPI_AUTO_LENGTH, &name);
  if (valid) {
    command->timeoutMs = timeoutMs;
    command->outputBytesMax = static_cast<size_t>(outputBytesMax);
  }
  if (!valid || napi_create_async_work(env, nullptr, name, execute, complete, run, &run->work) != napi_ok) {
    run->result.status = -EINVAL;
    complete(env, napi_ok, run);
    return promise;
  }
  napi_queue_async_work(env, run->work);
  return promise;
}

}  // namespace

const Binding COMMAND_BINDINGS[] = {{"commandRun", callCommandRun}, {nullptr, nullptr}};

}  // namespace twinspan
