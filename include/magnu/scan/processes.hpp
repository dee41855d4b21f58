#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "magnu/physics/coherent_scattering.hpp"
#include "magnu/physics/electron_scattering.hpp"

namespace magnu {

/// Every process there is. A new cross section is one header and one word here; its YAML name, both
/// evaluations, both backends and the conformance tests follow.
template <class... List>
struct ProcessList {
  using Rows = std::variant<std::vector<List>...>;

  /// Calls f(type_identity<Process>) for each.
  template <class F>
  static void for_each(F&& f) {
    (f(std::type_identity<List>{}), ...);
  }
};
using Processes = ProcessList<ElectronScattering, CoherentScattering>;

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

/// Recoil rows of one process: species of a target at recoil energies.
struct RecoilRows {
  std::vector<double> energies;  ///< [rows], MeV
  Processes::Rows rows;          ///< [rows]

  std::size_t size() const { return energies.size(); }
};

}  // namespace magnu
