#pragma once

#include <vector>

#include "magnu/scan/direct_bodies.hpp"

namespace magnu {

/// The neutrino-energy grid of the direct evaluation: Gauss nodes of all panels in ascending order
/// of the panels' upper edges, then the lines.
struct DirectGrid {
  explicit DirectGrid(const SolarFlux& flux);

  /// The first node whose panel reaches above an energy; all before it lie below.
  int first_node(double energy) const;

  std::vector<FluxNode> nodes;                   ///< of whole panels, then lines
  std::vector<double> rule_nodes, rule_weights;  ///< [nodes of panels]: the rule on [0, 1]
  std::vector<int> first_of_panel;               ///< [panels]

 private:
  std::vector<double> upper_edge_;  ///< of each node's panel; ascending, lines left out
};

}  // namespace magnu
