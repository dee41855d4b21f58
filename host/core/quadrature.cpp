#include "magnu/core/quadrature.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

namespace magnu {
namespace {

QuadratureRule make_gauss_legendre(std::size_t n) {
  QuadratureRule rule{std::vector<double>(n), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    double x = std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5));
    double slope = 1;
    for (int step = 0; step < 100; ++step) {  // Newton on P_n; five or six steps do
      double previous = 1, value = x;
      for (std::size_t k = 2; k <= n; ++k) {
        const double next = ((2 * k - 1) * x * value - (k - 1) * previous) / k;
        previous = value;
        value = next;
      }
      slope = n * (x * value - previous) / (x * x - 1);
      const double move = value / slope;
      x -= move;
      if (std::abs(move) < 1e-16) break;
    }
    rule.nodes[n - 1 - i] = 0.5 * (1 + x);
    rule.weights[n - 1 - i] = 1 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

}  // namespace

const QuadratureRule& gauss_legendre(std::size_t n) {
  thread_local std::map<std::size_t, QuadratureRule> rules;  // asked for in inner loops: no lock
  auto found = rules.find(n);
  if (found == rules.end()) found = rules.emplace(n, make_gauss_legendre(n)).first;
  return found->second;
}

double integrate(const std::function<double(double)>& f, double lower, double upper,
                 std::size_t n) {
  const auto& rule = gauss_legendre(n);
  double sum = 0;
  for (std::size_t j = 0; j < n; ++j)
    sum += rule.weights[j] * f(lower + (upper - lower) * rule.nodes[j]);
  return sum * (upper - lower);
}

double ellipse_for(double accuracy, int order) {
  return std::pow(accuracy, -1.0 / order);
}

double ellipse_of_ratio(double ratio) {
  const double root = std::sqrt(ratio);
  return (root + 1) / (root - 1);
}

double panel_ratio(double accuracy, int order) {
  const double rho = ellipse_for(accuracy, order);
  const double root = (rho + 1) / (rho - 1);
  return root * root;
}

int order_for(double ellipse, double accuracy) {
  return static_cast<int>(std::ceil(-std::log(accuracy) / std::log(ellipse)));
}

int gauss_nodes_for(double ellipse, double accuracy) {
  return std::max(2, (order_for(ellipse, accuracy) + 1) / 2 + 1);
}

double exponential_step(double accuracy, int order) {
  return 4 * std::pow(accuracy / 2 * std::tgamma(order + 1.0), 1.0 / order);
}

std::vector<double> geometric_edges(double lower, double upper, double ratio) {
  const auto panels =
      std::max(1.0, std::ceil(std::log(upper / lower) / std::log(ratio) * (1 - 1e-12)));
  std::vector<double> edges;
  for (double i = 0; i < panels; ++i) edges.push_back(lower * std::pow(upper / lower, i / panels));
  edges.push_back(upper);
  return edges;
}

}  // namespace magnu
