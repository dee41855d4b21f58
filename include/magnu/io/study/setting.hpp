#pragma once

#include <string>
#include <utility>
#include <vector>

#include "magnu/core/error.hpp"

namespace magnu {

/// A configuration as read: scalars, lists and maps that know where they stand. The one place that
/// knows yaml-cpp turns files into this.
struct Setting {
  enum class Kind { null, scalar, list, map };

  // Defined where the type is whole: clang's vectors ask for that sooner than g++'s.
  Setting();
  Setting(const Setting&);
  Setting(Setting&&) noexcept;
  Setting& operator=(const Setting&);
  Setting& operator=(Setting&&) noexcept;
  ~Setting();

  Kind kind = Kind::null;
  std::string scalar;
  std::vector<Setting> items;                            ///< of a list
  std::vector<std::pair<std::string, Setting>> entries;  ///< of a map, in the file's order
  Location where;

  const Setting* find(const std::string& key) const;
  Setting* find(const std::string& key);

  /// The setting as one line of YAML, for messages.
  std::string brief() const;
  /// An InputError at this setting.
  InputError error(const std::string& what_is_wrong, const std::string& remedy) const;
};

/// Reads a YAML file. InputError for an unreadable or empty file, broken YAML, duplicate keys.
Setting load_settings(const std::string& path);

/// Applies PATH=VALUE as the command line gives it: the same paths as in the file, and
/// curves.NAME.key for one curve. VALUE is YAML.
void apply_override(Setting& root, const std::string& assignment);

/// Puts a value at a path with dots below a map, making the maps on the way.
void set_at(Setting& root, const std::string& path, const Setting& value);

/// InputError for a key of a map that is not known there.
void check_keys(const Setting& map, const std::vector<std::string>& known);

/// Of `known`, the name closest to `name`; empty where none is close.
std::string nearest_name(const std::string& name, const std::vector<std::string>& known);

}  // namespace magnu
