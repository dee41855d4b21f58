#include "magnu/statistics/hessian.hpp"

#include <cmath>

namespace magnu {

Matrix inverse(Matrix a) {
  const std::size_t n = a.size();
  Matrix inverted(n, std::vector<double>(n));
  for (std::size_t i = 0; i < n; ++i) inverted[i][i] = 1;
  // Scaled to a diagonal of one: the parameters' sizes are of no importance.
  std::vector<double> scale(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (!(a[i][i] > 0)) return {};
    scale[i] = 1 / std::sqrt(a[i][i]);
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) a[i][j] *= scale[i] * scale[j];
  for (std::size_t k = 0; k < n; ++k) {
    const double pivot = a[k][k];
    if (!(pivot > 1e-12)) return {};
    for (std::size_t j = 0; j < n; ++j) {
      a[k][j] /= pivot;
      inverted[k][j] /= pivot;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = a[i][k];
      for (std::size_t j = 0; j < n; ++j) {
        a[i][j] -= factor * a[k][j];
        inverted[i][j] -= factor * inverted[k][j];
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) inverted[i][j] *= scale[i] * scale[j];
  return inverted;
}

Matrix hessian(const Likelihood& likelihood, std::span<const double> counts, double s,
               std::span<const double> theta) {
  const auto view = likelihood.view();
  const std::size_t parameters = view.parameters, bins = likelihood.bins();
  const auto lambda = likelihood.expected(s, theta);
  Matrix second(parameters + 1, std::vector<double>(parameters + 1));
  for (std::size_t i = 0; i < bins; ++i) {
    const double n = counts[i];
    const double ratio = n > 0 ? n / lambda[i] : 0, curvature = n > 0 ? ratio / lambda[i] : 0;
    std::vector<double> gradient{view.slope[parameters * view.bins + i]};
    for (std::size_t p = 0; p < parameters; ++p) {
      const double slope = view.slope[p * view.bins + i];
      gradient.push_back(view.base[p * view.bins + i] + s * slope);
      gradient[0] += theta[p] * slope;
      second[0][p + 1] += (1 - ratio) * slope;
      second[p + 1][0] += (1 - ratio) * slope;
    }
    for (std::size_t p = 0; p <= parameters; ++p)
      for (std::size_t q = 0; q <= parameters; ++q)
        second[p][q] += curvature * gradient[p] * gradient[q];
  }
  for (std::size_t p = 0; p < parameters; ++p) second[p + 1][p + 1] += view.weight[p];
  return second;
}

}  // namespace magnu
