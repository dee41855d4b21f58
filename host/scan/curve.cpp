#include "magnu/scan/curve.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace magnu {

std::vector<double> MuGrid::values() const {
  std::vector<double> mu(points);
  const double step = points > 1 ? std::log(to / from) / static_cast<double>(points - 1) : 0;
  for (std::size_t i = 0; i < points; ++i) mu[i] = from * std::exp(step * static_cast<double>(i));
  if (points > 1) mu.back() = to;
  return mu;
}

double Uncertainties::of_flux(const std::string& solar_model, const std::string& component) const {
  if (flux == Flux::solar_model) return flux_uncertainty(solar_model, component);
  for (const auto& [name, relative] : given)
    if (flux == Flux::given && name == component) return relative;
  return 0;
}

double Curve::delta_chi2() const {
  if (is_poisson() && test == IntervalTest::cls) return std::numeric_limits<double>::quiet_NaN();
  if (is_poisson() && test == IntervalTest::upper) return critical_value(test, confidence_level);
  return delta_chi2_for(confidence_level);
}

std::vector<double> Curve::all_counts() const {
  std::vector<double> all;
  for (const auto& detector : detectors())
    all.insert(all.end(), detector.counts.begin(), detector.counts.end());
  return all;
}

namespace {

/// A text of each detector, those that differ joined.
template <class Text>
std::string joined(const Curve& curve, const char* between, const Text& text) {
  std::vector<std::string> seen;
  for (const auto& detector : curve.detectors())
    if (auto own = text(detector); std::find(seen.begin(), seen.end(), own) == seen.end())
      seen.push_back(std::move(own));
  std::string all;
  for (const auto& own : seen) all += (all.empty() ? "" : between) + own;
  return all;
}

}  // namespace

std::string Curve::background_label() const {
  return joined(*this, " | ", [](const Curve& detector) {
    std::string text;
    for (const auto& entry : detector.background) text += (text.empty() ? "" : "+") + entry.label();
    return text.empty() ? "none" : text;
  });
}

std::string Curve::channel_label() const {
  return joined(*this, "+", [](const Curve& detector) { return detector.channel; });
}

std::string Curve::target_label() const {
  return joined(*this, "+", [](const Curve& detector) { return detector.target; });
}

double delta_chi2_for(double confidence_level) {
  // Solve erfc(z) = 1 - CL; then delta chi^2 = 2 z^2. Halving keeps a bracket, so it cannot fail.
  double low = 0, high = 30;
  for (int step = 0; step < 200 && low < high; ++step) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (std::erfc(middle) > 1 - confidence_level ? low : high) = middle;
  }
  return 2 * low * low;
}

}  // namespace magnu
