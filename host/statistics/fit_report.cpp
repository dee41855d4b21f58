#include "magnu/statistics/fit_report.hpp"

#include <cmath>
#include <limits>

#include "magnu/core/root.hpp"
#include "magnu/statistics/hessian.hpp"

namespace magnu {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// The upper limit with one parameter known.
double limit_with(const Likelihood& likelihood, const std::vector<double>& counts,
                  std::size_t parameter, double value, IntervalTest test, double confidence_level,
                  Range range) {
  const auto model = likelihood.with_fixed(parameter, value);
  const Data data(model, counts);
  const auto interval = Analysis(model, data, range).interval(test, confidence_level);
  return interval.converged && std::isfinite(interval.upper) ? interval.upper : unknown;
}

}  // namespace

std::string parameter_like_signal(const Likelihood& likelihood) {
  const auto expected = likelihood.expected(0), with = likelihood.expected(1);
  for (std::size_t p = 0; p < likelihood.nuisances().size(); ++p) {
    if (!std::isinf(likelihood.nuisances()[p].sigma)) continue;
    const auto shape = likelihood.base(p);
    double signal = 0, own = 0, both = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (!(expected[i] > 0)) continue;
      const double s = with[i] - expected[i];
      signal += s * s / expected[i];
      own += shape[i] * shape[i] / expected[i];
      both += s * shape[i] / expected[i];
    }
    if (both * both > (1 - 1e-3) * signal * own && both > 0) return likelihood.nuisances()[p].name;
  }
  return "";
}

double discovery_reach(const Likelihood& likelihood, double significance, double part) {
  const double goal = significance - normal_quantile(part);
  bool failed = false;
  const auto excess = [&](double s) {
    const Data data(likelihood, likelihood.expected(s));
    const auto without = Analysis(likelihood, data).profile().at(0);
    failed = failed || !without.converged || without.impossible();
    return std::sqrt(2 * std::fmax(0, without.nll)) - goal;  // nothing lies above what is expected
  };
  const Data none(likelihood, likelihood.expected(0));
  double low = 0, high = goal * Analysis(likelihood, none).profile().unit();
  double at_low = -goal, at_high = excess(high);
  for (int n = 0; at_high < 0 && !failed; ++n) {
    if (n == 60) return std::numeric_limits<double>::infinity();
    low = high;
    at_low = at_high;
    high *= 2;
    at_high = excess(high);
  }
  const double s = failed ? unknown : find_root(low, at_low, high, at_high, excess);
  return failed ? unknown : s;
}

FitReport fit_report(const Likelihood& likelihood, const std::vector<double>& counts,
                     IntervalTest test, double confidence_level, Range range) {
  FitReport report;
  const Data data(likelihood, counts);
  Analysis analysis(likelihood, data, range);
  report.interval = analysis.interval(test, confidence_level);
  if (!report.interval.converged) return report;
  const double s = report.interval.best.s;
  report.p0 = normal_tail(std::sqrt(report.interval.q0));
  report.goodness = 2 * report.interval.best.nll;
  analysis.profile().at(s);
  const auto view = analysis.profile().theta();
  const std::vector<double> theta(view.data, view.data + view.size);
  report.expected = likelihood.expected(s, theta);

  // What a bound holds has no curvature to speak of.
  const auto second = hessian(likelihood, counts, s, theta);
  std::vector<std::size_t> loose;
  const bool fitted = s != 0;
  if (fitted) loose.push_back(0);
  for (std::size_t p = 0; p < theta.size(); ++p)
    if (!likelihood.nuisances()[p].positive || theta[p] > 0) loose.push_back(p + 1);
  Matrix some(loose.size(), std::vector<double>(loose.size()));
  for (std::size_t i = 0; i < loose.size(); ++i)
    for (std::size_t j = 0; j < loose.size(); ++j) some[i][j] = second[loose[i]][loose[j]];
  const auto covariance = inverse(some);
  std::vector<double> sigma(theta.size() + 1, unknown);
  for (std::size_t i = 0; i < covariance.size(); ++i) sigma[loose[i]] = std::sqrt(covariance[i][i]);
  report.s_uncertainty = sigma[0];

  const std::size_t first = fitted ? 0 : 1;
  if (fitted) report.names.push_back("s");
  for (const auto& nuisance : likelihood.nuisances()) report.names.push_back(nuisance.name);
  report.correlation.assign(report.names.size(), std::vector<double>(report.names.size(), unknown));
  for (std::size_t i = 0; i < covariance.size(); ++i)
    for (std::size_t j = 0; j < covariance.size(); ++j)
      report.correlation[loose[i] - first][loose[j] - first] =
          covariance[i][j] / (sigma[loose[i]] * sigma[loose[j]]);

  const auto measured = likelihood.nominal();
  for (std::size_t p = 0; p < theta.size(); ++p) {
    const auto& nuisance = likelihood.nuisances()[p];
    const bool free = std::isinf(nuisance.sigma);
    Pull pull{nuisance,
              measured[p],
              theta[p],
              sigma[p + 1],
              free ? unknown : (theta[p] - measured[p]) / nuisance.sigma,
              unknown,
              unknown};
    const double size = free ? sigma[p + 1] : nuisance.sigma;
    const double centre = free ? theta[p] : measured[p];
    if (std::isfinite(size)) {
      const double below = nuisance.positive ? std::fmax(0, centre - size) : centre - size;
      pull.limit_below = limit_with(likelihood, counts, p, below, test, confidence_level, range);
      pull.limit_above =
          limit_with(likelihood, counts, p, centre + size, test, confidence_level, range);
    }
    report.pulls.push_back(pull);
  }
  return report;
}

}  // namespace magnu
