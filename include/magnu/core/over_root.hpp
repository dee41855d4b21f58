#pragma once

#include <cmath>

#include "magnu/core/macros.hpp"

namespace magnu {

/// x/sqrt(y), y > 0. A GPU has no division: one inverse root is half the work of a root and an
/// inverse.
MAGNU_HD inline double over_root(double x, double y) {
#ifdef __CUDA_ARCH__
  return x * rsqrt(y);
#else
  return x / std::sqrt(y);
#endif
}

}  // namespace magnu
