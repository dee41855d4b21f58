#include "magnu/scan/direct_grid.hpp"

#include <algorithm>
#include <numeric>

#include "magnu/core/quadrature.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {

DirectGrid::DirectGrid(const SolarFlux& flux) : first_of_panel(flux.panels.size()) {
  std::vector<int> order(flux.panels.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return flux.panels[a].upper < flux.panels[b].upper; });
  for (const int p : order) {
    const auto& panel = flux.panels[p];
    const double width = panel.upper - panel.lower;
    const auto& rule = gauss_legendre(panel.gauss_nodes);
    first_of_panel[p] = static_cast<int>(nodes.size());
    for (int j = 0; j < panel.gauss_nodes; ++j) {
      nodes.push_back({panel.lower + width * rule.nodes[j], width * rule.weights[j], p,
                       width * (1 - rule.nodes[j])});
      rule_nodes.push_back(rule.nodes[j]);
      rule_weights.push_back(rule.weights[j]);
      upper_edge_.push_back(panel.upper);
    }
  }
  for (std::size_t l = 0; l < flux.lines.size(); ++l)
    nodes.push_back({flux.lines[l].energy, 1, -1 - static_cast<int>(l), 0});
}

int DirectGrid::first_node(double energy) const {
  return static_cast<int>(std::upper_bound(upper_edge_.begin(), upper_edge_.end(), energy) -
                          upper_edge_.begin());
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
