#pragma once

#include <numbers>

/// Units inside magnu: energies in MeV, lengths in cm, times in s, magnetic moments in Bohr
/// magnetons; rates per tonne, year and keV. Other units exist only where text is read or written.
namespace magnu::constants {

// CODATA 2018, Rev. Mod. Phys. 93 (2021) 025010.
inline constexpr double electron_mass = 0.51099895000;     // MeV
inline constexpr double atomic_mass_unit = 931.49410242;   // MeV
inline constexpr double fine_structure = 7.2973525693e-3;  // alpha
inline constexpr double hbar_c = 197.3269804e-13;          // MeV cm
inline constexpr double avogadro = 6.02214076e23;          // 1/mol
inline constexpr double fermi_coupling = 1.1663787e-11;    // MeV^-2, PDG 2020

inline constexpr double keV = 1e-3;             // MeV
inline constexpr double eV = 1e-6;              // MeV
inline constexpr double femtometre = 1e-13;     // cm
inline constexpr double year = 365.25 * 86400;  // s
inline constexpr double grams_per_tonne = 1e6;

inline constexpr double pi = std::numbers::pi;

/// pi alpha^2/me^2 [cm^2]: the scale of the magnetic-moment cross sections at 1 mu_B.
inline constexpr double magnetic_scale =
    pi * fine_structure * fine_structure * hbar_c * hbar_c / (electron_mass * electron_mass);

/// From a cross section [cm^2/MeV] per target times a flux [1/(cm^2 s)] to events per year and keV.
inline constexpr double per_year_keV = year * keV;

}  // namespace magnu::constants
