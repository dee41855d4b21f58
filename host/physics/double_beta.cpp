#include "magnu/physics/double_beta.hpp"

#include <cmath>

#include "magnu/core/quadrature.hpp"
#include "magnu/physics/constants.hpp"

namespace magnu {
namespace {

constexpr double half_life = 2.165e21;  // yr
constexpr double end_energy = xe136_end_energy / constants::electron_mass;

double sum_spectrum(double t) {
  if (t <= 0 || t >= end_energy) return 0;
  return t * std::pow(end_energy - t, 5) * (1 + t * (2 + t * (4.0 / 3 + t * (1.0 / 3 + t / 30))));
}

}  // namespace

double xe136_double_beta_rate(const Target& target, double energy) {
  // A polynomial of degree 10: six Gauss nodes integrate it exactly.
  static const double norm = integrate(sum_spectrum, 0, end_energy, 6);
  double atoms = 0;
  for (const auto& isotope : target.isotopes)
    if (isotope.z == 54 && isotope.a == 136) atoms = isotope.abundance * target.atoms_per_tonne();
  const double decays = atoms * std::log(2.0) / half_life;
  return decays * sum_spectrum(energy / constants::electron_mass) / norm /
         constants::electron_mass * constants::keV;
}

}  // namespace magnu
