#include "magnu/physics/target.hpp"

#include "magnu/physics/constants.hpp"

namespace magnu {

double Isotope::nuclear_mass() const {
  return atomic_mass * constants::atomic_mass_unit - z * constants::electron_mass;
}

double Target::mean_atomic_mass() const {
  double sum = 0;
  for (const auto& isotope : isotopes) sum += isotope.abundance * isotope.atomic_mass;
  return sum;
}

double Target::mean_nuclear_mass() const {
  double sum = 0;
  for (const auto& isotope : isotopes) sum += isotope.abundance * isotope.nuclear_mass();
  return sum;
}

double Target::atoms_per_tonne() const {
  return constants::avogadro * constants::grams_per_tonne / mean_atomic_mass();
}

int Target::free_electrons(double recoil_energy) const {
  int electrons = 0;
  for (const auto& shell : shells)
    if (shell.binding_energy < recoil_energy) electrons += shell.electrons;
  return electrons;
}

}  // namespace magnu
