#include "magnu/io/study/curve_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <string_view>

#include "magnu/core/csv.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/io/study/inference_reader.hpp"
#include "magnu/io/study/keys.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/scan/recoil_grid.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

/// A word out of a list.
std::string read_choice(const Setting& setting, const std::vector<std::string>& known) {
  const auto& text = read_text(setting, "known: " + joined(known));
  if (std::find(known.begin(), known.end(), text) == known.end()) {
    const auto near = nearest_name(text, known);
    throw setting.error("unknown name", (near.empty() ? "" : "did you mean '" + near + "'? ") +
                                            std::string("known: ") + joined(known));
  }
  return text;
}

double read_between(const Setting& setting, double low, double high, bool closed_below) {
  const double value = read_number(setting);
  if (!(closed_below ? value >= low : value > low) || !(value < high))
    throw setting.error("out of range", fmt::format("give a number {} {} and below {}",
                                                    closed_below ? "from" : "above", low, high));
  return value;
}

// Narrower bins, in parts of their upper end, would be made of what rounding leaves.
constexpr double narrowest_bin = 1e-9;

// Beyond this, products of settings would leave the range of a double.
constexpr double largest = 1e15;

double read_positive(const Setting& setting, Dimension dimension,
                     RecoilScale scale = RecoilScale::any) {
  const double value = read_quantity(setting, dimension, scale);
  if (!(value > 0)) throw setting.error("must be positive", "give a value above zero");
  if (value < 1 / largest || value > largest)
    throw setting.error("out of range", "give a value from 1e-15 to 1e15");
  return value;
}

double read_not_negative(const Setting& setting) {
  const double value = read_number(setting);
  if (value < 0) throw setting.error("cannot be negative", "give zero or a positive number");
  if (value > largest) throw setting.error("out of range", "give a value of 1e15 at most");
  return value;
}

void check_map(const Setting& setting, const std::string& prefix) {
  if (setting.kind != Setting::Kind::map)
    throw setting.error("a map is expected here", "its keys: " + joined(key_names(prefix)));
  check_keys(setting, key_names(prefix));
}

Oscillation read_oscillation(const Setting& setting) {
  check_map(setting, "oscillation");
  Oscillation o;
  if (const auto* s = setting.find("sin2_theta12")) o.sin2_theta12 = read_between(*s, 0, 1, false);
  if (const auto* s = setting.find("sin2_theta13")) o.sin2_theta13 = read_between(*s, 0, 1, true);
  if (const auto* s = setting.find("dm2_21")) o.dm2_21 = read_between(*s, 0, 1, false);
  return o;
}

Resolution read_resolution(const Setting& setting, RecoilScale scale) {
  check_map(setting, "resolution");
  Resolution resolution;
  const auto coefficient = [&](const char* key, double& value) {
    if (const auto* s = setting.find(key)) {
      value = read_not_negative(*s);
      if (value != 0 && !(value >= 1e-6 && value <= 10))
        throw s->error("out of range", "give 0, or a number from 1e-6 to 10");
    }
  };
  coefficient("a", resolution.a);
  coefficient("b", resolution.b);
  if (const auto* s = setting.find("lowest_energy")) {
    resolution.lowest_energy = read_positive(*s, Dimension::energy, scale);
    if (resolution.lowest_energy < lowest_recoil)
      throw s->error("below the lowest recoil energy, 1 eV", "give 0.001 keV or more");
  }
  return resolution;
}

MuGrid read_mu_grid(const Setting& setting) {
  check_map(setting, "mu_eff");
  MuGrid grid;
  if (const auto* s = setting.find("from")) grid.from = read_between(*s, 1e-20, 1, true);
  if (const auto* s = setting.find("to")) grid.to = read_between(*s, 1e-20, 1, true);
  if (!(grid.from < grid.to))
    throw setting.error(fmt::format("from = {} is not below to = {}", grid.from, grid.to),
                        "give an ascending range");
  if (const auto* s = setting.find("points")) {
    const auto points = read_integer(*s);
    if (points < 2 || points > 100'000'000)
      throw s->error("out of range", "give a number from 2 to 100000000");
    grid.points = static_cast<std::size_t>(points);
  }
  return grid;
}

/// {column: 1, unit: keV} of a background table.
TableColumn read_column(const Setting& setting, const std::string& what, const std::string& form,
                        int energy, int others) {
  const auto remedy = "write " + what + ": " + form;
  if (setting.kind != Setting::Kind::map)
    throw setting.error("a map of column and unit is expected here", remedy);
  check_keys(setting, {"column", "unit"});
  const auto *column = setting.find("column"), *unit = setting.find("unit");
  if (!column || !unit) throw setting.error("column and unit are needed", remedy);
  const TableColumn read{read_text(*column, remedy), read_text(*unit, remedy)};
  if (double place = 0; parse_number(read.column, place) &&
                        !(place >= 1 && place <= 10000 && place == std::floor(place)))
    throw column->error("not the place of a column", "count the columns from 1");
  if (const auto found = read_unit(read.unit); !found || !found->is(energy, others, others, 0))
    throw unit->error("no unit of the " + what, remedy);
  return read;
}

Background read_table(const Setting& entry, const Setting& table, const std::string& folder) {
  const std::string energy_form = "{column: 1, unit: keV}",
                    rate_form = "{column: 2, unit: 1/(tonne year keV)}";
  for (const auto& [key, value] : entry.entries)
    if (key != "table" && key != "energy" && key != "rate") {
      if (const auto near = nearest_name(key, {"table", "energy", "rate"}); !near.empty())
        throw value.error("unknown key", "did you mean '" + near + "'?");
      throw value.error("does not belong to a table",
                        "make it an entry of its own, or write {table: FILE, energy: " +
                            energy_form + ", rate: " + rate_form + "}");
    }
  TableColumns columns;
  if (const auto* energy = entry.find("energy"))
    columns.energy = read_column(*energy, "energy", energy_form, 1, 0);
  if (const auto* rate = entry.find("rate"))
    columns.rate = read_column(*rate, "rate", rate_form, -1, -1);
  const auto& written = read_text(table, "name a file");
  const fs::path path = written;
  try {
    return table_background(
        (path.is_absolute() ? path : fs::path(folder) / path).lexically_normal(), columns, written);
  } catch (const InputError& problem) {
    if (problem.location.line > 0 || !problem.location.key.empty()) throw;
    // A long path would hide what is wrong.
    std::string what = problem.what();
    if (const auto file = quotable(problem.location.file, longest_path);
        file.size() > 200 && what.starts_with(file))
      what.replace(0, file.size(), quotable(problem.location.file, 100));
    throw table.error(what, "");
  }
}

Background read_background_entry(const Setting& entry, const std::string& folder) {
  if (entry.kind == Setting::Kind::scalar) {
    const auto names = background_names();
    if (std::find(names.begin(), names.end(), entry.scalar) != names.end())
      return named_background(entry.scalar);
    const auto near = nearest_name(entry.scalar, names);
    throw entry.error("unknown background", (near.empty() ? "" : "did you mean '" + near + "'? ") +
                                                std::string("known: ") + joined(names) +
                                                ", {fraction: F}, {flat: RATE}, {table: FILE}");
  }
  if (const auto* table = entry.find("table")) return read_table(entry, *table, folder);
  if (const auto* name = entry.find("name"); name && entry.entries.size() == 1)
    return read_background_entry(*name, folder);
  if (entry.find("energy") || entry.find("rate")) {
    for (const auto& [key, value] : entry.entries)
      if (nearest_name(key, {"table"}) == "table")
        throw value.error("unknown key", "did you mean 'table'?");
    throw entry.error("columns without a table",
                      "name its file: {table: FILE, energy: ..., rate: ...}");
  }
  if (entry.kind != Setting::Kind::map || entry.entries.size() != 1)
    throw entry.error("a name or a map of one key is expected here",
                      "write for example xenon1t or {fraction: 0.25}");
  check_map(entry, "background");
  const auto& [kind, value] = entry.entries.front();
  return {kind == "fraction" ? Background::Kind::fraction : Background::Kind::flat,
          read_not_negative(value),
          "",
          {},
          {}};
}

std::vector<Background> read_background(const Setting& setting, const std::string& folder) {
  if (setting.kind == Setting::Kind::map) {  // as of --set background.flat=1
    const bool option = setting.where.file.starts_with("--set ");
    throw setting.error("a list is expected here",
                        option ? "write --set '" + setting.where.key + "=[" + setting.brief() + "]'"
                               : "write [" + setting.brief() + "]");
  }
  if (setting.kind != Setting::Kind::list)
    throw setting.error("a list is expected here",
                        "write for example [xenon1t] or [{fraction: 0.25}, {flat: 0.5}]");
  std::vector<Background> list;
  for (const auto& entry : setting.items) {
    const auto* uncertainty = entry.find("uncertainty");
    if (!uncertainty) {
      list.push_back(read_background_entry(entry, folder));
      continue;
    }
    auto rest = entry;
    std::erase_if(rest.entries, [](const auto& pair) { return pair.first == "uncertainty"; });
    if (rest.entries.empty())
      throw uncertainty->error("an uncertainty of no background",
                               "write for example {name: xenonnt, uncertainty: 5 %}");
    list.push_back(read_background_entry(rest, folder));
    list.back().uncertainty = read_relative_uncertainty(*uncertainty, true);
  }
  return list;
}

std::vector<std::string> read_components(const Setting& setting) {
  const auto known = solar_components();
  if (setting.kind != Setting::Kind::list || setting.items.empty())
    throw setting.error("a list of components is expected here", "known: " + joined(known));
  std::set<std::string> chosen;
  for (const auto& item : setting.items)
    if (!chosen.insert(read_choice(item, known)).second)
      throw item.error("given twice", "keep one of the two");
  std::vector<std::string> ordered;
  for (const auto& name : known)
    if (chosen.contains(name)) ordered.push_back(name);
  return ordered;
}

/// Reads the settings of a curve whose channel is read, or one of them.
void read_settings(Curve& curve, const Setting& map, const std::string& folder,
                   std::string_view only) {
  const auto facts = process_facts(curve.channel);
  const auto scale = facts.electron_recoils ? RecoilScale::electron : RecoilScale::nuclear;
  const auto with = [&](const char* key, auto&& read) {
    if (!only.empty() && only != key) return;
    if (const auto* setting = map.find(key)) read(*setting);
  };
  with("target", [&](auto& s) { curve.target = read_choice(s, target_names()); });
  with("components", [&](auto& s) { curve.flux.components = read_components(s); });
  with("solar_model", [&](auto& s) { curve.flux.solar_model = read_choice(s, solar_models()); });
  with("b8_spectrum", [&](auto& s) { curve.flux.b8_spectrum = read_choice(s, b8_spectra()); });
  with("oscillation", [&](auto& s) { curve.flux.oscillation = read_oscillation(s); });
  with("accuracy", [&](auto& s) {
    curve.flux.accuracy = read_number(s);
    if (!(curve.flux.accuracy >= 1e-12 && curve.flux.accuracy <= 1e-3))
      throw s.error("out of range", "give a number from 1e-12 to 1e-3");
  });
  with("sin2_theta_w",
       [&](auto& s) { curve.couplings.sin2_theta_w = read_between(s, 0, 1, false); });
  with("electrons", [&](auto& s) {
    curve.couplings.stepping_electrons = read_choice(s, {"free", "stepping"}) == "stepping";
    if (curve.couplings.stepping_electrons && facts.electron_recoils &&
        load_target(curve.target).shells.empty())
      throw s.error("no electron binding energies are known for " + curve.target,
                    "use electrons: free, or add data/binding_" + curve.target + ".csv");
  });
  with("exposure", [&](auto& s) { curve.exposure = read_positive(s, Dimension::exposure); });
  with("threshold", [&](auto& s) {
    curve.threshold = read_positive(s, Dimension::energy, scale);
    if (curve.threshold < lowest_recoil)
      throw s.error("below the lowest threshold, 1 eV", "give 0.001 keV or more");
  });
  with("upper", [&](auto& s) { curve.upper = read_positive(s, Dimension::energy, scale); });
  if (!(curve.threshold < curve.upper)) {
    // Where the curve itself gives one of the two, that is the place to look.
    const auto *threshold = map.find("threshold"), *upper = map.find("upper");
    const bool upper_is_own = upper && upper->where.key.starts_with(map.where.key + ".");
    const auto* at = threshold && !upper_is_own ? threshold : upper;
    throw at->error(fmt::format("the threshold, {}, is not below the upper end, {}",
                                energy_text(curve.threshold), energy_text(curve.upper)),
                    "lower the threshold or raise 'upper'");
  }
  with("bins", [&](auto& s) {
    const auto bins = read_integer(s);
    if (bins < 1 || bins > 1'000'000)
      throw s.error("out of range", "give a number from 1 to 1000000");
    curve.bins = static_cast<int>(bins);
  });
  if (!((curve.upper - curve.threshold) / curve.bins >= narrowest_bin * curve.upper)) {
    const Setting* at = nullptr;
    for (const char* key : {"upper", "threshold", "bins"})
      if (!at) at = map.find(key);
    throw at->error(
        fmt::format("{} bins from {} to {} are narrower than {} of their energy", curve.bins,
                    energy_text(curve.threshold), energy_text(curve.upper), narrowest_bin),
        "give fewer bins or a wider range");
  }
  with("resolution", [&](auto& s) { curve.resolution = read_resolution(s, scale); });
  with("background", [&](auto& s) {
    curve.background = read_background(s, folder);
    const auto& isotopes = load_target(curve.target).isotopes;
    const bool has_xe136 = std::any_of(isotopes.begin(), isotopes.end(),
                                       [](const auto& i) { return i.z == 54 && i.a == 136; });
    for (std::size_t i = 0; i < curve.background.size(); ++i) {
      const auto& entry = curve.background[i];
      const bool electronic =
          entry.kind == Background::Kind::named || entry.kind == Background::Kind::xe136_2nbb;
      if (electronic && !facts.electron_recoils)
        throw s.items[i].error("a background of electron recoils on channel " + curve.channel,
                               "use {fraction: F}, {flat: RATE} or {table: FILE} there");
      if (entry.table && entry.table->scale != RecoilScale::any && entry.table->scale != scale)
        throw s.items[i].error(
            "a table of energies in " + entry.table->energy_unit + " on channel " + curve.channel,
            "use a table of this channel's recoils");
      if (has_double_beta(entry) && !has_xe136)
        throw s.items[i].error(curve.target + " holds no 136Xe", "use another background");
    }
  });
  with("fraction_in", [&](auto& s) {
    curve.fraction_in =
        read_choice(s, {"variance", "error"}) == "error" ? FractionIn::error : FractionIn::variance;
  });
  with("statistic", [&](auto& s) {
    const auto name = read_choice(s, {"counts", "density", "poisson"});
    curve.statistic = name == "density"   ? Statistic::density
                      : name == "poisson" ? Statistic::poisson
                                          : Statistic::counts;
  });
  with("uncertainties", [&](auto& s) { curve.uncertainties = read_uncertainties(s); });
  with("interval", [&](auto& s) { read_interval(s, curve); });
  with("counts", [&](auto& s) { curve.counts = read_counts(s, folder); });
  with("sigma_scale", [&](auto& s) {
    read_number(s);  // no products here
    curve.sigma_scale = read_positive(s, Dimension::number);
  });
  with("confidence_level", [&](auto& s) { curve.confidence_level = read_confidence_level(s); });
  with("mu_eff", [&](auto& s) { curve.mu_eff = read_mu_grid(s); });
}

}  // namespace

double read_confidence_level(const Setting& setting) {
  return read_between(setting, 1e-6, 1 - 1e-12, true);
}

Curve read_curve(const Setting& settings, const std::string& folder) {
  Curve curve;
  if (const auto* channel = settings.find("channel"))
    curve.channel = read_choice(*channel, process_names());
  const auto defaults = process_facts(curve.channel).defaults;
  curve.upper = defaults.upper;
  curve.bins = defaults.bins;
  curve.flux.components = defaults.components.empty()
                              ? solar_components()
                              : std::vector{std::string(defaults.components)};
  read_settings(curve, settings, folder, "");
  return curve;
}

void read_number_again(Curve& curve, const Setting& settings, const std::string& path,
                       const std::string& folder) {
  read_settings(curve, settings, folder, std::string_view(path).substr(0, path.find('.')));
}

}  // namespace magnu
