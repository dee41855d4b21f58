#pragma once

namespace magnu {

/// An allowed beta+ decay.
struct BetaDecay {
  double end_energy = 0;  ///< largest neutrino energy, MeV
  int daughter_z = 0, daughter_a = 0;
};

/// Neutrino spectrum of a beta+ decay, not normalised: Enu^2 p W F(-Z, W), p and W the positron's
/// in units of its mass, F the Fermi function of the daughter.
double beta_spectrum(const BetaDecay& decay, double neutrino_energy);

/// The same at a distance [MeV] below the end point, which there has digits that the energy lost.
double beta_spectrum_below_end(const BetaDecay& decay, double distance);

/// 2 pi alpha Z W/p of the positron at a distance [MeV] below the end point: towards it the Fermi
/// function falls off as exp of minus that.
double coulomb_exponent(const BetaDecay& decay, double distance);
/// The distance [MeV] at which it has a value; for all values that are met above zero.
double coulomb_distance(const BetaDecay& decay, double exponent);

/// Relativistic Fermi function of a point charge z (negative for positrons) at the nuclear radius
/// 1.2 A^(1/3) fm: 2 (1 + g) (2 p R)^(2g - 2) exp(pi y) |Gamma(g + i y)|^2/Gamma(2g + 1)^2 with
/// g = sqrt(1 - (alpha z)^2), y = alpha z W/p (H. Behrens, J. Janecke, Numerical Tables for Beta
/// Decay (1969)).
double fermi_function(int z, int a, double momentum);

}  // namespace magnu
