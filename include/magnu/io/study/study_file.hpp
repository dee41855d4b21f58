#pragma once

#include <string>
#include <vector>

#include "magnu/io/study/setting.hpp"
#include "magnu/scan/study.hpp"

namespace magnu {

/// Reads and checks a study; `overrides` are PATH=VALUE. Every complaint is an InputError that
/// names file, line, key and value.
Study read_study(const std::string& path, const std::vector<std::string>& overrides = {});

/// What in a valid study a user should know of: thresholds and upper ends that leave the spectrum.
std::vector<std::string> study_warnings(const Study& study);

/// The effective configuration as YAML, every default written out; reading it gives the same study.
std::string effective_yaml(const Study& study);

/// Where two of them part: "'bins: 10' there, 'bins: 20' here".
std::string first_difference(const std::string& there, const std::string& here);

/// A hash of everything that decides the study's numbers, the contents of its tables included.
std::string study_hash(const Study& study);

/// A hash of the data tables compiled in.
std::string data_hash();

}  // namespace magnu
