#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace magnu {

/// Ends the evaluation of a run that keeps delta chi^2.
inline constexpr const char* with_surface = ", with surface";

/// What values must have in common to stand in one file: each entry is a name and what it was.
struct RunIdentity {
  std::string study, data;  ///< hashes
  std::string program;      ///< version and commit
  std::string instruction_set, backend;
  std::string evaluation;  ///< with what is kept besides limits

  /// The first entry in which two differ: "study hash: A here, B there"; empty for none.
  std::string difference(const RunIdentity& other) const;
  /// What all who write into a folder go by, kept in a file: the identity of the first to come.
  RunIdentity agreed(const std::filesystem::path& path) const;
};

/// As its files hold it.
nlohmann::ordered_json json_of(const RunIdentity& identity);
/// Throws nlohmann::json::exception where an entry is missing.
RunIdentity identity_in(const nlohmann::ordered_json& json);

}  // namespace magnu
