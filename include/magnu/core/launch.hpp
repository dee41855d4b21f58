#pragma once

#include <cstddef>

#include "magnu/core/macros.hpp"

namespace magnu {

/// What one thread of a one-dimensional launch over n indices does. The CUDA kernel and the tests'
/// emulator both call this.
template <class Body>
MAGNU_HD void run_thread(const Body& body, std::size_t n, std::size_t block, std::size_t block_size,
                         std::size_t thread) {
  const std::size_t i = block * block_size + thread;
  if (i < n) body(i);
}

}  // namespace magnu
