#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "magnu/core/view.hpp"

namespace magnu {

/// The part of an executor of Pipeline that owns memory, for those that run on the host.
class HostMemory {
 public:
  /// Not filled: the threads that write it touch its pages first.
  template <class T>
  class Buffer {
   public:
    explicit Buffer(std::size_t n) : values_(std::make_unique_for_overwrite<T[]>(n)), size_(n) {}
    View<T> view() { return {values_.get(), size_}; }
    View<const T> view() const { return {values_.get(), size_}; }

   private:
    std::unique_ptr<T[]> values_;
    std::size_t size_;
  };

  template <class T>
  Buffer<T> allocate(std::size_t n) const {
    return Buffer<T>(n);
  }
  template <class T>
  Buffer<std::remove_const_t<T>> upload(std::span<T> values) const {
    Buffer<std::remove_const_t<T>> buffer(values.size());
    std::copy(values.begin(), values.end(), buffer.view().data);
    return buffer;
  }
  template <class T>
  std::vector<T> download(const Buffer<T>& buffer) const {
    const auto view = buffer.view();
    return {view.data, view.data + view.size};
  }
};

}  // namespace magnu
