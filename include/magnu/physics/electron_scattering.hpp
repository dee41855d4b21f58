#pragma once

#include <cstddef>
#include <string_view>

#include "magnu/physics/constants.hpp"
#include "magnu/physics/kinematics.hpp"
#include "magnu/physics/process.hpp"
#include "magnu/physics/target.hpp"

namespace magnu {

/// Elastic neutrino-electron scattering at one recoil energy. All cross sections are per tonne:
/// times a flux [1/(cm^2 s)] they are events per tonne, year and keV.
struct ElectronScattering {
  static constexpr std::string_view name = "electron";
  static constexpr ProcessDefaults defaults{105 * constants::keV, 11, ""};
  static constexpr bool electron_recoils = true;

  double recoil_energy = 0;  ///< MeV
  double sin2_theta_w = 0;
  double weak_scale = 0;      ///< GF^2 me/(2 pi) times electrons per tonne, year and keV
  double magnetic_scale = 0;  ///< pi alpha^2/me^2 times the same; at 1 mu_B

  /// What scatters: electrons, all alike.
  static std::size_t species(const Target&) { return 1; }
  /// Mass that recoils [MeV].
  static double mass(const Target&, std::size_t) { return constants::electron_mass; }
  /// The electrons of a target at a recoil energy.
  static ElectronScattering at(double recoil_energy, const Target& target, std::size_t species,
                               const Couplings& couplings);

  /// The mass that sets the kinematic end [MeV].
  static double kinematic_mass(const Target&) { return constants::electron_mass; }

  /// MeV
  MAGNU_HD double minimum_energy() const {
    return minimum_neutrino_energy(recoil_energy, constants::electron_mass);
  }

  /// Eq. (2.3): the upper sign holds for nu_e.
  MAGNU_HD double vector_coupling(Flavour flavour) const {
    return 2 * sin2_theta_w + axial_coupling(flavour);
  }
  MAGNU_HD static double axial_coupling(Flavour flavour) {
    return flavour == Flavour::electron ? 0.5 : -0.5;
  }

  /// Eq. (2.2) with the sign it lacks in print, + (gA^2 - gV^2) me Er/Enu^2 (Vogel, Engel, PRD 39
  /// (1989) 3378).
  MAGNU_HD double standard_model(InverseEnergy inverse, Flavour flavour) const {
    const double v = vector_coupling(flavour), a = axial_coupling(flavour);
    const double left = 1 - recoil_energy * inverse.value;
    return weak_scale * ((v + a) * (v + a) + (v - a) * (v - a) * left * left +
                         (a * a - v * v) * constants::electron_mass * recoil_energy *
                             (inverse.value * inverse.value));
  }

  /// Eq. (2.6) at 1 mu_B, with the alpha^2 it lacks in print (Vogel, Engel, PRD 39 (1989) 3378).
  MAGNU_HD double magnetic(InverseEnergy inverse) const {
    return magnetic_scale * (1 / recoil_energy - inverse.value);
  }

  /// `standard_model` as coefficients of 1, 1/Enu, 1/Enu^2.
  MAGNU_HD QuadraticForm standard_model_form(Flavour flavour) const {
    const double v = vector_coupling(flavour), a = axial_coupling(flavour);
    const double right = (v - a) * (v - a);
    return {2 * weak_scale * (v * v + a * a), -2 * weak_scale * right * recoil_energy,
            weak_scale * recoil_energy *
                (right * recoil_energy + (a * a - v * v) * constants::electron_mass)};
  }

  /// `magnetic` as coefficients of 1, 1/Enu, 1/Enu^2.
  MAGNU_HD QuadraticForm magnetic_form() const {
    return {magnetic_scale / recoil_energy, -magnetic_scale, 0};
  }
};

}  // namespace magnu
