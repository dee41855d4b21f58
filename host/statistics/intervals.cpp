#include "magnu/statistics/intervals.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include "magnu/core/root.hpp"

namespace magnu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

std::size_t scratch_size(const Likelihood& likelihood) {
  const auto view = likelihood.view();
  return Profile::scratch(view.parameters, view.bins);
}

}  // namespace

/// The data that a model without signal expects, at the best fit of real data to it.
struct Analysis::Asimov {
  Asimov(const Likelihood& likelihood, const std::vector<double>& theta)
      : data(likelihood, likelihood.expected(0, theta), theta),
        scratch(scratch_size(likelihood)),
        profile(likelihood.view(), data.view(), {scratch.data(), scratch.size()}) {}

  Data data;
  std::vector<double> scratch;
  Profile profile;
};

Analysis::Analysis(const Likelihood& likelihood, const Data& data, Range range)
    : likelihood_(likelihood),
      scratch_(scratch_size(likelihood)),
      profile_(likelihood.view(), data.view(), {scratch_.data(), scratch_.size()}, range) {}
Analysis::~Analysis() = default;

Interval Analysis::interval(IntervalTest test, double confidence_level) {
  return interval(test, confidence_level, profile_.best_fit());
}

Interval Analysis::interval(IntervalTest test, double confidence_level, const BestFit& best) {
  Interval interval;
  interval.best = best;
  if (!best.converged) return interval;
  if (best.s > 0) {
    const auto at_zero = profile_.at(0);
    if (!at_zero.converged) return interval;
    interval.q0 = 2 * (at_zero.nll - best.nll);
  }
  if (test == IntervalTest::cls) {
    const double limit = cls_limit(best, confidence_level);
    interval.upper = limit;
    interval.converged = !std::isnan(limit);
    return interval;
  }
  const double goal = critical_value(test, confidence_level);
  const auto upper = profile_.above(best.s, best.nll, goal);
  interval.upper = upper.s;
  interval.converged = upper.converged;
  if (two_ended(test)) interval.lower = profile_.least();
  if (two_ended(test) && best.s > profile_.least()) {
    const auto lower = profile_.below(best.s, best.nll, goal);
    interval.lower = lower.s;
    interval.converged = interval.converged && lower.converged;
  }
  return interval;
}

double Analysis::cls(double s, const BestFit& best) {
  if (!asimov_) {
    profile_.restart();
    const auto at_zero = profile_.at(0);
    // Where data lie that a model without signal cannot have there is no such model to compare
    // with.
    if (!at_zero.converged || at_zero.impossible()) return unknown;
    const auto theta = profile_.theta();
    asimov_ = std::make_unique<Asimov>(likelihood_,
                                       std::vector<double>(theta.data, theta.data + theta.size));
  }
  const auto observed = profile_.at(s), expected = asimov_->profile.at(s);
  if (!observed.converged || !expected.converged) return unknown;
  const double q = s > best.s ? std::max(0.0, 2 * (observed.nll - best.nll)) : 0;
  return asymptotic_cls(q, 2 * expected.nll);
}

/// CLs falls with s beyond the best fit.
double Analysis::cls_limit(const BestFit& best, double confidence_level) {
  const double goal = std::log(1 - confidence_level);
  const auto excess = [&](double s) { return std::log(cls(s, best)) - goal; };
  double low = best.s, high = best.s + 2 * profile_.unit();
  double at_low = low > 0 ? excess(low) : -goal, at_high = excess(high);
  int level = 0;  // steps that changed next to nothing: a likelihood that is bounded
  for (int n = 0; at_high > 0; ++n, high = best.s + (high - best.s) * 2, at_high = excess(high)) {
    if (n > 0) level = at_low - at_high < 0.02 * at_high && n > 3 ? level + 1 : 0;
    if (level == 6 || n == 80) return infinity;
    low = high;
    at_low = at_high;
  }
  if (std::isnan(at_high) || std::isnan(at_low)) return unknown;
  return find_root(low, at_low, high, at_high, excess);
}

}  // namespace magnu
