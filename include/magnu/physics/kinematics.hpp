#pragma once

#include <cmath>

#include "magnu/core/macros.hpp"

namespace magnu {

/// Largest recoil energy that a neutrino gives a body of mass `mass`, all in MeV:
/// 2 Enu^2/(m + 2 Enu), arXiv:2008.05080 eq. (2.7).
MAGNU_HD inline double maximum_recoil(double neutrino_energy, double mass) {
  return 2 * neutrino_energy * neutrino_energy / (mass + 2 * neutrino_energy);
}

/// Least neutrino energy for a recoil: [Er + sqrt(Er^2 + 2 m Er)]/2, exact (the approximation for
/// nuclei printed below eq. (2.8) lacks a root and moves the magnetic rate by 1 % at 4 keV).
MAGNU_HD inline double minimum_neutrino_energy(double recoil_energy, double mass) {
  return 0.5 * (recoil_energy + std::sqrt(recoil_energy * (recoil_energy + 2 * mass)));
}

}  // namespace magnu
