#include "magnu/scan/amplitudes.hpp"

#include <algorithm>

namespace magnu {
namespace {

/// The entries of a background list that no amplitude scales.
std::vector<Background> fixed_part(const std::vector<Background>& list) {
  auto fixed = list;
  std::erase_if(fixed, [](const Background& b) {
    return b.kind == Background::Kind::fraction || b.kind == Background::Kind::flat;
  });
  return fixed;
}

double flat_sum(const std::vector<Background>& list) {
  double sum = 0;
  for (const auto& entry : list)
    if (entry.kind == Background::Kind::flat) sum += entry.value;
  return sum;
}

}  // namespace

Amplitudes::Amplitudes(const Grid& grid, std::size_t curve) {
  base_ = amplitude(grid.curves()[curve]);
  for (const auto* axis : grid.axes(AxisKind::amplitude)) {
    std::vector<Amplitude> values;
    auto changed = grid.curves()[curve];
    for (std::size_t i = 0; i < axis->size(); ++i) {
      axis->put(changed, i);
      values.push_back(amplitude(changed));
    }
    axes_.push_back(std::move(values));
    sets_.push_back(axis->field->sets);
  }
  if (const auto* reach = grid.reach(); reach && reach->range.field->sets != 0)
    reach_ = {reach->range.field->sets, reach->mu_eff, reach->from(), reach->to()};
}

CombineProblem Amplitudes::problem() const {
  CombineProblem problem;
  problem.shapes = static_cast<int>(shapes());
  problem.axes = axes_;
  problem.sets = sets_;
  problem.base = base_;
  problem.reach = reach_;
  return problem;
}

std::vector<double> Amplitudes::backgrounds(const Curve& curve, const Target& target) const {
  std::vector<double> values;
  for (const auto& list : fixed_)
    for (int b = 0; b < curve.bins; ++b) {
      const double lower = curve.lower_edge(b), upper = curve.lower_edge(b + 1);
      values.push_back(curve.statistic == Statistic::density
                           ? background_rate(list, target, 0.5 * (lower + upper))
                           : background_events(list, target, lower, upper));
    }
  return values;
}

Amplitude Amplitudes::amplitude(const Curve& curve) {
  auto fixed = fixed_part(curve.background);
  auto shape = std::find(fixed_.begin(), fixed_.end(), fixed);
  if (shape == fixed_.end()) shape = fixed_.insert(shape, std::move(fixed));
  return {curve.exposure,
          curve.sigma_scale,
          curve.delta_chi2(),
          background_fraction(curve.background),
          flat_sum(curve.background),
          static_cast<int>(shape - fixed_.begin()),
          curve.fraction_in == FractionIn::error};
}

}  // namespace magnu
