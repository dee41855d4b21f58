#pragma once

#include <functional>
#include <vector>

#include "magnu/io/setting.hpp"
#include "magnu/scan/axis.hpp"

namespace magnu {

/// Reads one curve's settings.
using CurveReader = std::function<Curve(const Setting& settings)>;

/// Reads `axes:`, a map from a setting's path to a list or {from, to, points, spacing}, and with
/// each value each curve's variant. `curves`: the settings of each. InputError for a setting that
/// does not exist or cannot be swept, an empty list, a value given twice, a log axis through zero,
/// more detectors than 2^63, and whatever the values themselves are refused for.
std::vector<Axis> read_axes(const Setting& setting, const std::vector<Setting>& curves,
                            const CurveReader& read_curve);

}  // namespace magnu
