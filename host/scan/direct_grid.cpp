#include "magnu/scan/direct_grid.hpp"

#include <algorithm>
#include <numeric>

#include "magnu/core/quadrature.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {
namespace {

void add_lines(const SolarFlux& flux, std::vector<FluxNode>& nodes) {
  for (std::size_t l = 0; l < flux.lines.size(); ++l)
    nodes.push_back({flux.lines[l].energy, 1, -1 - static_cast<int>(l)});
}

}  // namespace

DirectGrid::DirectGrid(const SolarFlux& flux) {
  std::vector<int> order(flux.panels.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return flux.panels[a].upper < flux.panels[b].upper; });
  for (const int p : order) {
    const auto& panel = flux.panels[p];
    const double width = panel.upper - panel.lower;
    const auto& rule = gauss_legendre(panel.gauss_nodes);
    for (int j = 0; j < panel.gauss_nodes; ++j) {
      nodes.push_back({p, rule.nodes[j], rule.weights[j]});
      flux_nodes.push_back({panel.lower + width * rule.nodes[j], width * rule.weights[j], p});
      upper_edge_.push_back(panel.upper);
    }
  }
  for (std::size_t l = 0; l < flux.lines.size(); ++l)
    nodes.push_back({-1 - static_cast<int>(l), 0, 1});
  add_lines(flux, flux_nodes);
}

int DirectGrid::first_node(double energy) const {
  return static_cast<int>(std::upper_bound(upper_edge_.begin(), upper_edge_.end(), energy) -
                          upper_edge_.begin());
}

std::vector<FluxNode> fit_flux_nodes(const SolarFlux& flux) {
  std::vector<FluxNode> nodes;
  nodes.reserve(flux.panels.size() * fit_nodes + flux.lines.size());
  static const auto x = chebyshev_nodes(fit_nodes);
  for (std::size_t p = 0; p < flux.panels.size(); ++p) {
    const auto& panel = flux.panels[p];
    for (int j = 0; j < fit_nodes; ++j)  // x = -1 at the upper edge, where the running mean starts
      nodes.push_back(
          {panel.upper - 0.5 * (panel.upper - panel.lower) * (x[j] + 1), 1, static_cast<int>(p)});
  }
  add_lines(flux, nodes);
  return nodes;
}

SpectrumPoint Spectra::total(std::size_t row) const {
  SpectrumPoint sum;
  for (std::size_t c = 0; c < components; ++c) sum += values[row * components + c];
  return sum;
}

double direct_cells(const SolarFlux& flux, const RecoilProblem& problem, std::size_t mu_points) {
  return static_cast<double>(problem.rows.size()) *
         static_cast<double>(DirectGrid(flux).nodes.size()) * static_cast<double>(mu_points);
}

}  // namespace magnu
