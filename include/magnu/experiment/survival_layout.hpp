#pragma once

#include <limits>

#include "magnu/experiment/solar_flux.hpp"

namespace magnu {

/// Relative error allowed to Gauss sums over a panel of the flux: none that shows.
inline constexpr double flux_gauss_accuracy = 1e-15;

/// Where Pee is singular for some oscillation parameters, as a function of a complex energy: on two
/// rays at an angle to the positive real axis, up and down, from the size `energy` on (there begins
/// the densest shell).
struct SingularRays {
  double cosine = -1;                                       ///< of the angle
  double energy = std::numeric_limits<double>::infinity();  ///< MeV

  bool operator==(const SingularRays&) const = default;

  void add(const Oscillation& parameters, double densest);

  /// rho of a panel: half the sum of the distances of its ends from a point, over half its width,
  /// is (rho + 1/rho)/2. On a whole line that sum is least where the angle between the two is
  /// halved.
  double ellipse(double lower, double upper) const;

  /// The largest upper edge, up to `limit`, of a panel of at least that rho.
  double reach(double lower, double limit, double rho) const;
};

/// Lays the panels of Pee over each component's spectrum, and cuts the panels of the flux at their
/// edges and where Pee would not converge on them.
void lay_survival(SolarFlux& flux, const SingularRays& rays);

}  // namespace magnu
