#pragma once

#include "magnu/physics/target.hpp"

namespace magnu {

/// Its largest summed electron energy [MeV].
inline constexpr double xe136_end_energy = 2.45783;

/// Two-neutrino double beta decay of 136Xe: decays per tonne, year and keV of summed electron
/// energy [MeV]. Half life 2.165e21 yr (EXO-200, PRC 89 (2014) 015502), Q = 2457.83 keV,
/// Primakoff-Rosen sum spectrum t (t0-t)^5 (1 + 2t + 4t^2/3 + t^3/3 + t^4/30), t = T/me (Boehm,
/// Vogel, Physics of Massive Neutrinos (1992) ch. 6). Zero for a target without 136Xe.
double xe136_double_beta_rate(const Target& target, double energy);

}  // namespace magnu
