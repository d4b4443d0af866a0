// Runs a program of the host to its end on the calling thread. The child is made by vfork(2), as
// posix_spawn(3) does: fork(2) copies the page tables, which for a process that serves thousands of peers
// takes tens of milliseconds, and libuv forks on the event loop's thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace twinspan {

struct Command {
  // The program, by name or path, and its arguments. Never empty.
  std::vector<std::string> argv;
  // NAME=VALUE each.
  std::vector<std::string> environment;
  // Folders, with colons between, where a program without a slash in its name is looked for.
  std::string path;
  std::string input;
  int timeoutMs = 0;
  // Most that is kept of each output stream.
  size_t outputBytesMax = 0;
};

struct CommandResult {
  // Exit status; 128 + signal; −errno where it could not be started; −ETIMEDOUT and −EMSGSIZE where it was
  // killed because it took too long or said too much.
  int status = 0;
  std::string out;
  std::string err;
};

void runCommand(const Command& command, CommandResult* result);

}  // namespace twinspan
