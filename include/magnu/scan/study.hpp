#pragma once

#include <optional>
#include <string>
#include <vector>

#include "magnu/scan/axis.hpp"
#include "magnu/scan/curve.hpp"

namespace magnu {

/// What a configuration file says: curves, and the axes that multiply each of them.
struct Study {
  std::string name;
  std::vector<Curve> curves;
  std::vector<Axis> axes = {};
  std::optional<Reach> reach = {};  ///< instead of limits
  std::vector<std::string> warnings =
      {};  ///< of the reader: what changes a result, or has no effect

  std::vector<std::string> notes = {};  ///< of the reader: what it understood

  /// Whether a single number is computed for each point of a grid.
  bool is_grid() const { return !axes.empty() || reach; }
};

}  // namespace magnu
