#include "magnu/physics/electron_scattering.hpp"

namespace magnu {

ElectronScattering ElectronScattering::at(double recoil_energy, const Target& target, std::size_t,
                                          const Couplings& couplings) {
  using namespace constants;
  const double per_atom = couplings.stepping_electrons ? target.free_electrons(recoil_energy)
                                                       : target.electrons_per_atom();
  const double electrons = per_atom * target.atoms_per_tonne() * per_year_keV;
  const double weak = fermi_coupling * fermi_coupling * electron_mass / (2 * pi) * hbar_c * hbar_c;
  return {recoil_energy, couplings.sin2_theta_w, weak * electrons,
          constants::magnetic_scale * electrons};
}

}  // namespace magnu
