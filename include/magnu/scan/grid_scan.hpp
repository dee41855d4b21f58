#pragma once

#include <functional>
#include <span>

#include "magnu/scan/axis.hpp"
#include "magnu/scan/engine.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {

/// Takes limits in storage order, as they come, with what was counted so far.
using LimitSink = std::function<void(std::span<const double>, const Counters&)>;

/// Detectors first, first + 1, ... before end, in storage order.
struct DetectorRange {
  std::size_t first = 0, end = 0;
};

/// The limit of every detector of a range of a grid. An axis costs what its kind costs:
/// convolutions are made once per shape point, spectra once per coefficient point, bins once per
/// response point, and everything else is combined. The direct evaluation sums its dense grid for
/// each of those. Work goes through in chunks of about `chunk` detectors (0: as the runner likes),
/// so memory does not grow with the grid; results are the same, bit for bit, for any chunk and
/// number of threads.
Counters scan_grid(const Grid& grid, const Runner& runner, Evaluation evaluation, std::size_t chunk,
                   const DetectorRange& range, const LimitSink& sink,
                   const ProgressCallback& progress);

}  // namespace magnu
