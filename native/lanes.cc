#include "lanes.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace twinspan {
namespace {

// Longer than the worker takes to read the next messages where they come without a pause.
constexpr int64_t SPIN_NS = 30'000;
constexpr int SPINS_A_LOOK = 64;
constexpr size_t STACK_BYTES = 256 * 1024;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int64_t nowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void futex(std::atomic<uint32_t>* word, int operation, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
}

}  // namespace

void* Lanes::enter(void* start) {
  const auto* mine = static_cast<Start*>(start);
  pthread_setname_np(pthread_self(), "lane");
  mine->lanes->live(mine->lane);
  return nullptr;
}

void Lanes::open(int count) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  while (count_ < count && count_ < LANES_MAX) {
    starts_[count_] = {this, count_ + 1};
    if (pthread_create(&threads_[count_], &attributes, enter, &starts_[count_]) != 0) break;
    count_++;
  }
  pthread_attr_destroy(&attributes);
}

Lanes::~Lanes() {
  ends_.store(true);
  job_.fetch_add(1);
  futex(&job_, FUTEX_WAKE, INT32_MAX);
  for (int i = 0; i < count_; i++) pthread_join(threads_[i], nullptr);
}

void Lanes::live(int lane) {
  uint32_t seen = 0;
  for (;;) {
    uint32_t job = job_.load(std::memory_order_acquire);
    const int64_t sleepAtNs = nowNs() + SPIN_NS;
    for (int spins = 0; job == seen; job = job_.load(std::memory_order_acquire)) {
      pause();
      if (++spins % SPINS_A_LOOK == 0 && nowNs() >= sleepAtNs) break;
    }
    if (job == seen) {
      sleeping_.fetch_add(1);
      // Returns at once where another job has begun since.
      futex(&job_, FUTEX_WAIT, seen);
      sleeping_.fetch_sub(1);
      continue;
    }
    if (ends_.load()) return;
    seen = job;
    work(job, lane);
  }
}

void Lanes::work(uint32_t job, int lane) {
  uint64_t seen = left_.load(std::memory_order_acquire);
  for (;;) {
    const auto left = static_cast<int32_t>(seen & UINT32_MAX);
    if (seen >> 32 != job || left == 0) return;
    const int32_t piece = piece_.load(std::memory_order_relaxed);
    const int32_t first = left > piece ? left - piece : 0;
    if (!left_.compare_exchange_weak(seen, seen - (left - first), std::memory_order_acq_rel)) continue;
    // The job is not over before this piece is done, so these are its own.
    work_.load(std::memory_order_relaxed)(argument_.load(std::memory_order_relaxed), lane, first, left);
    done_.fetch_add(left - first, std::memory_order_release);
    seen = left_.load(std::memory_order_acquire);
  }
}

void Lanes::run(Piece work, void* argument, int32_t rows, int32_t piece) {
  const uint32_t job = job_.load() + 1;
  work_.store(work, std::memory_order_relaxed);
  argument_.store(argument, std::memory_order_relaxed);
  piece_.store(piece, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  left_.store(static_cast<uint64_t>(job) << 32 | static_cast<uint32_t>(rows), std::memory_order_release);
  job_.store(job);
  // A lane that is about to sleep either is counted here or finds that the job is another.
  if (sleeping_.load() > 0) futex(&job_, FUTEX_WAKE, static_cast<uint32_t>(count_));
  this->work(job, 0);
  for (int spins = 1; done_.load(std::memory_order_acquire) < rows; spins++) {
    // A lane that has a piece may have lost its processor to somebody.
    if (spins % SPINS_A_LOOK == 0) sched_yield();
    pause();
  }
}

}  // namespace twinspan
