#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "magnu/core/view.hpp"

namespace magnu {

/// A binned Poisson likelihood as bodies see it. Expected events in bin i at signal strength s and
/// nuisance parameters theta:
///
///     lambda_i = c_i + s d_i + sum_p theta_p (base_pi + s slope_pi)
///
/// with Gaussian constraints (theta_p - a_p)^2/(2 sigma_p^2), theta_p >= least_p and lambda_i >= 0.
/// At fixed s the negative logarithm is convex in theta.
struct LikelihoodView {
  std::size_t parameters = 0, bins = 0;
  View<const double> base, slope;  ///< [parameters + 1][bins]; the last row is c and d
  View<const double> weight;       ///< [parameters], 1/sigma^2; 0 where nothing constrains it
  View<const double> least;        ///< [parameters], 0 or minus infinity
  View<const double> inside;       ///< [parameters], where every bin that can has an expectation
};

/// What an experiment counted, and measured of the nuisance parameters.
struct DataView {
  View<const double> counts;    ///< [bins]
  View<const double> measured;  ///< [parameters], a
};

/// A nuisance parameter.
struct Nuisance {
  std::string name;
  double nominal = 1;
  double sigma = 0;      ///< standard deviation of its measurement; infinite: free
  bool positive = true;  ///< bounded at 0: fluxes and backgrounds
  bool shared = false;   ///< one and the same in detectors that are fitted together
  bool operator==(const Nuisance&) const = default;
};

/// A likelihood and the memory of its templates. Bins are padded to whole vectors with such as
/// expect nothing.
class Likelihood {
 public:
  explicit Likelihood(std::size_t bins);

  /// Templates [bins] of a parameter, at s = 0 and per unit of s. One with sigma = 0 is fixed at
  /// its nominal value and joins what is fixed.
  void add(const Nuisance& nuisance, std::span<const double> base, std::span<const double> slope);

  std::size_t bins() const { return bins_; }
  const std::vector<Nuisance>& nuisances() const { return nuisances_; }  ///< those not fixed
  LikelihoodView view() const;
  /// Templates [bins] of a parameter at s = 0 and per unit of s; of what is fixed, where the number
  /// is that of the parameters.
  std::span<const double> base(std::size_t parameter) const { return row(base_, parameter); }
  std::span<const double> slope(std::size_t parameter) const { return row(slope_, parameter); }
  /// The same with one of its nuisance parameters known.
  Likelihood with_fixed(std::size_t parameter, double value) const;

  /// Expected events [bins], at the nominal values where no `theta` is given.
  std::vector<double> expected(double s, std::span<const double> theta = {}) const;
  std::vector<double> nominal() const;

 private:
  std::span<const double> row(const std::vector<double>& rows, std::size_t parameter) const {
    return std::span(rows).subspan(parameter * padded_, bins_);
  }

  std::size_t bins_, padded_;
  std::vector<Nuisance> nuisances_;
  std::vector<double> base_, slope_, weight_, least_, inside_;
};

/// A detector of several that are fitted together.
struct JoinedPart {
  std::string name;
  const Likelihood* likelihood = nullptr;
};

/// The likelihood of detectors fitted together: their bins one after another, s and the parameters
/// that are shared the same in all, the others their own, called "name: parameter".
Likelihood join(std::span<const JoinedPart> parts);

/// The data of a likelihood: counts [bins], and the measured values of its parameters.
class Data {
 public:
  Data(const Likelihood& likelihood, std::span<const double> counts, std::vector<double> measured);
  /// Measured as nominal.
  Data(const Likelihood& likelihood, std::span<const double> counts);

  DataView view() const {
    return {{counts_.data(), counts_.size()}, {measured_.data(), measured_.size()}};
  }

 private:
  std::vector<double> counts_, measured_;
};

}  // namespace magnu
