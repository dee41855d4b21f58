#pragma once

#include <vector>

#include "magnu/physics/oscillation.hpp"
#include "magnu/scan/axis.hpp"

namespace magnu {

/// Points first, first + 1, ... of a grid's oscillation axes, in storage order; what these do not
/// set is the curve's.
std::vector<Oscillation> oscillation_points(const Grid& grid, Curve curve, std::size_t first,
                                            std::size_t count);

/// The corners of all of them: where Pee is singular moves one way with each axis, so what serves
/// the corners serves all.
std::vector<Oscillation> oscillation_corners(const Grid& grid, const Curve& curve);

}  // namespace magnu
