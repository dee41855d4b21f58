#include "magnu/physics/beta_decay.hpp"

#include <cmath>
#include <complex>

#include "magnu/physics/constants.hpp"

namespace magnu {
namespace {

/// ln |Gamma(z)| by Stirling's series after a shift to Re z > 12 (DLMF 5.11.1, 5.5.1); good to
/// 1e-15 for Re z > 0. The standard library has no complex Gamma.
double log_abs_gamma(std::complex<double> z) {
  double shifted = 0;
  for (; z.real() < 12; z += 1.0) shifted += std::log(std::abs(z));
  const auto inverse = 1.0 / z, square = inverse * inverse;
  const auto series =
      inverse *
      (1.0 / 12 +
       square *
           (-1.0 / 360 +
            square * (1.0 / 1260 + square * (-1.0 / 1680 +
                                             square * (1.0 / 1188 + square * (-691.0 / 360360))))));
  const auto log_gamma = (z - 0.5) * std::log(z) - z + 0.5 * std::log(2 * constants::pi) + series;
  return log_gamma.real() - shifted;
}

}  // namespace

double fermi_function(int z, int a, double momentum) {
  const double charge = constants::fine_structure * z;
  const double gamma = std::sqrt(1 - charge * charge);
  const double y = charge * std::sqrt(1 + momentum * momentum) / momentum;
  const double radius =
      1.2 * constants::femtometre * std::cbrt(a) * constants::electron_mass / constants::hbar_c;
  return 2 * (1 + gamma) * std::pow(2 * momentum * radius, 2 * gamma - 2) *
         std::exp(constants::pi * y + 2 * log_abs_gamma({gamma, y}) -
                  2 * std::lgamma(2 * gamma + 1));
}

double beta_spectrum(const BetaDecay& decay, double neutrino_energy) {
  return beta_spectrum_below_end(decay, decay.end_energy - neutrino_energy);
}

double beta_spectrum_below_end(const BetaDecay& decay, double distance) {
  const double kinetic = distance / constants::electron_mass;
  const double neutrino_energy = decay.end_energy - distance;
  if (kinetic <= 0 || neutrino_energy <= 0) return 0;
  const double momentum = std::sqrt(kinetic * (kinetic + 2));
  return neutrino_energy * neutrino_energy * momentum * (kinetic + 1) *
         fermi_function(-decay.daughter_z, decay.daughter_a, momentum);
}

double coulomb_exponent(const BetaDecay& decay, double distance) {
  const double kinetic = distance / constants::electron_mass;
  return 2 * constants::pi * constants::fine_structure * decay.daughter_z * (1 + kinetic) /
         std::sqrt(kinetic * (kinetic + 2));
}

double coulomb_distance(const BetaDecay& decay, double exponent) {
  // W/p = u: p^2 = 1/(u^2 - 1), and W - 1 = p^2/(W + 1) without a difference.
  const double u = exponent / (2 * constants::pi * constants::fine_structure * decay.daughter_z);
  const double momentum2 = 1 / (u * u - 1);
  return constants::electron_mass * momentum2 / (std::sqrt(1 + momentum2) + 1);
}

}  // namespace magnu
