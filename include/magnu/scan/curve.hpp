#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "magnu/experiment/background.hpp"
#include "magnu/experiment/resolution.hpp"
#include "magnu/experiment/solar_flux.hpp"
#include "magnu/physics/constants.hpp"
#include "magnu/physics/process.hpp"

namespace magnu {

/// What stands in the bins: events counted in each, the default, or the differential rate at each
/// bin's centre, arXiv:2008.05080 eq. (3.1) to the letter.
enum class Statistic { counts, density };

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

/// One detector and how it is analysed: one line of a study's table of limits.
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
  double confidence_level = 0.9;
  MuGrid mu_eff;

  double delta_chi2() const;  ///< of the confidence level, one degree of freedom
  double lower_edge(int bin) const { return threshold + (upper - threshold) * bin / bins; }
  std::string background_label() const;
};

/// The delta chi^2 below which a chi^2 variable of one degree of freedom stays with probability
/// `confidence_level`: 2.7055 for 0.9.
double delta_chi2_for(double confidence_level);

}  // namespace magnu
