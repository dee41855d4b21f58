#pragma once

#include "magnu/statistics/conditional_fit.hpp"

namespace magnu {

/// Where the negative log-likelihood profiled over theta is least.
struct BestFit {
  double s = 0;
  double nll = 0;
  bool converged = false;
};

/// A place where a test statistic takes a value.
struct Crossing {
  double s = 0;            ///< infinite where it never does
  bool converged = false;  ///< false where a fit on the way failed: s means nothing then
};

/// Whether s may be negative, as a fluctuation can have it: down to where a bin would expect less
/// than nothing at the nominal parameters.
enum class Range { physical, unbounded };

/// The profile of a likelihood over s for one set of data. theta is kept from fit to fit.
class Profile {
 public:
  static constexpr std::size_t scratch(std::size_t parameters, std::size_t bins) {
    return ConditionalFit::scratch(parameters, bins) + parameters;
  }

  Profile(const LikelihoodView& likelihood, const DataView& data, View<double> scratch,
          Range range = Range::physical)
      : model_(likelihood),
        data_(data),
        fit_(likelihood, {scratch.data, scratch.size - likelihood.parameters}),
        theta_{scratch.data + scratch.size - likelihood.parameters, likelihood.parameters} {
    restart();
    find_unit();
    if (range == Range::unbounded) find_least();
  }

  /// The next fit starts where nothing is known.
  void restart() {
    for (std::size_t p = 0; p < model_.parameters; ++p) theta_[p] = model_.inside[p];
    last_s_ = static_cast<double>(NAN);
  }

  /// theta of the last fit.
  View<const double> theta() const { return {theta_.data, theta_.size}; }

  /// An s that makes a difference of about one standard deviation.
  double unit() const { return unit_; }
  /// The least s that may be.
  double least() const { return least_; }

  /// Fits theta at s, from where the last fit's follows s to, or else from the nominal values.
  ConditionalMinimum at(double s) {
    const double moved = s - last_s_;
    if (std::fabs(moved) <= 2 * unit_)
      for (std::size_t p = 0; p < model_.parameters; ++p) theta_[p] += moved * fit_.tangent()[p];
    last_s_ = s;
    auto minimum = fit_(data_, s, theta_);
    if (minimum.converged && !minimum.impossible()) return minimum;
    restart();
    return fit_(data_, s, theta_);
  }

  /// s times a flux is no sum, so the profile may have more than one minimum: every sign change of
  /// its slope between 0 and where it rises for good is looked at.
  BestFit best_fit() {
    BestFit best;
    auto left = at(0);
    if (!left.converged) return best;
    best = {0, left.nll, true};
    double left_s = 0, s = unit_ / 64;
    int rising = 0;
    for (int n = 0; n < 80 && rising < 4; ++n, s *= 2.5) {
      const auto right = at(s);
      if (!right.converged) return {};
      if (left.slope < 0 && right.slope >= 0) {
        const auto here = between(left_s, left.slope, s, right.slope);
        if (!here.converged) return {};
        if (here.nll < best.nll) best = here;
      }
      // A flux that its bound holds has no slope until s is large enough to let it go. A tail may
      // fall for ever where it lies far above what its slope could still take off.
      const bool above = right.nll - best.nll > 1 - 30 * right.slope * s;
      rising = (right.slope > 0 || above) && s > unit_ ? rising + 1 : 0;
      left = right;
      left_s = s;
    }
    // A flux of which nothing must be there lets s grow for ever: then there is no best fit. An
    // infinite one is of data that lie where nothing is ever expected.
    best.converged = !std::isinf(best.nll) && !(left.nll < best.nll) && !falls_far_off(best, s);
    return best.converged && least_ < 0 ? best_below(best) : best;
  }

  /// Whether the nll is less again far beyond: where the parameters that scale the signal go to
  /// nothing while s grows, which costs their constraints and lets the signal be what it likes.
  bool falls_far_off(const BestFit& best, double s) {
    double all_fluxes = 0, least = static_cast<double>(INFINITY);
    for (std::size_t p = 0; p < model_.parameters; ++p) {
      bool sloped = false;
      for (std::size_t i = 0; i < model_.bins; ++i)
        sloped = sloped || model_.slope[p * model_.bins + i] != 0;
      if (!sloped) continue;
      if (!std::isinf(model_.least[p])) {
        all_fluxes += 0.5 * model_.weight[p];
      } else {
        // Of a pull: how far it is to where it takes all of the fixed signal off.
        double factor = 0;
        for (std::size_t i = 0; i < model_.bins; ++i) {
          const double whole = total(model_.slope, i);
          if (whole > 0) factor = std::fmax(factor, model_.slope[p * model_.bins + i] / whole);
        }
        if (factor > 0) least = std::fmin(least, 0.5 * model_.weight[p] / (factor * factor));
      }
    }
    if (all_fluxes > 0) least = std::fmin(least, all_fluxes);
    for (int n = 0; best.nll > least && n < 12; ++n) {
      s *= 16;
      const auto there = at(s);
      if (!there.converged) return false;
      if (there.nll < best.nll - 1e-9 * (1 + best.nll)) return true;
    }
    return false;
  }

  /// s above `from` at which 2 (nll - origin) reaches `goal`; there it is less.
  Crossing above(double from, double origin, double goal) {
    double low = from, high = from + std::sqrt(goal) * unit_, last_rise = 0;
    int level = 0;
    ConditionalMinimum minimum;
    for (int n = 0;; ++n) {
      minimum = at(high);
      if (!minimum.converged) return {};
      const double t = 2 * (minimum.nll - origin), rise = 2 * minimum.slope * (high - from);
      if (t >= goal) break;
      // A likelihood that is bounded ends as 1/s: it has risen, what it may still rise falls from
      // step to step and is far from enough. (A free background may hide any signal for long.)
      const bool ends = t > 1e-6 && high - from > 1e3 * unit_;
      level = ends && rise < 0.5 * last_rise && 10 * rise < goal - t ? level + 1 : 0;
      if (level == 4 || n == 40) return {static_cast<double>(INFINITY), true};
      last_rise = rise;
      low = high;
      // Where t is nearly a square it is known how far it is.
      const bool square = n == 0 && 16 * t > goal;
      high = from + (high - from) * (square ? 1.02 * std::sqrt(goal / t) : 4);
    }
    return crossing(low, high, minimum, origin, goal);
  }

  /// The same below `from`; the least s where it is less down to there.
  Crossing below(double from, double origin, double goal) {
    const auto minimum = at(least_);
    if (!minimum.converged) return {};
    if (2 * (minimum.nll - origin) <= goal) return {least_, true};
    return crossing(from, least_, minimum, origin, goal);
  }

 private:
  /// Of templates in a bin, with all parameters where every bin has an expectation.
  double total(const View<const double>& rows, std::size_t i) const {
    const std::size_t p = model_.parameters, bins = model_.bins;
    double value = rows[p * bins + i];
    for (std::size_t q = 0; q < p; ++q) value += model_.inside[q] * rows[q * bins + i];
    return value;
  }

  void find_least() {
    double least = -static_cast<double>(INFINITY);
    for (std::size_t i = 0; i < model_.bins; ++i)
      if (const double slope = total(model_.slope, i); slope > 0)
        least = std::fmax(least, -total(model_.base, i) / slope);
    // Just inside: at the end itself nothing is expected in a bin.
    if (std::isfinite(least) && least < 0) least_ = least * (1 - 1e-6);
  }

  /// The best fit with negative s looked at too, where a fluctuation seldom leaves more than one
  /// minimum.
  BestFit best_below(BestFit best) {
    constexpr int pieces = 8;
    auto right = at(0);
    double right_s = 0;
    for (int k = 1; k <= pieces; ++k) {
      const double s = least_ * k / pieces;
      const auto left = at(s);
      if (!right.converged || !left.converged) return {};
      BestFit here{s, left.nll, true};  // counts at the end
      if (left.slope < 0 && right.slope >= 0) here = between(s, left.slope, right_s, right.slope);
      if (!here.converged) return {};
      if (here.nll < best.nll) best = here;
      right = left;
      right_s = s;
    }
    return best;
  }

  /// sum_i (s M_i)^2/(lambda_i + s M_i) = 1: deviations of one sigma, or one event.
  void find_unit() {
    const std::size_t bins = model_.bins;
    double sum = 0;
    for (std::size_t i = 0; i < bins; ++i) sum += std::fabs(total(model_.slope, i));
    unit_ = sum > 0 ? 1 / sum : 1;
    for (int step = 0; sum > 0 && step < 60; ++step) {
      double information = 0;
      for (std::size_t i = 0; i < bins; ++i) {
        const double signal = unit_ * total(model_.slope, i);
        const double all = total(model_.base, i) + signal;
        if (all > 0) information += signal * signal / all;
      }
      if (!(information > 0) || std::fabs(information - 1) < 0.1) break;
      // Between a square and a line in s.
      unit_ *= std::fmin(1e6, std::fmax(1e-6, std::pow(information, -0.6)));
    }
  }

  /// The minimum between a slope below zero and one that is not.
  BestFit between(double a, double slope_a, double b, double slope_b) {
    ConditionalMinimum minimum;
    double s = b;
    for (int step = 0; step < 100; ++step) {
      double next = (a * slope_b - b * slope_a) / (slope_b - slope_a);
      if (step % 3 == 2 || !(next > a && next < b)) next = 0.5 * (a + b);
      const double moved = std::fabs(next - s);
      s = next;
      minimum = at(s);
      if (!minimum.converged) return {};
      const double size = std::fmax(std::fabs(a), std::fabs(b));
      if (minimum.slope == 0 || b - a <= 1e-12 * size || moved <= 1e-13 * size) break;
      if (minimum.slope < 0) {
        a = s;
        slope_a = minimum.slope;
      } else {
        b = s;
        slope_b = minimum.slope;
      }
    }
    return {s, minimum.nll, true};
  }

  /// Where t = 2 (nll - origin) is `goal` between `low`, where it is less, and `high`, whose
  /// minimum is known: by Newton's steps for its root, which is nearly a line, kept between the
  /// two.
  Crossing crossing(double low, double high, ConditionalMinimum minimum, double origin,
                    double goal) {
    double s = high;
    for (int step = 0; step < 200; ++step) {
      if (step > 0) minimum = at(s);
      if (!minimum.converged) return {};
      const double t = 2 * (minimum.nll - origin);
      if (std::fabs(t - goal) <= 1e-12 * goal) break;
      (t < goal ? low : high) = s;
      if (std::fabs(high - low) <= 1e-13 * std::fabs(high)) break;
      const double root = std::sqrt(std::fmax(t, 0.0));
      double next = s + (std::sqrt(goal) - root) * root / minimum.slope;
      const bool inside = low < high ? next > low && next < high : next < low && next > high;
      if (inside && std::fabs(t - goal) <= 1e-6 * goal) return {next, true};  // to its square
      if (!inside) next = 0.5 * (low + high);
      s = next;
    }
    return {s, true};
  }

  LikelihoodView model_;
  DataView data_;
  ConditionalFit fit_;
  View<double> theta_;
  double unit_ = 1, least_ = 0, last_s_ = 0;
};

}  // namespace magnu
