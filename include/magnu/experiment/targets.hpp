#pragma once

#include <string>
#include <vector>

#include "magnu/physics/target.hpp"

namespace magnu {

/// Names of data/targets.csv.
std::vector<std::string> target_names();

/// A target with natural isotopes (abundances normalised to 1) and, where data/binding_NAME.csv
/// exists, its electron shells. InputError for an unknown name.
const Target& load_target(const std::string& name);

}  // namespace magnu
