#include "magnu/scan/partition.hpp"

#include <algorithm>
#include <vector>

#include "magnu/experiment/targets.hpp"
#include "magnu/scan/processes.hpp"

namespace magnu {
namespace {

/// What points cost in units of a detector, as benchmarks have them: 50 ns for a detector, 50 us
/// for an oscillation point among many, 30 us for a response point and species with a resolution.
constexpr double shape_cost = 1000, coefficient_cost = 1000, response_cost = 600;

/// Starts of runs of `length` before i.
double starts(std::size_t i, std::size_t length) {
  return static_cast<double>((i + length - 1) / length);
}

double species_of(const Curve& curve) {
  double sum = 0;
  for (const auto& detector : curve.detectors())
    sum += process_facts(detector.channel).electron_recoils
               ? 1
               : static_cast<double>(load_target(detector.target).isotopes.size());
  return sum;
}

}  // namespace

DetectorRange part_of(const Grid& grid, std::size_t part, std::size_t parts) {
  const std::size_t response = grid.points(AxisKind::amplitude);
  const std::size_t coefficient = response * grid.points(AxisKind::response);
  const std::size_t shape = coefficient * grid.points(AxisKind::coefficient);
  const std::size_t curve = grid.per_curve();
  std::vector<double> species;
  for (const auto& c : grid.curves()) species.push_back(species_of(c));
  const auto cost_within = [&](std::size_t i, double weight) {
    return static_cast<double>(i) + shape_cost * starts(i, shape) +
           weight *
               (response_cost * starts(i, response) + coefficient_cost * starts(i, coefficient));
  };
  const auto cost = [&](std::size_t i) {
    double sum = 0;
    for (std::size_t c = 0; c < species.size() && c * curve < i; ++c)
      sum += cost_within(std::min(curve, i - c * curve), species[c]);
    return sum;
  };
  std::size_t unit = 1;  // parts are whole numbers of these
  for (const std::size_t length : {response, coefficient, shape})
    if (grid.size() / length >= 16 * parts) unit = length;
  const std::size_t units = grid.size() / unit;
  const auto edge = [&](std::size_t k) {
    if (k == parts) return grid.size();
    const double wanted = cost(grid.size()) * static_cast<double>(k) / static_cast<double>(parts);
    std::size_t low = 0, high = units;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (cost(middle * unit) < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low * unit;
  };
  return {edge(part - 1), edge(part)};
}

}  // namespace magnu
