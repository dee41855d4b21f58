#pragma once

#include <nlohmann/json.hpp>

#include "magnu/scan/engine.hpp"

/// How counters stand in study.json and in checkpoints.
namespace magnu {

inline void to_json(nlohmann::ordered_json& json, const Counters& c) {
  json = {{"convolutions", c.convolutions},
          {"coefficient_evaluations", c.coefficient_evaluations},
          {"rebinnings", c.rebinnings},
          {"direct_evaluations", c.direct_evaluations},
          {"combinations", c.combinations}};
  if (c.failed_fits > 0) json["failed_fits"] = c.failed_fits;
  if (c.failed_toys > 0) json["failed_toys"] = c.failed_toys;
}

inline void from_json(const nlohmann::ordered_json& json, Counters& c) {
  // A count and nothing else: of other numbers the conversion would be undefined.
  const auto count = [&](const char* key) {
    return json.at(key).get_ref<const nlohmann::ordered_json::number_unsigned_t&>();
  };
  c = {count("convolutions"),
       count("coefficient_evaluations"),
       count("rebinnings"),
       count("direct_evaluations"),
       count("combinations"),
       json.contains("failed_fits") ? count("failed_fits") : 0,
       json.contains("failed_toys") ? count("failed_toys") : 0};
}

}  // namespace magnu
