#pragma once

#include <string>
#include <vector>

#include "magnu/core/launch.hpp"
#include "magnu/scan/host_memory.hpp"
#include "magnu/scan/pipeline.hpp"

namespace magnu::test {

/// An executor that runs bodies as a device would: blocks of an odd size, in an order of no
/// meaning, with threads beyond the last index. Buffers are plain allocations of exactly their
/// size, so that the sanitizers see every step outside.
class Emulator : public HostMemory {
 public:
  static constexpr bool row_by_row = false;

  Emulator(std::size_t block_size, std::size_t working_bytes)
      : block_size_(block_size), working_bytes_(working_bytes) {}

  std::string name() const { return "emulator"; }
  std::string device() const { return "blocks of " + std::to_string(block_size_); }
  std::string instruction_set() const { return "default"; }
  int threads() const { return 1; }
  int concurrent_calls() const { return 1; }
  std::size_t parts(std::size_t n) const { return (n + 2) / 3; }
  std::size_t working_bytes() const { return working_bytes_; }
  template <class F>
  auto with_lanes(F&& f) const {
    return f(std::integral_constant<int, 3>{});
  }

  template <class Body>
  void for_each(std::size_t n, const Body& body, std::size_t,
                const Meanwhile& meanwhile = {}) const {
    static_assert(std::is_trivially_copyable_v<Body>, "a kernel takes its body by value");
    const std::size_t blocks = (n + block_size_ - 1) / block_size_;
    for (std::size_t b = 0; b < blocks; ++b)
      for (std::size_t t = 0; t < block_size_; ++t)
        run_thread(body, n, blocks - 1 - b, block_size_, t);
    if (meanwhile) meanwhile();
  }

  template <class Term>
  std::vector<double> sum_segments(std::size_t count, std::size_t length, const Term& term) const {
    std::vector<double> sums(count);
    for (std::size_t s = 0; s < count; ++s)
      for (std::size_t j = 0; j < length; ++j) sums[s] += term(s * length + j);
    return sums;
  }

 private:
  std::size_t block_size_, working_bytes_;
};

}  // namespace magnu::test
