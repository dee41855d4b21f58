#include "magnu/physics/coherent_scattering.hpp"

#include <cmath>

namespace magnu {

double helm_form_factor(double q, int a) {
  const double s = 0.9, a0 = 0.52, c = 1.23 * std::cbrt(a) - 0.60;  // fm
  const double rn =
      std::sqrt(c * c + 7.0 / 3 * constants::pi * constants::pi * a0 * a0 - 5 * s * s);
  const double per_fm = q * constants::femtometre / constants::hbar_c;
  const double x = per_fm * rn;
  // 3 j1(x)/x; below 0.02 the series, where the closed form loses its digits.
  const double bessel = x < 0.02 ? 1 - x * x / 10 * (1 - x * x / 28)
                                 : 3 * (std::sin(x) - x * std::cos(x)) / (x * x * x);
  return bessel * std::exp(-0.5 * per_fm * per_fm * s * s);
}

CoherentScattering CoherentScattering::at(double recoil_energy, const Target& target,
                                          std::size_t species, const Couplings& couplings) {
  using namespace constants;
  const auto& isotope = target.isotopes[species];
  const double mass = isotope.nuclear_mass();
  const double form_factor = helm_form_factor(std::sqrt(2 * mass * recoil_energy), isotope.a);
  const double nuclei =
      isotope.abundance * target.atoms_per_tonne() * per_year_keV * form_factor * form_factor;
  // gN of eq. (2.1): N gn + Z gp, gn = -1/2, gp = 1/2 - 2 sin^2 theta_W.
  const double charge = -0.5 * isotope.neutrons() + (0.5 - 2 * couplings.sin2_theta_w) * isotope.z;
  const double weak = fermi_coupling * fermi_coupling * mass / (2 * pi) * hbar_c * hbar_c;
  return {recoil_energy, mass, weak * charge * charge * nuclei,
          constants::magnetic_scale * isotope.z * isotope.z * nuclei};
}

}  // namespace magnu
