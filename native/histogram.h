// Counting durations in a log-linear histogram; its layout is stated in src/core/base/histogram.ts, and a test compares
// the two.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace twinspan {

constexpr int HISTOGRAM_OCTAVE_BITS = 4;
constexpr int HISTOGRAM_OCTAVES = 26;
constexpr int HISTOGRAM_HEAD = 3;
constexpr size_t HISTOGRAM_WORDS =
    HISTOGRAM_HEAD + (HISTOGRAM_OCTAVES - HISTOGRAM_OCTAVE_BITS + 1) * (1 << HISTOGRAM_OCTAVE_BITS);

inline void histogramAdd(double* words, uint64_t micros) {
  constexpr uint64_t LAST = (uint64_t{1} << HISTOGRAM_OCTAVES) - 1;
  const uint32_t value = static_cast<uint32_t>(micros < LAST ? micros : LAST);
  uint32_t bucket = value;
  if (value >= 1u << HISTOGRAM_OCTAVE_BITS) {
    const int shift = 31 - std::countl_zero(value) - HISTOGRAM_OCTAVE_BITS;
    bucket = (static_cast<uint32_t>(shift) << HISTOGRAM_OCTAVE_BITS) + (value >> shift);
  }
  const auto add = [words](size_t index, double amount) {
    std::atomic_ref<double> word(words[index]);
    word.store(word.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  };
  add(HISTOGRAM_HEAD + bucket, 1);
  add(1, value);
  add(0, 1);
  if (value > words[2]) std::atomic_ref<double>(words[2]).store(value, std::memory_order_relaxed);
}

}  // namespace twinspan
