#pragma once

#include <cmath>

#include "magnu/physics/constants.hpp"

namespace magnu {

/// Gaussian energy resolution, sigma = a sqrt(E) + b E with energies in keV. E is the true recoil
/// energy; what lies below `lowest_energy` is not seen at all.
struct Resolution {
  double a = 0;  ///< sqrt(keV)
  double b = 0;
  double lowest_energy = 0.01 * constants::keV;  ///< MeV; of no effect where a = b = 0

  bool perfect() const { return a == 0 && b == 0; }
  /// sigma at a true energy, both MeV.
  double sigma(double energy) const { return a * std::sqrt(energy * constants::keV) + b * energy; }
  bool operator==(const Resolution&) const = default;
};

}  // namespace magnu
