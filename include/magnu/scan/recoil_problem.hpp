#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include "magnu/physics/coherent_scattering.hpp"
#include "magnu/physics/electron_scattering.hpp"
#include "magnu/scan/curve.hpp"

namespace magnu {

/// Every process there is, as the rows of a problem. A new cross section is one header and one word
/// here; its YAML name, both evaluations, both backends and the conformance tests follow.
template <class... Processes>
struct ProcessList {
  using Rows = std::variant<std::vector<Processes>...>;
};
using Processes = ProcessList<ElectronScattering, CoherentScattering>;

/// What is to be evaluated: recoil energies, grouped into bins, and for each energy one row per
/// species of the target.
struct RecoilProblem {
  std::vector<double> energies;          ///< [points], MeV, ascending within a bin
  std::vector<double> weights;           ///< [points]; a bin is the weighted sum over its points
  std::vector<std::size_t> first_point;  ///< [bins + 1]
  std::size_t species = 1;
  Processes::Rows rows;  ///< [points][species]

  std::size_t points() const { return energies.size(); }
  std::size_t bins() const { return first_point.size() - 1; }
};

/// The bins of a curve: for `density` the value at each centre, for `counts` the integral over keV,
/// cut where the integrand breaks (shell energies, kinematic ends) and where a panel would span too
/// large a ratio of energies.
RecoilProblem make_recoil_problem(const Curve& curve, const Target& target, const SolarFlux& flux);

/// Single recoil energies [MeV], each a bin of its own.
RecoilProblem make_recoil_problem(const Curve& curve, const Target& target,
                                  const std::vector<double>& energies);

/// What the configuration may say for `channel`.
std::vector<std::string> process_names();

/// Facts of the process a channel names, without its template.
struct ProcessFacts {
  std::string name;
  ProcessDefaults defaults;
  bool electron_recoils = false;
  double (*kinematic_mass)(const Target&) = nullptr;
};
/// InputError for an unknown name.
ProcessFacts process_facts(const std::string& channel);

}  // namespace magnu
