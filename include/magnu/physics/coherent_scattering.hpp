#pragma once

#include <cstddef>
#include <string_view>

#include "magnu/physics/constants.hpp"
#include "magnu/physics/kinematics.hpp"
#include "magnu/physics/process.hpp"
#include "magnu/physics/target.hpp"

namespace magnu {

/// Coherent elastic neutrino-nucleus scattering off one isotope at one recoil energy. All cross
/// sections are per tonne: times a flux [1/(cm^2 s)] they are events per tonne, year and keV.
struct CoherentScattering {
  static constexpr std::string_view name = "nuclear";
  static constexpr ProcessDefaults defaults{4.5 * constants::keV, 14, "b8"};
  static constexpr bool electron_recoils = false;

  double recoil_energy = 0;   ///< MeV
  double nuclear_mass = 0;    ///< MeV
  double weak_scale = 0;      ///< GF^2 mN/(2 pi) gN^2 F^2 times nuclei per tonne, year and keV
  double magnetic_scale = 0;  ///< pi alpha^2/me^2 Z^2 F^2 times the same; at 1 mu_B

  /// What scatters: the isotopes of a target.
  static std::size_t species(const Target& target) { return target.isotopes.size(); }
  /// Mass that recoils [MeV].
  static double mass(const Target& target, std::size_t species) {
    return target.isotopes[species].nuclear_mass();
  }
  /// One species of a target at a recoil energy. The form factor is evaluated here, once, so that
  /// no kernel calls sin or cos.
  static CoherentScattering at(double recoil_energy, const Target& target, std::size_t species,
                               const Couplings& couplings);

  /// The mass that sets the kinematic end [MeV], averaged over the isotopes.
  static double kinematic_mass(const Target& target) { return target.mean_nuclear_mass(); }

  /// MeV
  MAGNU_HD double minimum_energy() const {
    return minimum_neutrino_energy(recoil_energy, nuclear_mass);
  }

  /// Eq. (2.1): GF^2 mN/(2 pi) gN^2 (2 - mN Er/Enu^2) F^2 (Freedman, PRD 9 (1974) 1389).
  MAGNU_HD double standard_model(InverseEnergy inverse, Flavour) const {
    return weak_scale * (2 - nuclear_mass * recoil_energy * (inverse.value * inverse.value));
  }

  /// pi alpha^2/me^2 Z^2 F^2 (1/Er - 1/Enu) at 1 mu_B (Vogel, Engel, PRD 39 (1989) 3378).
  MAGNU_HD double magnetic(InverseEnergy inverse) const {
    return magnetic_scale * (1 / recoil_energy - inverse.value);
  }

  /// `standard_model` as coefficients of 1, 1/Enu, 1/Enu^2.
  MAGNU_HD QuadraticForm standard_model_form(Flavour) const {
    return {2 * weak_scale, 0, -weak_scale * nuclear_mass * recoil_energy};
  }

  /// `magnetic` as coefficients of 1, 1/Enu, 1/Enu^2.
  MAGNU_HD QuadraticForm magnetic_form() const {
    return {magnetic_scale / recoil_energy, -magnetic_scale, 0};
  }
};

/// Helm form factor F(q) of a nucleus with mass number a at momentum transfer q [MeV]:
/// 3 j1(q rn)/(q rn) exp(-(q s)^2/2) with rn^2 = c^2 + 7 pi^2 a0^2/3 - 5 s^2, c = 1.23 A^(1/3) -
/// 0.60 fm, a0 = 0.52 fm, s = 0.9 fm (Lewin, Smith, Astropart. Phys. 6 (1996) 87).
double helm_form_factor(double q, int a);

}  // namespace magnu
