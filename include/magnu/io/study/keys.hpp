#pragma once

#include <string>
#include <vector>

namespace magnu {

/// A key of a study: what `magnu list`, the documentation and the schema say of it. A test holds
/// them and the parser together.
struct Key {
  std::string name;      ///< with dots for keys inside keys
  std::string form;      ///< what may stand there
  std::string unit;      ///< empty where there is none
  std::string fallback;  ///< the default
  std::string meaning;
};

/// All keys, in the order of the documentation.
const std::vector<Key>& study_keys();

/// The keys one level below a prefix: "" for the top level, "oscillation" for its own.
std::vector<std::string> key_names(const std::string& prefix);

}  // namespace magnu
