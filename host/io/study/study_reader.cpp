#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "magnu/core/error.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/io/study/axis_reader.hpp"
#include "magnu/io/study/curve_reader.hpp"
#include "magnu/io/study/inference_reader.hpp"
#include "magnu/io/study/joint_reader.hpp"
#include "magnu/io/study/keys.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/physics/kinematics.hpp"
#include "magnu/scan/processes.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string read_curve_name(const Setting& setting) {
  const auto& name = read_text(setting, "give it a name");
  if (!is_utf8(name)) throw setting.error("a name must be UTF-8 text", "save the file as UTF-8");
  if (holds_control(name))
    throw setting.error("a name cannot hold control characters", "use plain text");
  return name;
}

namespace {

/// Keys that belong to a study alone, not to its curves.
bool is_of_study(const std::string& key) {
  return key == "curves" || key == "joint" || key == "axes" || key == "reach";
}

/// The study's own settings, replaced by a curve's.
Setting merged(const Setting& study, const Setting& curve) {
  Setting map;
  map.kind = study.kind;
  map.where = curve.where;
  for (const auto& entry : study.entries)
    if (entry.first != "name" && !is_of_study(entry.first)) map.entries.push_back(entry);
  for (const auto& [key, value] : curve.entries) {
    if (auto* old = map.find(key)) {
      *old = value;
    } else {
      map.entries.emplace_back(key, value);
    }
  }
  return map;
}

/// The name of an entry of the list of curves, checked.
std::string curve_name(const Setting& entry, const std::vector<std::string>& known,
                       const std::vector<std::string>& others) {
  if (entry.kind != Setting::Kind::map)
    throw entry.error("a map is expected here", "write '- name: ...' and the curve's keys");
  check_keys(entry, known);
  const auto* name = entry.find("name");
  if (!name) throw entry.error("the curve has no name", "give each curve a 'name'");
  const auto text = read_curve_name(*name);
  if (std::find(others.begin(), others.end(), text) != others.end())
    throw name->error("two curves of one name", "give each curve a name of its own");
  return text;
}

/// Warnings of settings of the study that every curve replaces.
std::vector<std::string> replaced_by_all(const Setting& root, const Setting& curves) {
  std::vector<std::string> warnings;
  for (const auto& entry : root.entries) {
    const auto& key = entry.first;
    if (key == "name" || is_of_study(key)) continue;
    if (root.find("joint") && (key == "interval" || key == "confidence_level")) continue;
    if (std::all_of(curves.items.begin(), curves.items.end(),
                    [&](const auto& curve) { return curve.find(key); }))
      warnings.push_back(entry.second
                             .error("every curve gives its own: this has no effect",
                                    "remove it, or set curves.NAME." + key)
                             .what());
  }
  return warnings;
}

/// Reads a value that another replaces, as the only one of a study: what has no effect must be well
/// formed all the same, for one channel at least.
void check_form(const std::string& key, const Setting& value, const std::string& folder) {
  Setting alone = value;
  alone.kind = Setting::Kind::map;
  alone.entries = {{key, value}};
  // Nor need it agree with what it does not stand beside.
  if (key == "threshold" || key == "upper") {
    Setting other = value;
    other.kind = Setting::Kind::scalar;
    other.scalar = key == "upper" ? "1 eV" : "1e9 MeV";
    alone.entries.emplace_back(key == "upper" ? "threshold" : "upper", other);
  }
  std::optional<InputError> problem;
  for (const auto& channel : process_names()) {
    auto study = alone;
    if (key != "channel") {
      Setting name = value;
      name.kind = Setting::Kind::scalar;
      name.scalar = channel;
      study.entries.emplace_back("channel", name);
    }
    try {
      read_curve(study, folder);
      return;
    } catch (const InputError& error) {
      if (!problem) problem = error;
    }
  }
  throw *problem;
}

/// The same of all values that every curve, an axis or `reach` replaces.
void check_replaced(const Setting& root, const Study& study, const std::string& folder) {
  std::set<std::string> swept;
  const auto key_of = [](const Axis& axis) {
    return axis.field->path.substr(0, axis.field->path.find('.'));
  };
  for (const auto& axis : study.axes) swept.insert(key_of(axis));
  if (study.reach) swept.insert(key_of(study.reach->range));
  const auto* curves = root.find("curves");
  const auto in_all = [&](const std::string& key) {
    return curves && std::all_of(curves->items.begin(), curves->items.end(),
                                 [&](const auto& curve) { return curve.find(key); });
  };
  const auto check_in = [&](const Setting& map, bool of_study) {
    for (const auto& entry : map.entries)
      if (entry.first != "name" && !is_of_study(entry.first) &&
          (swept.contains(entry.first) || (of_study && in_all(entry.first))))
        check_form(entry.first, entry.second, folder);
  };
  check_in(root, true);
  if (curves)
    for (const auto& curve : curves->items) check_in(curve, false);
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

/// How tables were read whose header is not magnu's own.
void note_tables(Study& study) {
  std::set<std::string> said;
  const auto see = [&](const std::vector<Background>& list) {
    for (const auto& entry : list)
      if (entry.table && !entry.table->reading.empty() &&
          said.insert(entry.table->file + entry.table->reading).second)
        study.notes.push_back(quotable(entry.table->file, 200) + ": " + entry.table->reading);
  };
  for (const auto& curve : study.curves) see(curve.background);
  for (const auto& axis : study.axes)
    for (const auto& curve : axis.chosen) see(curve.background);
}

/// Tables that end inside the bins of a curve, wherever its axes take them: beyond, no background
/// is counted, and limits are better than they should be.
void warn_of_short_tables(Study& study) {
  for (const auto& curve : study.curves) {
    double lower = curve.threshold, upper = curve.upper;
    auto background = curve.background;
    const auto see = [&](const Axis& axis) {
      for (std::size_t i = 0; i < axis.size(); ++i) {
        auto here = curve;
        axis.put(here, i);
        lower = std::min(lower, here.threshold);
        upper = std::max(upper, here.upper);
        if (here.background != curve.background)
          background.insert(background.end(), here.background.begin(), here.background.end());
      }
    };
    for (const auto& axis : study.axes)
      if (axis.field->path == "threshold" || axis.field->path == "upper" ||
          axis.field->path == "background")
        see(axis);
    if (study.reach && study.reach->range.field->path == "threshold") see(study.reach->range);
    std::set<std::string> said;
    for (const auto& entry : background)
      if (entry.table &&
          (entry.table->energy.front() > lower || entry.table->energy.back() < upper) &&
          said.insert(entry.table->file).second)
        study.warnings.push_back(fmt::format(
            "curve '{}': {} covers {} to {}, its bins {} to {}: outside the table the "
            "background is zero",
            quotable(curve.name), quotable(entry.table->file, 200),
            energy_text(entry.table->energy.front()), energy_text(entry.table->energy.back()),
            energy_text(lower), energy_text(upper)));
  }
}

/// A critical value that a handful of toys exceed is hardly known.
void warn_of_few_toys(Study& study) {
  constexpr double enough = 10;
  for (const auto& curve : study.curves) {
    if (!curve.toys) continue;
    const double beyond = static_cast<double>(curve.toys->toys) * (1 - curve.confidence_level);
    if (beyond < enough * (1 - 1e-9))
      study.warnings.push_back(fmt::format(
          "curve '{}': {:.2g} of its toys lie beyond a critical value: give interval.toys {:.0f} "
          "or more to know its limits",
          quotable(curve.name), beyond, std::ceil(enough / (1 - curve.confidence_level) - 1e-6)));
  }
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
  Study study{read_curve_name(*name), {}};
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
    auto sweep = read_sweep(axes, reach, settings, folder);
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
  check_replaced(root, study, folder);
  for (std::size_t c = 0; c < names.size(); ++c) study.curves[c].name = names[c];
  check_inference(study, root, settings, folder);
  warn_of_short_tables(study);
  note_tables(study);
  read_joints(root, study);
  for (auto& note : uncertainty_notes(study)) study.notes.push_back(std::move(note));
  warn_of_few_toys(study);
  return study;
}

std::vector<std::string> study_warnings(const Study& study) {
  auto warnings = study.warnings;
  for (const auto& curve : study.curves) {
    if (curve.is_joint()) continue;
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
            quotable(curve.name), what, energy_text(energy), end / constants::keV));
  }
  return warnings;
}

}  // namespace magnu
