#pragma once

#include <string>

#include "magnu/io/study/setting.hpp"
#include "magnu/scan/curve.hpp"

namespace magnu {

/// A curve without its name, from its own settings and the study's merged. `folder`: what the paths
/// of its tables are relative to. InputError for what cannot be.
Curve read_curve(const Setting& settings, const std::string& folder);

/// The same once more where one number has changed since, at a path that an axis may have: sooner
/// than reading all, as a sweep wants it.
void read_number_again(Curve& curve, const Setting& settings, const std::string& path,
                       const std::string& folder);

/// A name of a study or a curve: UTF-8 without control characters.
std::string read_curve_name(const Setting& setting);

/// Above 0 and below 1.
double read_confidence_level(const Setting& setting);

}  // namespace magnu
