#pragma once

#include "magnu/scan/axis.hpp"
#include "magnu/scan/grid_scan.hpp"

namespace magnu {

/// Part `part` (from 1) of `parts` contiguous parts of a grid that cost the same: a shape point
/// weighs more than a coefficient point, that more than a response point, and all more than a
/// detector. Parts end where the dearest points end of which there are enough.
DetectorRange part_of(const Grid& grid, std::size_t part, std::size_t parts);

}  // namespace magnu
