#pragma once

#include <cstddef>

#include "magnu/core/macros.hpp"

namespace magnu {

/// A pointer with its length: how bodies see arrays that somebody else owns.
template <class T>
struct View {
  T* data = nullptr;
  std::size_t size = 0;

  MAGNU_HD T& operator[](std::size_t i) const { return data[i]; }
};

}  // namespace magnu
