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
}

inline void from_json(const nlohmann::ordered_json& json, Counters& c) {
  c = {json.at("convolutions"), json.at("coefficient_evaluations"), json.at("rebinnings"),
       json.at("direct_evaluations"), json.at("combinations")};
}

}  // namespace magnu
