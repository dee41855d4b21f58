#pragma once

#include <cmath>

#include "magnu/core/over_root.hpp"
#include "magnu/physics/constants.hpp"

namespace magnu {

/// Oscillation parameters; defaults: de Salas et al., PLB 782 (2018) 633, normal ordering.
struct Oscillation {
  double sin2_theta12 = 0.320;
  double sin2_theta13 = 0.0216;
  double dm2_21 = 7.55e-5;  ///< eV^2

  bool operator==(const Oscillation&) const = default;
};

/// Day-side survival probability of a solar nu_e made at one electron density: two flavours with
/// mass dominance, adiabatic (MSW; de Salas et al., PLB 782 (2018) 633).
class SurvivalProbability {
 public:
  explicit SurvivalProbability(const Oscillation& parameters = {})
      : cos_(1 - 2 * parameters.sin2_theta12),
        sin2_(1 - cos_ * cos_),
        matter_(2 * std::sqrt(2.0) * constants::fermi_coupling * constants::avogadro *
                constants::hbar_c * constants::hbar_c * constants::hbar_c *
                (1 - parameters.sin2_theta13) /
                (parameters.dm2_21 * constants::eV * constants::eV)),
        cos4_13_((1 - parameters.sin2_theta13) * (1 - parameters.sin2_theta13)),
        sin4_13_(parameters.sin2_theta13 * parameters.sin2_theta13) {}

  /// cos 2 theta12 in matter at an electron density [N_A/cm^3] and neutrino energy [MeV]:
  /// (cos 2th - A)/sqrt((cos 2th - A)^2 + sin^2 2th), A = 2 sqrt(2) GF ne c13^2 Enu/dm^2_21.
  MAGNU_HD double matter_cosine(double electron_density, double neutrino_energy) const {
    const double difference = cos_ - matter_ * electron_density * neutrino_energy;
    return over_root(difference, difference * difference + sin2_);
  }

  /// As a function of the energy the cosine is singular where A = exp(+-2i theta12): the cosine of
  /// that complex energy's angle, and its size [MeV] at an electron density.
  double singular_cosine() const { return cos_; }
  double singular_energy(double electron_density) const { return 1 / (matter_ * electron_density); }

  /// Pee = c13^4 (1/2 + 1/2 cos 2th12 cos 2th12^M) + s13^4; linear in the cosine, so an average
  /// over the Sun averages the cosine.
  MAGNU_HD double from_cosine(double matter_cosine) const {
    return cos4_13_ * (0.5 + 0.5 * cos_ * matter_cosine) + sin4_13_;
  }

 private:
  double cos_, sin2_, matter_, cos4_13_, sin4_13_;
};

}  // namespace magnu
