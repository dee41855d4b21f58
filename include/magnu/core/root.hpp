#pragma once

#include <cmath>

namespace magnu {

/// Where f passes through zero between a and b, at which its signs differ: regula falsi in the
/// Illinois variant, which halves the value of an end that stays; to 1e-14 of the place.
template <class F>
double find_root(double a, double f_a, double b, double f_b, F&& f) {
  for (int step = 0; step < 200 && std::abs(b - a) > 1e-14 * std::abs(b); ++step) {
    const double x = (a * f_b - b * f_a) / (f_b - f_a);
    const double f_x = f(x);
    if (f_x == 0) return x;
    if ((f_x < 0) != (f_b < 0)) {
      a = b;
      f_a = f_b;
    } else {
      f_a *= 0.5;
    }
    b = x;
    f_b = f_x;
  }
  return b;
}

}  // namespace magnu
