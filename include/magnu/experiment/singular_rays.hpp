#pragma once

#include <limits>

#include "magnu/physics/oscillation.hpp"

namespace magnu {

/// 1 - cos 2 theta12 below which panels do not follow a resonance any further: sin^2 theta12, or
/// cos^2, of 2.5e-7.
inline constexpr double sharpest_resonance = 5e-7;

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

}  // namespace magnu
