#pragma once

#include "magnu/scan/outbox.hpp"

namespace magnu {

/// Detectors `range` of a grid's curve whose likelihoods an Engine makes, each or each row for
/// itself: of detectors that are fitted together, or with a setting that is solved for. The same
/// bits for any range, chunk and number of threads.
void scan_likelihoods(const Grid& grid, std::size_t curve, const Runner& runner,
                      Evaluation evaluation, std::size_t chunk, const DetectorRange& range,
                      Outbox& outbox, const ProgressCallback& progress, Counters& counters);

}  // namespace magnu
