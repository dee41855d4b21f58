#pragma once

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "magnu/scan/axis.hpp"
#include "magnu/scan/templates.hpp"
#include "magnu/statistics/intervals.hpp"
#include "magnu/statistics/toys.hpp"

/// From a detector's spectra to its likelihood, and from there to its limits.
namespace magnu {

/// A parameter that moves the shape of the signal, and its standard deviation.
struct Shift {
  std::string name;  ///< as in `uncertainties`
  const AxisField* field = nullptr;
  double sigma = 0;

  /// A curve with the parameter `sigmas` standard deviations off.
  Curve apply(Curve curve, double sigmas) const;
};
/// Those of a curve that have an uncertainty; none where it is no Poisson likelihood.
std::vector<Shift> shifts_of(const Curve& curve);

/// Spectra by component in rows of recoil energies, with the shifts. `rows_of(curve)`: the same
/// recoil energies with a curve's couplings.
Templates likelihood_spectra(const Runner& runner, const Curve& curve,
                             const Runner::Convolution& convolution, const RecoilRows& rows,
                             const std::function<RecoilRows(const Curve&)>& rows_of);

/// The same in bins by the direct evaluation.
Templates direct_likelihood_templates(const Runner& runner, const Curve& curve);

/// Events of a background entry in the bins of a curve, per tonne and year.
struct EntryEvents {
  Background entry;
  std::vector<double> events;  ///< [bins]
};
/// Of the entries of a list that take more than a product to compute.
std::vector<EntryEvents> dear_events(const std::vector<Background>& list, const Curve& curve,
                                     const Target& target);

/// What a detector's likelihood is made of besides its amplitudes (exposure, sizes of backgrounds).
struct DetectorParts {
  Templates templates;  ///< by component [components][bins]
  std::vector<EntryEvents> known = {};
};

/// s = 1 stands for this mu_eff [mu_B]: s is mu_eff^2 in a unit that makes it of order one.
inline constexpr double likelihood_moment = 1e-11;

/// lambda = sum_c f_c (S_c + s M_c) + sum_j b_j B_j + sum_k z_k D_k with a curve's exposure and
/// uncertainties. `templates` [components][bins]; `known` may hold entries of its background.
Likelihood make_likelihood(const Curve& curve, const Target& target, const Templates& templates,
                           const std::vector<EntryEvents>& known = {});

/// The same of a curve's detectors together. `parts`: of each of them.
Likelihood make_likelihood(const Curve& curve, std::span<const DetectorParts> parts);

/// mu_eff [mu_B] of a signal strength, that of -s with a minus of a negative one; NaN of an
/// infinite one.
double moment_of(double s);

/// What is found for a detector, moments in mu_B; NaN where there is none, or a fit failed.
struct DetectorResult {
  double limit = 0;          ///< upper, with the power constraint
  double unconstrained = 0;  ///< without
  double lower = 0, best_fit = 0;
  std::array<double, band_members> expected{};  ///< limits at -2, -1, 0, 1, 2 standard deviations
  double q0 = 0, significance = 0;
  double asymptotic = 0;           ///< the limit without toys
  double asymptotic_coverage = 0;  ///< of that method where the moment is the limit
  std::size_t failed_toys = 0;
  bool converged = false;
};
/// `runner` fits toys, where there are some, and `progress` is told which part of them is done;
/// it may throw. `toys` is given what they found.
DetectorResult analyse(const Curve& curve, const Likelihood& likelihood, const Runner& runner,
                       const ToyProgress& progress = {},
                       std::optional<ToyInterval>* toys = nullptr);

/// The nuisance parameter without whose uncertainty the limit would be best, that limit, and the
/// one without any uncertainty [mu_B]; an empty name where there is none, or a fit fails.
struct Hindrance {
  std::string parameter;
  double limit_without = 0, limit_of_statistics = 0;
};
Hindrance hindrance_of(const Curve& curve, const Likelihood& likelihood);

/// The profile t~ at each mu_eff [mu_B]; NaN where a fit fails.
std::vector<double> profile_over(const Curve& curve, const Likelihood& likelihood,
                                 const std::vector<double>& mu_eff);

/// Which named results the likelihoods among some curves have: some only where it is asked for what
/// they tell.
class LikelihoodResults {
 public:
  explicit LikelihoodResults(std::span<const Curve> curves);

  std::vector<ResultQuantity> quantities() const;
  std::vector<double> values(const DetectorResult& result) const;  ///< in that order

 private:
  std::vector<std::size_t> chosen_;
};

}  // namespace magnu
