#pragma once

#include <cmath>

#include "magnu/core/macros.hpp"

namespace magnu {

/// The normal distribution's tail above x.
MAGNU_HD inline double normal_tail(double x) {
  return 0.5 * std::erfc(x * 0.70710678118654752440);
}

/// x with this tail above it, 0 < tail < 1: Newton's steps for the logarithm, which is concave,
/// from where exp(-x^2/2)/2 has this value, which is more; so they come from one side.
MAGNU_HD inline double normal_quantile(double tail) {
  if (tail > 0.5) return -normal_quantile(1 - tail);
  double x = std::sqrt(-2 * std::log(2 * tail));
  for (int step = 0; step < 100; ++step) {
    const double here = normal_tail(x);
    const double density = 0.39894228040143267794 * std::exp(-0.5 * x * x);
    const double move = std::log(here / tail) * here / density;
    x += move;
    if (!(std::fabs(move) > 1e-15 * std::fabs(x))) break;
  }
  return x;
}

}  // namespace magnu
