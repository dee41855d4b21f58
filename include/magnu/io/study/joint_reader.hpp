#pragma once

#include <string>
#include <vector>

#include "magnu/io/study/setting.hpp"
#include "magnu/scan/study.hpp"

namespace magnu {

/// Adds the entries of `joint:` to a study's curves: {name, of: [names of curves]}, each with an
/// `interval` and a `confidence_level` of its own or the study's. InputError for names that are not
/// there, and for detectors that do not share what a joint fit shares. `root`: the study's
/// settings.
void read_joints(const Setting& root, Study& study);

}  // namespace magnu
