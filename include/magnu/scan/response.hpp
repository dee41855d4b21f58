#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "magnu/scan/curve.hpp"

namespace magnu {

/// What a recoil of a true energy adds to the bins of a curve: a count to the bin it lies in, or,
/// with a resolution, the probability of each bin; for the density statistic, the probability per
/// keV at each bin's centre.
class Response {
 public:
  explicit Response(const Curve& curve);
  /// One bin: the tail below zero, where a resolution loses counts.
  static Response below_zero(const Resolution& resolution);

  std::size_t bins() const { return marks_.size() - (statistic_ != Statistic::density); }
  /// Bins are the spectrum itself at `marks`.
  bool pointwise() const { return statistic_ == Statistic::density && resolution_.perfect(); }
  bool perfect() const { return resolution_.perfect(); }
  /// Edges of the bins, or their centres for the density statistic [MeV].
  const std::vector<double>& marks() const { return marks_; }

  /// True energies [MeV] that matter; the upper one may be infinite.
  double lowest() const { return lowest_; }
  double highest() const { return highest_; }

  /// Widths of the resolution's Gaussian that an interval of energies spans.
  double sigmas(double lower, double upper) const {
    return perfect() ? 0 : (upper - lower) / resolution_.sigma(lower);
  }

  /// Cuts [lower, upper] so finely that Gauss rules integrate spectrum times share on the pieces.
  std::vector<double> cuts(double lower, double upper) const;

  /// Calls f(bin, share) for the bins that a true energy [MeV] reaches.
  template <class F>
  void shares(double energy, F&& f) const;

 private:
  /// A Gaussian ends here: what lies beyond is 1e-19 of it.
  static constexpr double reach = 9;

  Response() = default;
  void find_range();

  Statistic statistic_ = Statistic::counts;
  Resolution resolution_;
  std::vector<double> marks_;
  double lowest_ = 0, highest_ = 0;
};

template <class F>
void Response::shares(double energy, F&& f) const {
  const auto first_above = [&](double e) {
    return static_cast<std::size_t>(std::upper_bound(marks_.begin(), marks_.end(), e) -
                                    marks_.begin());
  };
  if (perfect()) {
    const auto edge = first_above(energy);
    if (edge > 0 && edge < marks_.size()) f(edge - 1, 1.0);
    return;
  }
  const double sigma = resolution_.sigma(energy);
  const auto from = first_above(energy - reach * sigma), to = first_above(energy + reach * sigma);
  if (statistic_ == Statistic::density) {
    const double peak = constants::keV / (sigma * std::sqrt(2 * constants::pi));
    for (auto b = from; b < to; ++b) {
      const double x = (marks_[b] - energy) / sigma;
      f(b, peak * std::exp(-0.5 * x * x));
    }
  } else {
    // The tail beyond an edge, on the side away from the energy: there differences keep their
    // digits.
    const double scale = 1 / (std::numbers::sqrt2 * sigma);
    const auto tail = [&](std::size_t edge) {
      return 0.5 * std::erfc(std::abs(energy - marks_[edge]) * scale);
    };
    const std::size_t first = from > 0 ? from - 1 : 0, last = std::min(to, marks_.size() - 1);
    double lower_tail = tail(first);
    for (std::size_t edge = first + 1; edge <= last; ++edge) {
      const double upper_tail = tail(edge);
      f(edge - 1, marks_[edge] <= energy      ? upper_tail - lower_tail
                  : marks_[edge - 1] > energy ? lower_tail - upper_tail
                                              : 1 - lower_tail - upper_tail);
      lower_tail = upper_tail;
    }
  }
}

}  // namespace magnu
