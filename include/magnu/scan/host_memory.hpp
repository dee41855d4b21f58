#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>

#include "magnu/core/array.hpp"

namespace magnu {

/// The part of an executor of Pipeline that owns memory, for those that run on the host.
class HostMemory {
 public:
  /// 2 MiB of limits; two of them are under way.
  std::size_t chunk() const { return std::size_t{1} << 18; }

  template <class T>
  using Buffer = Array<T>;

  template <class T>
  Buffer<T> allocate(std::size_t n) const {
    return Buffer<T>(n);
  }
  template <class T>
  Buffer<std::remove_const_t<T>> upload(std::span<T> values) const {
    Buffer<std::remove_const_t<T>> buffer(values.size());
    std::copy(values.begin(), values.end(), buffer.begin());
    return buffer;
  }
  /// The caller's own values.
  template <class T>
  auto lend(std::span<const T> values) const {
    struct Lent {
      View<const T> values;
      View<const T> view() const { return values; }
    };
    return Lent{{values.data(), values.size()}};
  }
  template <class T>
  Array<T> download(Buffer<T>&& buffer) const {
    return std::move(buffer);
  }
  template <class T>
  Array<T> download(const Buffer<T>& buffer) const {
    return upload(std::span<const T>(buffer));
  }
  template <class T, class Launch>
  Array<T> download_as_written(Buffer<T>&& buffer, const Launch& launch) const {
    launch(0, buffer.view());
    return std::move(buffer);
  }
};

}  // namespace magnu
