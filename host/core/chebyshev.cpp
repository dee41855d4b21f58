#include "magnu/core/chebyshev.hpp"

#include <cmath>
#include <numbers>

#include "magnu/core/quadrature.hpp"

namespace magnu {

std::vector<double> chebyshev_nodes(std::size_t n) {
  std::vector<double> nodes(n);
  for (std::size_t j = 0; j < n; ++j) nodes[j] = std::cos(std::numbers::pi * (j + 0.5) / n);
  return nodes;
}

std::vector<double> chebyshev_transform(std::size_t n) {
  std::vector<double> matrix(n * n);
  for (std::size_t m = 0; m < n; ++m)
    for (std::size_t j = 0; j < n; ++j)
      matrix[m * n + j] = (m == 0 ? 1.0 : 2.0) / n * std::cos(std::numbers::pi * m * (j + 0.5) / n);
  return matrix;
}

std::vector<double> running_mean_matrix(std::size_t n) {
  const auto nodes = chebyshev_nodes(n);
  const auto transform = chebyshev_transform(n);
  const auto rule = gauss_legendre(n / 2 + 1);  // exact for every T_m, m < n

  std::vector<double> means(n * n);  // [node][m]: mean of T_m over [-1, x_node]
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t q = 0; q < rule.nodes.size(); ++q) {
      const double x = -1 + (nodes[i] + 1) * rule.nodes[q];
      for (std::size_t m = 0; m < n; ++m)
        means[i * n + m] += rule.weights[q] * std::cos(m * std::acos(x));
    }

  return product(product(transform, means, n), transform, n);
}

std::vector<double> powers_from_chebyshev(std::size_t n) {
  std::vector<double> matrix(n * n);  // [power][m], T_m+1 = 2 x T_m - T_m-1
  for (std::size_t m = 0; m < n; ++m)
    for (std::size_t power = 0; power <= m; ++power) {
      const auto of = [&](std::size_t p, std::size_t t) { return matrix[p * n + t]; };
      double& value = matrix[power * n + m];
      if (m < 2)
        value = power == m ? 1 : 0;
      else
        value = (power > 0 ? 2 * of(power - 1, m - 1) : 0) - of(power, m - 2);
    }
  return matrix;
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b,
                            std::size_t n) {
  std::vector<double> matrix(n * n);
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t m = 0; m < n; ++m)
      for (std::size_t c = 0; c < n; ++c) matrix[r * n + c] += a[r * n + m] * b[m * n + c];
  return matrix;
}

}  // namespace magnu
