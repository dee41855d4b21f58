#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "magnu/scan/detector_likelihood.hpp"
#include "magnu/statistics/fit_report.hpp"
#include "magnu/statistics/toys.hpp"

/// What `magnu fit` prints and writes.
namespace magnu {

/// The moment that a part of all experiments see.
struct Discovery {
  double significance, part;
  double s;  ///< infinite where none is, NaN where it is not known
};

/// One detector and its fit.
struct DetectorFit {
  std::string name;  ///< "electron at exposure 20 tonne year"
  Curve curve;
  FitReport report;  ///< with asymptotic limits
  DetectorResult result;
  std::optional<ToyInterval> toys;
  std::vector<Discovery> discovery;
  std::vector<double> counts;      ///< [bins], what was fitted
  std::vector<double> background;  ///< [bins], all but the signal of a moment, at the best fit
  std::vector<double> signal;      ///< [bins], of the moment at the upper limit, nominal fluxes
  std::vector<std::pair<double, double>> profile;  ///< mu_eff [mu_B], t~

  /// By the study's method.
  const Interval& interval() const { return toys ? toys->interval : report.interval; }
};

/// The analysis of a detector as a user reads it.
std::string fit_table(const DetectorFit& fit);

/// fit.json and the CSV files beside it, each a name and its text.
std::vector<std::pair<std::string, std::string>> fit_files(const std::string& study,
                                                           const std::string& study_hash,
                                                           const std::vector<DetectorFit>& fits);

}  // namespace magnu
