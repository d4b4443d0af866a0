// Lanes: threads that help one worker with a batch, so that what one peer sends is opened on several cores while a single
// thread keeps its order and its replay window, as the kernel's WireGuard does. A job is a range of rows, taken in pieces by
// the worker and its lanes alike; the worker returns when all are done. Between jobs a lane spins for a moment, for the next
// one is often near, and then sleeps on a futex.
//
// A piece is claimed, from the end on, by a compare-and-swap on (job, rows that are left). Where that succeeds with rows left
// the job is not over, so a lane that wakes late can neither take a piece of a job that is over nor lose one of the job that has
// begun since; nothing that it read before need belong to one job.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace twinspan {

constexpr int LANES_MAX = 7;

class Lanes {
 public:
  // Does the rows [first, end) of a job; `lane` is 0 for the caller of run, 1 … for the lanes.
  using Piece = void (*)(void* argument, int lane, int32_t first, int32_t end);

  ~Lanes();
  // Starts up to `count` threads.
  void open(int count);
  int count() const { return count_; }
  // Does `rows` rows in pieces of `piece` rows, together with the lanes.
  void run(Piece work, void* argument, int32_t rows, int32_t piece);

 private:
  struct Start {
    Lanes* lanes;
    int lane;
  };
  static void* enter(void* start);
  void live(int lane);
  void work(uint32_t job, int lane);

  Start starts_[LANES_MAX];
  pthread_t threads_[LANES_MAX];
  int count_ = 0;
  // Number of the present job; the futex on which lanes sleep.
  alignas(64) std::atomic<uint32_t> job_{0};
  std::atomic<int32_t> sleeping_{0};
  std::atomic<bool> ends_{false};
  std::atomic<Piece> work_{nullptr};
  std::atomic<void*> argument_{nullptr};
  std::atomic<int32_t> piece_{1};
  // Job, and how many rows of it nobody has taken.
  alignas(64) std::atomic<uint64_t> left_{0};
  alignas(64) std::atomic<int32_t> done_{0};
};

}  // namespace twinspan
