#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "magnu/core/launch.hpp"
#include "magnu/scan/pipeline.hpp"

namespace magnu::test {

/// An executor that runs bodies as a device would: blocks of an odd size, in an order of no
/// meaning, with threads beyond the last index. Buffers are plain allocations of exactly their
/// size, so that the sanitizers see every step outside.
class Emulator {
 public:
  template <class T>
  class Buffer {
   public:
    explicit Buffer(std::size_t n) : values_(std::make_unique<T[]>(n)), size_(n) {}
    explicit Buffer(std::span<const T> values) : Buffer(values.size()) {
      std::copy(values.begin(), values.end(), values_.get());
    }
    View<T> view() { return {values_.get(), size_}; }
    View<const T> view() const { return {values_.get(), size_}; }

   private:
    std::unique_ptr<T[]> values_;
    std::size_t size_;
  };

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

  template <class T>
  Buffer<std::remove_const_t<T>> upload(std::span<T> values) const {
    return Buffer<std::remove_const_t<T>>(std::span<const T>(values));
  }
  template <class T>
  Buffer<T> allocate(std::size_t n) const {
    return Buffer<T>(n);
  }
  template <class T>
  std::vector<T> download(const Buffer<T>& buffer) const {
    const auto view = buffer.view();
    return {view.data, view.data + view.size};
  }

  template <class Body>
  void for_each(std::size_t n, const Body& body, std::size_t) const {
    static_assert(std::is_trivially_copyable_v<Body>, "a kernel takes its body by value");
    const std::size_t blocks = (n + block_size_ - 1) / block_size_;
    for (std::size_t b = 0; b < blocks; ++b)
      for (std::size_t t = 0; t < block_size_; ++t)
        run_thread(body, n, blocks - 1 - b, block_size_, t);
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
