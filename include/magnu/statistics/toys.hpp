#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "magnu/statistics/intervals.hpp"
#include "magnu/statistics/toy_fit.hpp"
#include "magnu/statistics/toy_settings.hpp"

/// Limits without asymptotic formulae: from toys.
namespace magnu {

/// Fits a number of toys of a task, on whatever it runs on.
using ToyExecutor = std::function<void(const ToyTask&, std::size_t)>;

/// What many toys found for a test statistic, in stretches of a relative width of 2^-11: its size
/// does not grow with them, and the order of the toys does not matter.
class ToyDistribution {
 public:
  void add(double value);
  std::size_t size() const { return size_; }
  /// The part that is `value` or more; equal ones count, as a discrete statistic
  /// has them.
  double tail(double value) const;
  /// The least value that a part `probability` of the toys does not exceed; infinite where more
  /// toys would be needed.
  double quantile(double probability) const;

 private:
  std::vector<std::uint32_t> counts_, octaves_;  ///< of stretches, and of powers of two
  std::size_t size_ = 0;
};

/// A value of s with its toys.
struct BeltPoint {
  double s = 0;
  double observed = 0;                                       ///< test statistic of the data
  double critical = 0, critical_low = 0, critical_high = 0;  ///< and a standard deviation about it
  double asymptotic = 0;           ///< the critical value that the formulae give
  double asymptotic_coverage = 0;  ///< part of the toys that it keeps
  double p_value = 0;              ///< part of the toys that are like the data or further off
  double p_background = 0;         ///< the same of toys without signal
};

/// What is asked of toys.
struct ToyQuestion {
  std::vector<double> counts;  ///< [bins]
  bool projection = false;     ///< toys have the nominal parameters, not those that fit best
  IntervalTest test = IntervalTest::feldman_cousins;
  double confidence_level = 0.9;
  double power_constraint = 0;  ///< the part of the toys whose limit is at most `power_edge`
  ToySettings settings = {};
};

struct ToyInterval {
  Interval interval;  ///< of the data
  std::array<double, band_members> expected{};
  double power_edge = 0;  ///< NaN where it is not asked for
  double p0 = 0, p0_uncertainty = 0;
  std::vector<BeltPoint> belt;
  std::size_t toys = 0;     ///< of all points
  std::size_t by_hand = 0;  ///< fitted by the method that takes any data
  std::size_t failed = 0;   ///< in no distribution

  /// Standard deviations that p0 stands for: 0 for a half or more, NaN where no toy was so far off.
  double significance() const;
};

/// Told now and then which part of the toys was done since the last call; may throw.
using ToyProgress = std::function<void(double)>;

/// The interval that toys give the data.
ToyInterval toy_interval(const Likelihood& likelihood, const ToyQuestion& question, int threads,
                         const ToyExecutor& executor, const ToyProgress& progress = {});

/// The toys of one value of s, for those who want to see them: t~ and s_hat, NaN where a fit
/// failed.
struct ToySample {
  std::vector<double> t, s_hat;
  std::size_t by_hand = 0;
};
ToySample sample_toys(const Likelihood& likelihood, const std::vector<double>& theta, double s,
                      const ToySettings& settings, std::uint32_t point, int threads,
                      const ToyExecutor& executor);

}  // namespace magnu
