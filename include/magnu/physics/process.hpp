#pragma once

#include <string_view>

#include "magnu/core/macros.hpp"

namespace magnu {

/// What a neutrino is when it arrives: nu_e, or nu_mu and nu_tau together.
enum class Flavour { electron, other };

/// 1/Enu, how cross sections read a neutrino energy: it is divided once where many recoil energies
/// share it.
struct InverseEnergy {
  double value = 0;  ///< 1/MeV

  InverseEnergy() = default;
  MAGNU_HD InverseEnergy(double energy) : value(1 / energy) {}  // NOLINT: an energy in MeV is one
};

/// c0 + c1/Enu + c2/Enu^2: how every cross section here depends on the neutrino energy. A spectrum
/// is then the sum of c_k times the k-th running integral of the flux.
struct QuadraticForm {
  double c0 = 0, c1 = 0, c2 = 0;

  MAGNU_HD double operator()(double neutrino_energy) const {
    const double inverse = 1 / neutrino_energy;
    return c0 + inverse * (c1 + inverse * c2);
  }
};

/// What processes take from a study besides target and recoil energy.
struct Couplings {
  double sin2_theta_w = 0.23122;    ///< at the Z mass, the value of arXiv:2008.05080
  bool stepping_electrons = false;  ///< only electrons bound by less than the recoil energy scatter

  bool operator==(const Couplings&) const = default;
};

/// What a study of a process has where its configuration says nothing.
struct ProcessDefaults {
  double upper = 0;  ///< MeV
  int bins = 0;
  std::string_view components;  ///< space-separated; empty: all there are
};

}  // namespace magnu
