#include "magnu/io/results/run_identity.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <tuple>

#include "magnu/core/error.hpp"
#include "magnu/io/results/staged_file.hpp"

namespace magnu {

using Json = nlohmann::ordered_json;

Json json_of(const RunIdentity& i) {
  return {{"study_hash", i.study}, {"data_hash", i.data},
          {"program", i.program},  {"instruction_set", i.instruction_set},
          {"backend", i.backend},  {"evaluation", i.evaluation}};
}

RunIdentity identity_in(const Json& json) {
  return {json.at("study_hash"),      json.at("data_hash"), json.at("program"),
          json.at("instruction_set"), json.at("backend"),   json.at("evaluation")};
}

std::string RunIdentity::difference(const RunIdentity& other) const {
  const std::tuple<const char*, std::string, std::string> entries[] = {
      {"study hash", study, other.study},
      {"data hash", data, other.data},
      {"program", program, other.program},
      {"instruction set", instruction_set, other.instruction_set},
      {"backend", backend, other.backend},
      {"evaluation", evaluation, other.evaluation}};
  for (const auto& [name, here, there] : entries)
    if (here != there) return fmt::format("{} {} here, {} there", name, here, there);
  return "";
}

RunIdentity RunIdentity::agreed(const std::filesystem::path& path) const {
  auto text = read_if_there(path);
  if (!text) {
    if (place_new_file(path, json_of(*this).dump(1) + "\n")) return *this;
    text = read_if_there(path);  // another was first
  }
  try {
    return identity_in(Json::parse(text.value_or("")));
  } catch (const nlohmann::json::exception&) {
    throw OutputError(path.string(), "cannot be understood", "remove it");
  }
}

}  // namespace magnu
