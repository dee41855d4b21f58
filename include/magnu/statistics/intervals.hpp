#pragma once

#include <memory>
#include <vector>

#include "magnu/statistics/normal.hpp"
#include "magnu/statistics/profile.hpp"

namespace magnu {

/// Which values of s a set of data excludes (G. Cowan, K. Cranmer, E. Gross, O. Vitells, EPJC 71
/// (2011) 1554, "CCGV"): by t~ = 2 [nll(s) - nll(s_hat)], s_hat >= 0; by q~, which is 0 where
/// s_hat > s; or by CLs of q~. Feldman and Cousins (PRD 57 (1998) 3873) order by t~ too, with
/// critical values from toys.
enum class IntervalTest { two_sided, upper, cls, feldman_cousins };

/// As in `interval.test`.
inline const char* to_string(IntervalTest test) {
  return test == IntervalTest::two_sided ? "two-sided"
         : test == IntervalTest::upper   ? "upper"
         : test == IntervalTest::cls     ? "cls"
                                         : "feldman-cousins";
}
/// Whether an interval may end above zero too.
MAGNU_HD inline bool two_ended(IntervalTest test) {
  return test == IntervalTest::two_sided || test == IntervalTest::feldman_cousins;
}

/// Asymptotic limits on s of one set of data. What could not be fitted has no number: `converged`
/// is false then.
struct Interval {
  BestFit best;
  double lower = 0;  ///< 0 for one-sided tests
  double upper = 0;  ///< infinite where nothing is excluded
  double q0 = 0;     ///< t~ at s = 0, 0 where s_hat <= 0; sqrt(q0) is the significance
  bool converged = false;
};

/// The value a test statistic reaches at a limit of this confidence level: 2.7055, or 1.6424 of a
/// one-sided test, for 0.9.
MAGNU_HD inline double critical_value(IntervalTest test, double confidence_level) {
  const double z = normal_quantile((two_ended(test) ? 0.5 : 1) * (1 - confidence_level));
  return z * z;
}

/// CLs of q~ by its asymptotic distributions (CCGV 3.6), from q and that of the background-only
/// Asimov set, which is (s/sigma)^2.
MAGNU_HD inline double asymptotic_cls(double q, double q_asimov) {
  if (q_asimov <= 0) return 1;
  const double root = std::sqrt(q_asimov);
  const bool far = q > q_asimov;
  const double with_signal = normal_tail(far ? (q + q_asimov) / (2 * root) : std::sqrt(q));
  const double without = normal_tail(far ? (q - q_asimov) / (2 * root) : std::sqrt(q) - root);
  // Both are nothing far beyond any limit.
  return without > 0 ? std::fmax(with_signal / without, 1e-300) : 1e-300;
}

/// The limit of background-only data that lie n standard deviations from what is expected, from the
/// median one: sigma is s/sqrt(q_A) there (CCGV 4.3). Those of t~ follow from it being
/// (s - x)^2/sigma^2, or (s^2 - 2 s x)/sigma^2 where the data's x lies below zero.
MAGNU_HD inline double expected_limit(IntervalTest test, double median, double confidence_level,
                                      double n, Range range = Range::physical) {
  const double goal = critical_value(test, confidence_level);
  const bool unbounded = range == Range::unbounded;
  if (two_ended(test)) {
    const double sigma = median / std::sqrt(goal);
    return sigma * (n > 0 || unbounded ? n + std::sqrt(goal) : n + std::sqrt(n * n + goal));
  }
  const double alpha = 1 - confidence_level;
  if (test == IntervalTest::upper) {
    const double z = normal_quantile(alpha);
    const double limit = median / z * (z + n);
    return unbounded ? limit : std::fmax(0.0, limit);
  }
  const double sigma = median / normal_quantile(0.5 * alpha);
  return sigma * (n + normal_quantile(alpha * normal_tail(-n)));
}

/// Limits at -2, -1, 0, 1 and 2 standard deviations.
inline constexpr int band_members = 5;
MAGNU_HD inline double band_member(IntervalTest test, double median, double confidence_level,
                                   int member, Range range = Range::physical) {
  return expected_limit(test, median, confidence_level, member - 2, range);
}

/// A likelihood, data and the memory for their fits; both must outlive it.
class Analysis {
 public:
  Analysis(const Likelihood& likelihood, const Data& data, Range range = Range::physical);
  ~Analysis();
  Analysis(const Analysis&) = delete;

  Profile& profile() { return profile_; }

  Interval interval(IntervalTest test, double confidence_level);
  /// The same where the best fit is known, as of data without fluctuations.
  Interval interval(IntervalTest test, double confidence_level, const BestFit& best);

  /// CLs at s by asymptotics (CCGV 3.6), sigma from the Asimov set of the conditional best fit at
  /// s = 0; NaN where a fit fails. `best`: of the data.
  double cls(double s, const BestFit& best);

 private:
  struct Asimov;

  double cls_limit(const BestFit& best, double confidence_level);

  const Likelihood& likelihood_;
  std::vector<double> scratch_;
  Profile profile_;
  std::unique_ptr<Asimov> asimov_;
};

}  // namespace magnu
