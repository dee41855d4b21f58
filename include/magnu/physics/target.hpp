#pragma once

#include <string>
#include <vector>

namespace magnu {

struct Isotope {
  int z = 0, a = 0;
  double abundance = 0;    ///< mole fraction; those of a target add up to 1
  double atomic_mass = 0;  ///< u

  /// Atomic mass less the electrons' [MeV]; their binding is left out.
  double nuclear_mass() const;
  int neutrons() const { return a - z; }
};

struct ElectronShell {
  double binding_energy = 0;  ///< MeV
  int electrons = 0;
};

/// A detector medium.
struct Target {
  std::string name;
  std::vector<Isotope> isotopes;      ///< all of one element
  std::vector<ElectronShell> shells;  ///< empty where no binding energies are known

  double mean_atomic_mass() const;   ///< u, weighted by abundance
  double mean_nuclear_mass() const;  ///< MeV
  int electrons_per_atom() const { return isotopes.front().z; }
  /// Atoms of all isotopes per tonne.
  double atoms_per_tonne() const;
  /// Electrons per atom with a binding energy strictly below the recoil energy [MeV].
  int free_electrons(double recoil_energy) const;
};

}  // namespace magnu
