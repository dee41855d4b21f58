#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "magnu/experiment/background.hpp"
#include "magnu/experiment/resolution.hpp"
#include "magnu/experiment/solar_flux.hpp"
#include "magnu/physics/constants.hpp"
#include "magnu/physics/process.hpp"
#include "magnu/statistics/intervals.hpp"
#include "magnu/statistics/toy_settings.hpp"

namespace magnu {

/// What stands in the bins, and how they are compared: events counted in each with Gaussian errors,
/// the default; the differential rate at each bin's centre, arXiv:2008.05080 eq. (3.1) to the
/// letter; or events in a Poisson likelihood with uncertainties.
enum class Statistic { counts, density, poisson };

/// As in `statistic`.
inline const char* to_string(Statistic statistic) {
  return statistic == Statistic::density   ? "density"
         : statistic == Statistic::poisson ? "poisson"
                                           : "counts";
}

/// Where a background that is a fraction f of the signal goes: into the variance, sigma^2 = x + f
/// x, or into the error, sigma = (1 + f) sqrt(x).
enum class FractionIn { variance, error };

/// mu_eff values spaced evenly in the logarithm [mu_B].
struct MuGrid {
  double from = 1e-13, to = 1e-9;
  std::size_t points = 4001;

  std::vector<double> values() const;
  bool operator==(const MuGrid&) const = default;
};

/// What a likelihood does not know exactly besides the sizes of its backgrounds.
struct Uncertainties {
  /// Relative standard deviations of the components' fluxes: those of the solar model, none, or
  /// those given (of components that are not, none).
  enum class Flux { solar_model, none, given };
  Flux flux = Flux::solar_model;
  std::vector<std::pair<std::string, double>> given;
  double sin2_theta12 = 0, sin2_theta13 = 0;  ///< standard deviations
  double dm2_21 = 0;                          ///< eV^2
  double sin2_theta_w = 0;
  double exposure = 0;    ///< relative; of everything in a detector
  double efficiency = 0;  ///< relative; of the solar neutrinos alone

  /// Of a component of a solar model.
  double of_flux(const std::string& solar_model, const std::string& component) const;
  bool operator==(const Uncertainties&) const = default;
};

/// One detector and how it is analysed, or several that are fitted together: one line of a study's
/// table of limits.
struct Curve {
  std::string name;
  std::string channel = "electron";  ///< name of a process
  std::string target = "xenon";
  FluxSettings flux;
  Couplings couplings;
  double exposure = 1;  ///< tonne year
  double threshold = 0.3 * constants::keV;
  double upper = 0;  ///< MeV
  int bins = 0;      ///< of equal width, from threshold to upper
  Resolution resolution;
  std::vector<Background> background;
  FractionIn fraction_in = FractionIn::variance;
  Statistic statistic = Statistic::counts;
  double sigma_scale = 1;
  Uncertainties uncertainties;  ///< these four count in a Poisson likelihood
  IntervalTest test = IntervalTest::two_sided;
  std::optional<ToySettings> toys;  ///< where limits are from toys
  /// Limits below what data without signal reach with this probability are reported there (D.
  /// Baxter et al., EPJC 81 (2021) 907); 0: wherever they are.
  double power_constraint = 0;
  Range range = Range::physical;  ///< of s = mu_eff^2
  std::vector<double> counts;     ///< [bins], observed; empty: what is expected
  double confidence_level = 0.9;
  MuGrid mu_eff;
  /// Detectors that are fitted together; the rest is then the first one's, but for the name and how
  /// limits are made.
  std::vector<Curve> together = {};

  /// Of the confidence level, one degree of freedom; of a Poisson likelihood what its test
  /// statistic is at a limit (NaN of CLs, which is none).
  double delta_chi2() const;
  bool is_poisson() const { return statistic == Statistic::poisson; }
  bool is_joint() const { return !together.empty(); }
  /// Those fitted together, or itself.
  std::span<const Curve> detectors() const {
    return is_joint() ? std::span<const Curve>(together) : std::span<const Curve>(this, 1);
  }
  /// Whether these are observed counts, or else what is expected.
  bool is_observed() const { return !detectors().front().counts.empty(); }
  std::vector<double> all_counts() const;  ///< of all detectors, [bins]
  double lower_edge(int bin) const { return threshold + (upper - threshold) * bin / bins; }
  std::string background_label() const;
  /// What the detectors have, "a+b" where they differ; as tables show them.
  std::string channel_label() const;
  std::string target_label() const;
};

/// The delta chi^2 below which a chi^2 variable of one degree of freedom stays with probability
/// `confidence_level`: 2.7055 for 0.9.
double delta_chi2_for(double confidence_level);

}  // namespace magnu
