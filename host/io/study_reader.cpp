#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "magnu/experiment/targets.hpp"
#include "magnu/io/axis_reader.hpp"
#include "magnu/io/keys.hpp"
#include "magnu/io/quantity.hpp"
#include "magnu/io/study_file.hpp"
#include "magnu/scan/recoil_grid.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

void check_keys(const Setting& map, const std::vector<std::string>& known) {
  for (const auto& [key, value] : map.entries) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const auto near = nearest_name(key, known);
    throw value.error("unknown key", near.empty() ? "known here: " + joined(known)
                                                  : "did you mean '" + near + "'?");
  }
}

const std::string& read_text(const Setting& setting, const std::string& remedy) {
  if (setting.kind != Setting::Kind::scalar || setting.scalar.empty())
    throw setting.error("a word is expected here", remedy);
  return setting.scalar;
}

/// A word out of a list.
std::string read_choice(const Setting& setting, const std::vector<std::string>& known) {
  // Said only where it is needed: a sweep reads a curve for every value.
  const auto& text = setting.kind == Setting::Kind::scalar && !setting.scalar.empty()
                         ? setting.scalar
                         : read_text(setting, "known: " + joined(known));
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

// Beyond this, products of settings would leave the range of a double.
constexpr double largest = 1e15;

double read_positive(const Setting& setting, Dimension dimension) {
  const double value = read_quantity(setting, dimension);
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

bool is_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char c = text[i];
    const std::size_t length = c < 0x80   ? 1
                               : c < 0xc2 ? 0
                               : c < 0xe0 ? 2
                               : c < 0xf0 ? 3
                               : c < 0xf5 ? 4
                                          : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((text[i + k] & 0xc0) != 0x80) return false;
    i += length;
  }
  return true;
}

std::string read_name(const Setting& setting) {
  const auto& name = read_text(setting, "give it a name");
  for (const unsigned char c : name)
    if (c < 32) throw setting.error("a name cannot hold control characters", "use plain text");
  if (!is_utf8(name)) throw setting.error("a name must be UTF-8 text", "save the file as UTF-8");
  return name;
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

Resolution read_resolution(const Setting& setting) {
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
    resolution.lowest_energy = read_positive(*s, Dimension::energy);
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
  if (entry.kind != Setting::Kind::map || entry.entries.size() != 1)
    throw entry.error("a name or a map of one key is expected here",
                      "write for example xenon1t or {fraction: 0.25}");
  check_map(entry, "background");
  const auto& [kind, value] = entry.entries.front();
  if (kind == "fraction") return {Background::Kind::fraction, read_not_negative(value), "", {}, {}};
  if (kind == "flat") return {Background::Kind::flat, read_not_negative(value), "", {}, {}};
  const fs::path path = read_text(value, "name a CSV file");
  try {
    return table_background(
        (path.is_absolute() ? path : fs::path(folder) / path).lexically_normal());
  } catch (const InputError& problem) {
    if (problem.location.line > 0 || !problem.location.key.empty()) throw;
    throw value.error(problem.what(), "");
  }
}

std::vector<Background> read_background(const Setting& setting, const std::string& folder) {
  if (setting.kind != Setting::Kind::list)
    throw setting.error("a list is expected here",
                        "write for example [xenon1t] or [{fraction: 0.25}, {flat: 0.5}]");
  std::vector<Background> list;
  for (const auto& entry : setting.items) list.push_back(read_background_entry(entry, folder));
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

/// Keys that belong to a study alone, not to its curves.
bool is_of_study(const std::string& key) {
  return key == "curves" || key == "axes" || key == "reach";
}

/// The study's own settings, replaced by a curve's.
Setting merged(const Setting& study, const Setting& curve) {
  Setting map = study;
  map.where = curve.where;
  std::erase_if(map.entries,
                [](const auto& e) { return e.first == "name" || is_of_study(e.first); });
  for (const auto& [key, value] : curve.entries) {
    if (auto* old = map.find(key)) {
      *old = value;
    } else {
      map.entries.emplace_back(key, value);
    }
  }
  return map;
}

Curve read_curve(const Setting& map, const std::string& folder) {
  Curve curve;
  const auto with = [&](const char* key, auto&& read) {
    if (const auto* setting = map.find(key)) read(*setting);
  };
  with("channel", [&](auto& s) { curve.channel = read_choice(s, process_names()); });
  const auto facts = process_facts(curve.channel);
  curve.upper = facts.defaults.upper;
  curve.bins = facts.defaults.bins;
  if (!facts.defaults.components.empty())
    curve.flux.components = {std::string(facts.defaults.components)};

  with("target", [&](auto& s) { curve.target = read_choice(s, target_names()); });
  with("components", [&](auto& s) { curve.flux.components = read_components(s); });
  if (curve.flux.components.empty()) curve.flux.components = solar_components();
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
    curve.threshold = read_positive(s, Dimension::energy);
    if (curve.threshold < lowest_recoil)
      throw s.error("below the lowest threshold, 1 eV", "give 0.001 keV or more");
  });
  with("upper", [&](auto& s) { curve.upper = read_positive(s, Dimension::energy); });
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
  with("resolution", [&](auto& s) { curve.resolution = read_resolution(s); });
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
      if (has_double_beta(entry) && !has_xe136)
        throw s.items[i].error(curve.target + " holds no 136Xe", "use another background");
    }
  });
  with("fraction_in", [&](auto& s) {
    curve.fraction_in =
        read_choice(s, {"variance", "error"}) == "error" ? FractionIn::error : FractionIn::variance;
  });
  with("statistic", [&](auto& s) {
    curve.statistic =
        read_choice(s, {"counts", "density"}) == "density" ? Statistic::density : Statistic::counts;
  });
  with("sigma_scale", [&](auto& s) {
    read_number(s);  // no products here
    curve.sigma_scale = read_positive(s, Dimension::number);
  });
  with("confidence_level",
       [&](auto& s) { curve.confidence_level = read_between(s, 1e-6, 1 - 1e-12, true); });
  with("mu_eff", [&](auto& s) { curve.mu_eff = read_mu_grid(s); });
  return curve;
}

/// The name of an entry of the list of curves, checked.
std::string curve_name(const Setting& entry, const std::vector<std::string>& known,
                       const std::vector<std::string>& others) {
  if (entry.kind != Setting::Kind::map)
    throw entry.error("a map is expected here", "write '- name: ...' and the curve's keys");
  check_keys(entry, known);
  const auto* name = entry.find("name");
  if (!name) throw entry.error("the curve has no name", "give each curve a 'name'");
  const auto text = read_name(*name);
  if (std::find(others.begin(), others.end(), text) != others.end())
    throw name->error("two curves of one name", "give each curve a name of its own");
  return text;
}

/// Warnings of settings of the study that every curve replaces.
std::vector<std::string> replaced_by_all(const Setting& root, const Setting& curves) {
  std::vector<std::string> warnings;
  for (const auto& [key, value] : root.entries) {
    if (key == "name" || is_of_study(key)) continue;
    if (std::all_of(curves.items.begin(), curves.items.end(),
                    [&](const auto& curve) { return curve.find(key); }))
      warnings.push_back(value
                             .error("every curve gives its own: this has no effect",
                                    "remove it, or set curves.NAME." + key)
                             .what());
  }
  return warnings;
}

/// A setting below a map, by a path with dots; null where none is given.
const Setting* find_at(const Setting& root, const std::string& path) {
  const Setting* place = &root;
  std::string rest = path;
  for (std::size_t dot; place && (dot = rest.find('.')) != std::string::npos;
       rest.erase(0, dot + 1))
    place = place->kind == Setting::Kind::map ? place->find(rest.substr(0, dot)) : nullptr;
  return place && place->kind == Setting::Kind::map ? place->find(rest) : nullptr;
}

/// Values of a setting that an axis or `reach` replaces.
void warn_of_replaced(const Setting& root, const std::string& path, const std::string& by,
                      std::vector<std::string>& warnings) {
  const auto warn_in = [&](const Setting& map) {
    if (const auto* value = find_at(map, path))
      warnings.push_back(
          value->error("the study's " + by + " replaces it: this has no effect", "remove it")
              .what());
  };
  warn_in(root);
  if (const auto* curves = root.find("curves"))
    for (const auto& curve : curves->items) warn_in(curve);
}

}  // namespace

Study read_study(const std::string& path, const std::vector<std::string>& overrides) {
  auto root = load_settings(path);
  for (const auto& assignment : overrides) apply_override(root, assignment);
  check_keys(root, key_names(""));

  Setting stem;  // the name where none is given
  stem.kind = Setting::Kind::scalar;
  stem.scalar = fs::path(path).stem().string();
  stem.where = {path, 0, "name", ""};
  const auto* name = root.find("name") ? root.find("name") : &stem;
  Study study{read_name(*name), {}};
  if (study.name.find('/') != std::string::npos || study.name.starts_with("."))
    throw name->error("a study's name is also its folder's",
                      "use a name without '/' that does not begin with '.'");
  const auto folder = fs::path(path).parent_path().string();
  auto curve_keys = key_names("");
  std::erase_if(curve_keys, is_of_study);

  std::vector<Setting> settings;  // of each curve, the study's merged in
  std::vector<std::string> names;
  if (const auto* curves = root.find("curves")) {
    if (curves->kind != Setting::Kind::list)
      throw curves->error("a list of maps is expected here", "write '- name: ...' for each curve");
    if (curves->items.empty())
      throw curves->error("the list of curves is empty", "list one curve, or leave the key out");
    for (const auto& entry : curves->items) {
      names.push_back(curve_name(entry, curve_keys, names));
      settings.push_back(merged(root, entry));
    }
    study.warnings = replaced_by_all(root, *curves);
  } else {
    names.push_back(study.name);
    settings.push_back(merged(root, {}));
  }

  const auto *axes = root.find("axes"), *reach = root.find("reach");
  if (axes || reach) {
    // A swept setting's own value does not count: the curve stands at the axes' first values.
    auto sweep = read_sweep(axes, reach, settings,
                            [&](const Setting& map) { return read_curve(map, folder); });
    study.axes = std::move(sweep.axes);
    study.reach = std::move(sweep.reach);
    if (axes)
      for (const auto& [swept, list] : axes->entries)
        warn_of_replaced(root, swept, "axis", study.warnings);
    if (reach) warn_of_replaced(root, study.reach->range.field->path, "'reach'", study.warnings);
    study.curves = std::move(sweep.curves);
  } else {
    for (const auto& setting : settings) study.curves.push_back(read_curve(setting, folder));
  }
  for (std::size_t c = 0; c < names.size(); ++c) study.curves[c].name = names[c];
  return study;
}

std::vector<std::string> study_warnings(const Study& study) {
  auto warnings = study.warnings;
  for (const auto& curve : study.curves) {
    for (const auto& entry : curve.background)
      if (entry.table && (entry.table->energy.front() > curve.threshold ||
                          entry.table->energy.back() < curve.upper))
        warnings.push_back(
            fmt::format("curve '{}': {} covers {} to {}; outside it the background is zero",
                        curve.name, entry.table->file, energy_text(entry.table->energy.front()),
                        energy_text(entry.table->energy.back())));
    double neutrino_end = 0, lightest = std::numeric_limits<double>::infinity();
    for (const auto& component : curve.flux.components)
      for (const double energy : flux_ends(component, curve.flux.b8_spectrum))
        neutrino_end = std::max(neutrino_end, energy);
    for (const auto& isotope : load_target(curve.target).isotopes)
      lightest = std::min(lightest, isotope.nuclear_mass());
    const bool electrons = process_facts(curve.channel).electron_recoils;
    const double end =
        maximum_recoil(neutrino_end, electrons ? constants::electron_mass : lightest);
    for (const auto& [what, energy] :
         {std::pair{"threshold", curve.threshold}, std::pair{"upper end", curve.upper}})
      if (energy > end && curve.resolution.perfect())
        warnings.push_back(fmt::format(
            "curve '{}': the {}, {}, lies above the end of the spectrum, {:.4g} keV: bins there "
            "hold no signal",
            curve.name, what, energy_text(energy), end / constants::keV));
  }
  return warnings;
}

}  // namespace magnu
