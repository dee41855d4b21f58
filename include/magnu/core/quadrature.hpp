#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace magnu {

/// Nodes and weights of a rule on [0, 1].
struct QuadratureRule {
  std::vector<double> nodes, weights;
};

/// Gauss-Legendre rule with n nodes; it lives as long as the thread that asks.
const QuadratureRule& gauss_legendre(std::size_t n);

/// Integral of f over [lower, upper] with n Gauss-Legendre nodes.
double integrate(const std::function<double(double)>& f, double lower, double upper, std::size_t n);

/// A function interpolated or integrated on a panel converges as rho^-order, up to a factor of
/// order one, where rho is the sum of the half axes of the Bernstein ellipse through its nearest
/// singularity (Trefethen, Approximation Theory and Approximation Practice, ch. 8; a Gauss rule of
/// n nodes has order 2n). The rho at which that is `accuracy`.
double ellipse_for(double accuracy, int order);

/// rho of a panel [a, r a] of a function singular at 0: (sqrt(r) + 1)/(sqrt(r) - 1).
double ellipse_of_ratio(double ratio);

/// The r of panels [a, r a] on which a function singular at 0 converges to `accuracy`.
double panel_ratio(double accuracy, int order);

/// The least order that reaches `accuracy` on a panel of that rho, and the least number of Gauss
/// nodes.
int order_for(double ellipse, double accuracy);
int gauss_nodes_for(double ellipse, double accuracy);

/// exp(c x) on a panel over which its exponent grows by `step` has Chebyshev coefficients of about
/// 2 (step/4)^n/n! (modified Bessel functions, DLMF 10.25.2): the step at which that is `accuracy`.
double exponential_step(double accuracy, int order);

/// Cuts [lower, upper] into panels whose edges grow by at most `ratio`; both ends are included.
std::vector<double> geometric_edges(double lower, double upper, double ratio);

}  // namespace magnu
