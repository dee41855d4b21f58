#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

#include "magnu/core/view.hpp"

namespace magnu {

/// Values whose number is fixed at birth. Not filled: the threads that write it touch its pages
/// first.
template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() = default;
  explicit Array(std::size_t n)
      : values_(static_cast<T*>(::operator new(n * sizeof(T), alignment))), size_(n) {}

  std::size_t size() const { return size_; }
  T* data() { return values_.get(); }
  const T* data() const { return values_.get(); }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](std::size_t i) { return values_[i]; }
  const T& operator[](std::size_t i) const { return values_[i]; }

  View<T> view() { return {data(), size_}; }
  View<const T> view() const { return {data(), size_}; }

 private:
  static constexpr std::align_val_t alignment{alignof(T)};

  struct Free {
    void operator()(T* values) const { ::operator delete(values, alignment); }
  };

  std::unique_ptr<T[], Free> values_;
  std::size_t size_ = 0;
};

}  // namespace magnu
