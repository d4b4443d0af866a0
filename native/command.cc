#include "command.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace twinspan {
namespace {

constexpr size_t READ_BYTES = 64 << 10;
// How often an exit is looked for after a program has closed its output; most do so by exiting.
constexpr long EXIT_LOOK_NS = 200'000;

int64_t nowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

void closeEnd(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// Standard input, output and error; [0] is read, [1] written.
struct Pipes {
  int ends[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};

  int open() {
    for (auto& pipe : ends) {
      if (pipe2(pipe, O_CLOEXEC) != 0) return -errno;
    }
    return 0;
  }

  ~Pipes() {
    for (auto& pipe : ends) {
      closeEnd(&pipe[0]);
      closeEnd(&pipe[1]);
    }
  }
};

std::vector<char*> pointersOf(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// As execvp(3) has it: a program that may not be run does not hide one of the same name further on.
int spawn(const Command& command, const posix_spawn_file_actions_t* actions,
          const posix_spawnattr_t* attributes, pid_t* pid) {
  const std::vector<char*> argv = pointersOf(command.argv);
  const std::vector<char*> environment = pointersOf(command.environment);
  const std::string& name = command.argv[0];
  const auto start = [&](const std::string& file) {
    return posix_spawn(pid, file.c_str(), actions, attributes, argv.data(), environment.data());
  };
  if (name.find('/') != std::string::npos) return -start(name);
  int refusal = ENOENT;
  for (size_t from = 0; from <= command.path.size();) {
    const size_t colon = std::min(command.path.find(':', from), command.path.size());
    const std::string file = command.path.substr(from, colon - from) + "/" + name;
    from = colon + 1;
    // Starting a child only to learn that there is no such file is dear.
    if (access(file.c_str(), X_OK) != 0) {
      if (errno == EACCES) refusal = EACCES;
      continue;
    }
    const int error = start(file);
    if (error == 0) return 0;
    if (error != ENOENT && error != ENOTDIR) refusal = error;
  }
  return -refusal;
}

// Node ignores SIGPIPE; a program should not inherit that.
int start(const Command& command, const Pipes& pipes, pid_t* pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (posix_spawn_file_actions_init(&actions) != 0) return -ENOMEM;
  if (posix_spawnattr_init(&attributes) != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return -ENOMEM;
  }
  posix_spawn_file_actions_adddup2(&actions, pipes.ends[0][0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipes.ends[1][1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipes.ends[2][1], STDERR_FILENO);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = spawn(command, &actions, &attributes, pid);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// Moves bytes until the program has closed its output. 0, −ETIMEDOUT or −EMSGSIZE.
int converse(const Command& command, Pipes* pipes, int64_t untilMs, CommandResult* result) {
  int* const input = &pipes->ends[0][1];
  int* const outputs[] = {&pipes->ends[1][0], &pipes->ends[2][0]};
  std::string* const texts[] = {&result->out, &result->err};
  std::vector<char> buffer(READ_BYTES);
  size_t written = 0;
  fcntl(*input, F_SETFL, O_NONBLOCK);
  while (*outputs[0] >= 0 || *outputs[1] >= 0) {
    if (*input >= 0 && written == command.input.size()) closeEnd(input);
    pollfd fds[] = {{*outputs[0], POLLIN, 0}, {*outputs[1], POLLIN, 0}, {*input, POLLOUT, 0}};
    const int64_t waitMs = untilMs - nowMs();
    if (waitMs <= 0) return -ETIMEDOUT;
    if (poll(fds, 3, static_cast<int>(waitMs)) < 0 && errno != EINTR) return -errno;
    if (fds[2].revents != 0) {
      const ssize_t bytes = write(*input, command.input.data() + written, command.input.size() - written);
      // A program that ends without reading its input breaks the pipe; its status says all there is to say.
      if (bytes >= 0)
        written += static_cast<size_t>(bytes);
      else if (errno != EAGAIN && errno != EINTR)
        closeEnd(input);
    }
    for (int k = 0; k < 2; k++) {
      if (fds[k].revents == 0) continue;
      const ssize_t bytes = read(*outputs[k], buffer.data(), buffer.size());
      if (bytes > 0)
        texts[k]->append(buffer.data(), static_cast<size_t>(bytes));
      else if (bytes == 0 || errno != EINTR)
        closeEnd(outputs[k]);
      if (texts[k]->size() > command.outputBytesMax) return -EMSGSIZE;
    }
  }
  return 0;
}

// Waits for the exit. False when `untilMs` comes first.
bool awaitExit(pid_t pid, int64_t untilMs, int* status) {
  while (waitpid(pid, status, WNOHANG) == 0) {
    if (nowMs() >= untilMs) return false;
    const timespec pause{0, EXIT_LOOK_NS};
    nanosleep(&pause, nullptr);
  }
  return true;
}

}  // namespace

void runCommand(const Command& command, CommandResult* result) {
  Pipes pipes;
  pid_t pid = 0;
  result->status = pipes.open();
  if (result->status == 0) result->status = start(command, pipes, &pid);
  if (result->status != 0) return;
  closeEnd(&pipes.ends[0][0]);
  closeEnd(&pipes.ends[1][1]);
  closeEnd(&pipes.ends[2][1]);
  const int64_t untilMs = nowMs() + command.timeoutMs;
  int error = converse(command, &pipes, untilMs, result);
  int status = 0;
  if (error == 0 && !awaitExit(pid, untilMs, &status)) error = -ETIMEDOUT;
  if (error != 0) {
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    result->status = error;
    return;
  }
  result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace twinspan
