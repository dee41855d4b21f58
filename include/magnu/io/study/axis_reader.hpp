#pragma once

#include <optional>
#include <string>
#include <vector>

#include "magnu/io/study/setting.hpp"
#include "magnu/scan/axis.hpp"

namespace magnu {

/// What multiplies the curves of a study, and what is asked of each detector.
struct Sweep {
  std::vector<Axis> axes;
  std::optional<Reach> reach;
  std::vector<Curve> curves;  ///< at the first value of each axis
};

/// Reads `axes:`, a map from a setting's path to a list or {from, to, points, spacing}, and tries
/// each value with each curve. `curves`: the settings of each; `folder`: see read_curve. InputError
/// for a setting that does not exist or cannot be swept, an empty list, a value given twice, a log
/// axis through zero, more detectors than 2^63, and whatever the values themselves are refused for.
/// Reads `reach:` too, {mu_eff, by, from, to}: InputError for a setting that cannot be asked for or
/// is an axis, and for ends that are missing or do not ascend. Either may be null.
Sweep read_sweep(const Setting* axes, const Setting* reach, const std::vector<Setting>& curves,
                 const std::string& folder);

}  // namespace magnu
