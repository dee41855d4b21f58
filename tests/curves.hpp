#pragma once

#include "magnu/scan/curve.hpp"
#include "magnu/scan/recoil_grid.hpp"

namespace magnu::test {

/// A curve as the paper has it: BS05(OP), 8B of bahcall1996, 0.3 keV, one tonne year.
inline Curve paper_curve(const std::string& channel, Statistic statistic = Statistic::density) {
  Curve curve;
  curve.name = channel;
  curve.channel = channel;
  const auto defaults = process_facts(channel).defaults;
  curve.upper = defaults.upper;
  curve.bins = defaults.bins;
  curve.flux.solar_model = "bs05op";
  curve.flux.b8_spectrum = "bahcall1996";
  curve.flux.components = solar_components();
  if (!defaults.components.empty()) curve.flux.components = {std::string(defaults.components)};
  curve.statistic = statistic;
  curve.mu_eff.points = 41;
  return curve;
}

inline Background fraction(double f) {
  return {Background::Kind::fraction, f, "", {}, {}};
}

}  // namespace magnu::test
