#include "magnu/experiment/targets.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "magnu/core/data.hpp"
#include "magnu/core/error.hpp"
#include "magnu/physics/constants.hpp"

namespace magnu {

std::vector<std::string> target_names() {
  const auto& table = data_table("targets.csv");
  std::vector<std::string> names;
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (std::find(names.begin(), names.end(), table.text(row, "target")) == names.end())
      names.push_back(table.text(row, "target"));
  return names;
}

namespace {

Target read_target(const std::string& name) {
  Target target{name, {}, {}};
  const auto& table = data_table("targets.csv");
  double sum = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "target") != name) continue;
    target.isotopes.push_back({static_cast<int>(table.number(row, "z")),
                               static_cast<int>(table.number(row, "a")),
                               table.number(row, "abundance"), table.number(row, "atomic_mass_u")});
    sum += target.isotopes.back().abundance;
  }
  if (target.isotopes.empty()) {
    std::string known;
    for (const auto& n : target_names()) known += (known.empty() ? "" : ", ") + n;
    throw InputError({"", 0, "target", name}, "unknown name", "known: " + known);
  }
  for (auto& isotope : target.isotopes) isotope.abundance /= sum;

  if (const auto file = "binding_" + name + ".csv"; has_data_table(file)) {
    const auto& shells = data_table(file);
    for (std::size_t row = 0; row < shells.rows(); ++row)
      target.shells.push_back({shells.number(row, "binding_energy_eV") * constants::eV,
                               static_cast<int>(shells.number(row, "electrons"))});
  }
  return target;
}

}  // namespace

const Target& load_target(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, Target> targets;
  const std::lock_guard lock(mutex);
  auto found = targets.find(name);
  if (found == targets.end()) found = targets.emplace(name, read_target(name)).first;
  return found->second;
}

}  // namespace magnu
