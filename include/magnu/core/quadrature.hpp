#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace magnu {

/// Nodes and weights of a rule on [0, 1].
struct QuadratureRule {
  std::vector<double> nodes, weights;
};

/// Gauss-Legendre rule with n nodes.
const QuadratureRule& gauss_legendre(std::size_t n);

/// Integral of f over [lower, upper] with n Gauss-Legendre nodes.
double integrate(const std::function<double(double)>& f, double lower, double upper, std::size_t n);

/// A function with a singularity at 0, interpolated or integrated on panels [a, r a], converges as
/// rho^-order with rho = (sqrt(r) + 1)/(sqrt(r) - 1), the Bernstein ellipse through the singularity
/// (Trefethen, Approximation Theory and Approximation Practice, ch. 8; a Gauss rule of n nodes has
/// order 2n), up to a factor of order one. The r at which that is `accuracy`.
double panel_ratio(double accuracy, int order);

/// The least order that reaches `accuracy` on a panel [a, r a] of that kind.
int order_for(double ratio, double accuracy);

/// The same in Gauss nodes.
int gauss_nodes_for(double ratio, double accuracy);

/// Cuts [lower, upper] into panels whose edges grow by at most `ratio`; both ends are included.
std::vector<double> geometric_edges(double lower, double upper, double ratio);

}  // namespace magnu
