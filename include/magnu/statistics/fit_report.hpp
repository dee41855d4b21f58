#pragma once

#include <string>
#include <vector>

#include "magnu/statistics/intervals.hpp"

namespace magnu {

/// What a fit found of a nuisance parameter.
struct Pull {
  Nuisance nuisance;
  double measured = 0;     ///< what the fit was told
  double fitted = 0;       ///< at the best fit
  double uncertainty = 0;  ///< of the fitted value, from the Hessian; NaN where a bound holds it
  double shift = 0;        ///< fitted less measured in standard deviations; NaN where it is free
  /// The upper limit on s with the parameter fixed a standard deviation (of a free one, its
  /// uncertainty) below and above its measured value; NaN where that has none.
  double limit_below = 0, limit_above = 0;
};

/// Everything that is reported of the fit of a likelihood to data.
struct FitReport {
  Interval interval;
  double p0 = 0;  ///< of the data or more, without signal: the normal tail above sqrt(q0)
  double s_uncertainty = 0;  ///< of s_hat, from the Hessian; NaN where it is 0
  double goodness = 0;       ///< twice the nll above that of a model which is the data
  std::vector<Pull> pulls;
  /// Of s, where s_hat is not 0, and the parameters; rows of what a bound holds are NaN.
  std::vector<std::string> names;
  std::vector<std::vector<double>> correlation;
  std::vector<double> expected;  ///< [bins], at the best fit
};

/// The free parameter whose template has the shape of the signal, if there is one: data measure
/// their sum alone, and only its bound at zero excludes anything. Compared are nominal templates in
/// units of the errors of what is expected without signal; alike is 1 - cos^2 < 1e-3.
std::string parameter_like_signal(const Likelihood& likelihood);

/// The s of which a part of all experiments see `significance` standard deviations or more: the
/// root of q0 is normal about that of the Asimov set with s (CCGV 4.2), nuisance parameters
/// nominal. Infinite where no s is seen; NaN where a fit fails, or where a bin that expects nothing
/// without s makes any s certain to that set.
double discovery_reach(const Likelihood& likelihood, double significance, double part);

FitReport fit_report(const Likelihood& likelihood, const std::vector<double>& counts,
                     IntervalTest test, double confidence_level, Range range = Range::physical);

}  // namespace magnu
