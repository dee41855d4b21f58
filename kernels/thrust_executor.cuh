#pragma once

#include <thrust/allocate_unique.h>
#include <thrust/copy.h>
#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/reduce.h>

#include <algorithm>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "magnu/core/array.hpp"

namespace magnu {

/// Where segment s begins, as an iterator over segments.
struct SegmentBegin {
  std::size_t length;
  MAGNU_HD std::size_t operator()(std::size_t segment) const { return segment * length; }
};

/// Terms as an iterator: they are computed where they are summed and never stored. Not a pointer,
/// so that no alignment decides the order of a sum.
template <class Term>
auto term_iterator(const Term& term) {
  return thrust::make_transform_iterator(thrust::make_counting_iterator(std::size_t{0}), term);
}

/// An executor of Pipeline over Thrust memory. `Space` says where: its Allocator<T>, for_each,
/// sum_segments, Copies to the host, values in a `part` of them, and facts. The CUDA space is in
/// cuda_runner.cu; tests run a host space.
template <class Space>
class ThrustExecutor {
 public:
  /// Not filled: what is allocated is written before it is read.
  template <class T>
  class Buffer {
   public:
    using Allocator = typename Space::template Allocator<T>;

    explicit Buffer(std::size_t n)
        : values_(thrust::uninitialized_allocate_unique_n<T>(Allocator{}, n)), size_(n) {}
    View<T> view() { return {thrust::raw_pointer_cast(values_.get()), size_}; }
    View<const T> view() const { return {thrust::raw_pointer_cast(values_.get()), size_}; }
    auto begin() const { return values_.get(); }

   private:
    decltype(thrust::uninitialized_allocate_unique_n<T>(Allocator{}, 0)) values_;
    std::size_t size_;
  };

  static constexpr bool row_by_row = false;

  explicit ThrustExecutor(Space space) : space_(std::move(space)) {}

  std::string name() const { return space_.name(); }
  std::string device() const { return space_.device(); }
  std::string instruction_set() const { return space_.instruction_set(); }
  int threads() const {
    return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  }
  /// Many times the threads of a device, and 32 MiB to copy.
  std::size_t chunk() const { return std::size_t{1} << 22; }
  int concurrent_calls() const { return 1; }
  std::size_t parts(std::size_t n) const { return n; }
  std::size_t working_bytes() const { return space_.working_bytes(); }
  template <class F>
  auto with_lanes(F&& f) const {
    return f(std::integral_constant<int, Space::lanes>{});
  }

  template <class T>
  Buffer<std::remove_const_t<T>> upload(std::span<T> values) const {
    Buffer<std::remove_const_t<T>> buffer(values.size());
    thrust::copy(values.begin(), values.end(), buffer.begin());
    return buffer;
  }
  template <class T>
  Buffer<T> lend(std::span<const T> values) const {
    return upload(values);
  }
  template <class T>
  Buffer<T> allocate(std::size_t n) const {
    return Buffer<T>(n);
  }
  template <class T>
  Array<T> download(const Buffer<T>& buffer) const {
    Array<T> values(buffer.view().size);
    thrust::copy_n(buffer.begin(), values.size(), values.begin());
    return values;
  }

  /// All parts are launched at once; each is copied when it is there, beside those that follow.
  template <class T, class Launch>
  Array<T> download_as_written(Buffer<T>&& buffer, const Launch& launch) const {
    const auto all = buffer.view();
    if (all.size <= Space::part) {
      launch(0, all);
      return download(buffer);
    }
    Array<T> values(all.size);
    typename Space::Copies copies;
    for (std::size_t from = 0; from < all.size; from += Space::part) {
      const View<T> some{all.data + from, std::min(Space::part, all.size - from)};
      launch(from, some);
      copies.after_launches(values.data() + from, some.data, some.size * sizeof(T));
    }
    copies.finish();
    return values;
  }

  template <class Body>
  void for_each(std::size_t n, const Body& body, std::size_t,
                const Meanwhile& meanwhile = {}) const {
    space_.for_each(n, body);
    if (meanwhile) meanwhile();  // launched is not done
  }

  template <class Term>
  std::vector<double> sum_segments(std::size_t count, std::size_t length, const Term& term) const {
    Buffer<double> sums(count);
    if (count > 0) space_.sum_segments(count, length, term_iterator(term), sums.view().data);
    const auto values = download(sums);
    return {values.begin(), values.end()};
  }

 private:
  Space space_;
};

}  // namespace magnu
