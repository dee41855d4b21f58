#pragma once

#include <cstddef>
#include <vector>

#include "magnu/core/macros.hpp"

namespace magnu {

/// Sum of `terms` Chebyshev polynomials at x in [-1, 1] (Clenshaw's recurrence); the coefficients
/// lie `stride` apart.
MAGNU_HD inline double chebyshev_sum(const double* coefficients, int terms, int stride, double x) {
  double next = 0, after = 0;
  for (int m = terms - 1; m > 0; --m) {
    // The bracket keeps one fma a term on the chain of dependencies.
    const double here = 2 * x * next + (coefficients[m * stride] - after);
    after = next;
    next = here;
  }
  return x * next + (coefficients[0] - after);
}

/// The same at several places at once, the coefficients next to one another.
template <int Places>
MAGNU_HD inline void chebyshev_sums(const double* coefficients, int terms, const double* x,
                                    double* sums) {
  double next[Places] = {}, after[Places] = {};
  for (int m = terms - 1; m > 0; --m) {
    MAGNU_SIMD
    for (int i = 0; i < Places; ++i) {
      const double here = 2 * x[i] * next[i] + (coefficients[m] - after[i]);
      after[i] = next[i];
      next[i] = here;
    }
  }
  MAGNU_SIMD
  for (int i = 0; i < Places; ++i) sums[i] = x[i] * next[i] + (coefficients[0] - after[i]);
}

/// The n Chebyshev nodes cos(pi (j + 1/2)/n), descending in [-1, 1].
std::vector<double> chebyshev_nodes(std::size_t n);

/// Matrix [n][n] from values at the nodes to Chebyshev coefficients.
std::vector<double> chebyshev_transform(std::size_t n);

/// Matrix [n][n] from the values of f at x_j = chebyshev_nodes(n) to the coefficients of the mean
/// P(x) = 1/(x + 1) integral of f over [-1, x]. The factor (x + 1) kept outside keeps the relative
/// accuracy of an integral that vanishes at x = -1.
std::vector<double> running_mean_matrix(std::size_t n);

/// Matrix [n][n] from Chebyshev coefficients to those of powers of x: half the work to sum, and for
/// few terms that fall off no digit worse.
std::vector<double> powers_from_chebyshev(std::size_t n);

/// Product of matrices [n][n].
std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b,
                            std::size_t n);

}  // namespace magnu
