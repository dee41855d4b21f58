#include "magnu/io/study/inference_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "magnu/core/csv.hpp"
#include "magnu/io/study/keys.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/scan/detector_likelihood.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

constexpr double infinity = std::numeric_limits<double>::infinity();

void check_map(const Setting& setting, const std::string& key) {
  const auto known = fmt::format("{}", fmt::join(key_names(key), ", "));
  if (setting.kind != Setting::Kind::map)
    throw setting.error("a map is expected here", "its keys: " + known);
  check_keys(setting, key_names(key));
}

/// A standard deviation in the parameter's own unit.
double read_sigma(const Setting& setting) {
  if (setting.kind == Setting::Kind::scalar && setting.scalar == "none") return 0;
  if (setting.kind == Setting::Kind::scalar && setting.scalar.ends_with("%"))
    throw setting.error("a per cent where a standard deviation is expected",
                        "give it in the parameter's unit, for example 0.018");
  const double sigma = read_number(setting);
  if (sigma < 0) throw setting.error("cannot be negative", "give a standard deviation, or none");
  return sigma;
}

double read_count(const Setting& item) {
  const double count = read_number(item);
  if (!(count >= 0) || count != std::floor(count) || count > 1e15)
    throw item.error("not a number of events", "give whole numbers from 0 to 1e15");
  return count;
}

CsvTable counts_table(const Setting& setting, const std::string& folder) {
  if (setting.entries.size() != 1 || setting.entries.front().first != "table")
    throw setting.error("a list or a table is expected here", "write [3, 0, 1] or {table: FILE}");
  const auto& table = setting.entries.front().second;
  const fs::path path = read_text(table, "name a file");
  const auto full = (path.is_absolute() ? path : fs::path(folder) / path).lexically_normal();
  return CsvTable(full.string(), read_file(full.string()));
}

/// The edges that a table of counts gives must be those of the bins.
void check_edges(const Setting& setting, const Curve& curve, const std::string& folder) {
  const auto table = counts_table(setting, folder);
  for (std::size_t row = 0; row < table.rows(); ++row)
    for (const auto& [column, edge] :
         {std::pair{"low_keV", curve.lower_edge(static_cast<int>(row))},
          std::pair{"high_keV", curve.lower_edge(static_cast<int>(row) + 1)}}) {
      const double kev = edge / constants::keV;
      if (std::abs(table.number(row, column) - kev) > 1e-6 * kev)
        throw InputError({table.file(), table.line(row), column, table.text(row, column)},
                         fmt::format("the bin's edge is {:.7g} keV", kev),
                         "make threshold, upper and bins those of the table");
    }
}

/// A key of a likelihood, or what of a Gaussian statistic it would leave without effect.
void refuse_beside(const Setting& map, const std::vector<std::string>& keys, const char* what,
                   const char* remedy) {
  for (const auto& key : keys)
    if (const auto* setting = map.find(key)) throw setting->error(what, remedy);
}

void check_shifts(const Study& study, const Curve& curve, const Setting& map) {
  const auto* setting = map.find("uncertainties");
  if (!setting) return;
  for (const auto& shift : shifts_of(curve)) {
    std::vector<double> places{shift.field->member.get(curve)};
    for (const auto& axis : study.axes)
      if (axis.field == shift.field) places = axis.values;
    for (const double place : places)
      if (!(place - shift.sigma > 0) || !(place + shift.sigma < 1))
        throw setting->find(shift.name)
            ->error(fmt::format("a standard deviation from {} leaves the range from 0 to 1", place),
                    "give a smaller one: shapes are taken to be linear in it");
  }
}

void check_counts(const Study& study, const Curve& curve, const Setting& map,
                  const std::string& folder) {
  const auto* setting = map.find("counts");
  if (!setting) return;
  for (const auto& axis : study.axes)
    for (const char* path : {"bins", "threshold", "upper"})
      if (axis.field->path == path)
        throw setting->error(fmt::format("counts with an axis '{}', which changes the bins", path),
                             "leave one of the two out");
  if (curve.counts.size() != static_cast<std::size_t>(curve.bins))
    throw setting->error(fmt::format("{} counts for {} bins", curve.counts.size(), curve.bins),
                         fmt::format("give one for each bin, or bins: {}", curve.counts.size()));
  if (setting->kind == Setting::Kind::map) check_edges(*setting, curve, folder);
}

std::string size_text(double relative) {
  return std::isinf(relative) ? "free" : fmt::format("{:.3g} %", 100 * relative);
}

}  // namespace

double read_relative_uncertainty(const Setting& setting, bool may_be_free) {
  const char* remedy =
      may_be_free ? "write for example 5 %, none or free" : "write for example 2 %, or none";
  const auto& text = read_text(setting, remedy);
  if (text == "none") return 0;
  if (text == "free" && may_be_free) return infinity;
  double value = 0;
  const auto number = text.ends_with("%") ? text.substr(0, text.find_last_not_of(" %") + 1) : "";
  if (!parse_number(number, value) || !std::isfinite(value))
    throw setting.error("not a relative uncertainty", remedy);
  if (value < 0) throw setting.error("an uncertainty cannot be negative", remedy);
  if (value > 1e6) throw setting.error("out of range", "give 1000000 % at most, or free");
  return value / 100;
}

Uncertainties read_uncertainties(const Setting& setting) {
  check_map(setting, "uncertainties");
  Uncertainties u;
  if (const auto* flux = setting.find("flux")) {
    if (flux->kind == Setting::Kind::map) {
      u.flux = Uncertainties::Flux::given;
      check_keys(*flux, solar_components());
      for (const auto& [component, value] : flux->entries)
        u.given.emplace_back(component, read_relative_uncertainty(value, true));
    } else {
      const char* remedy = "write solar_model, none, or for example {b8: 4 %, pp: 1 %}";
      const auto& text = read_text(*flux, remedy);
      if (text != "solar_model" && text != "none") throw flux->error("unknown", remedy);
      u.flux = text == "none" ? Uncertainties::Flux::none : Uncertainties::Flux::solar_model;
    }
  }
  for (const auto& [key, sigma] :
       {std::pair{"sin2_theta12", &u.sin2_theta12}, std::pair{"sin2_theta13", &u.sin2_theta13},
        std::pair{"dm2_21", &u.dm2_21}, std::pair{"sin2_theta_w", &u.sin2_theta_w}})
    if (const auto* given = setting.find(key)) *sigma = read_sigma(*given);
  if (const auto* given = setting.find("exposure"))
    u.exposure = read_relative_uncertainty(*given, false);
  if (const auto* given = setting.find("efficiency"))
    u.efficiency = read_relative_uncertainty(*given, false);
  return u;
}

void read_interval(const Setting& setting, Curve& curve) {
  check_map(setting, "interval");
  curve.test = IntervalTest::two_sided;
  curve.toys.reset();
  curve.power_constraint = 0;
  curve.range = Range::physical;
  const char* tests = "known: two-sided, upper, cls, feldman-cousins";
  const auto* test = setting.find("test");
  if (test) {
    const auto& text = read_text(*test, tests);
    bool known = false;
    for (const auto one : {IntervalTest::two_sided, IntervalTest::upper, IntervalTest::cls,
                           IntervalTest::feldman_cousins})
      if (text == to_string(one)) {
        curve.test = one;
        known = true;
      }
    if (!known) throw test->error("unknown test", tests);
  }
  const bool exact = curve.test == IntervalTest::feldman_cousins;
  bool by_toys = exact;
  if (const auto* method = setting.find("method")) {
    const auto& text = read_text(*method, "known: asymptotic, toys");
    if (text != "asymptotic" && text != "toys")
      throw method->error("unknown method", "known: asymptotic, toys");
    by_toys = text == "toys";
    if (exact && !by_toys)
      throw method->error("test: feldman-cousins has no asymptotic critical values",
                          "set method: toys, or test: two-sided");
  }
  if (const auto* given = setting.find("power_constraint");
      given && !(given->kind == Setting::Kind::scalar && given->scalar == "none")) {
    curve.power_constraint = read_number(*given);
    if (!(curve.power_constraint > 0 && curve.power_constraint <= 0.5))
      throw given->error("out of range",
                         "give a probability above 0 up to 0.5, 0.16 for -1 standard deviation, or "
                         "none");
    if (curve.test == IntervalTest::cls)
      throw given->error("beside test: cls, which excludes nothing without sensitivity by itself",
                         "leave one of the two out");
  }
  if (const auto* given = setting.find("unbounded")) {
    const auto& text = read_text(*given, "write true or false");
    if (text != "true" && text != "false")
      throw given->error("neither true nor false", "write true or false");
    if (text == "true") curve.range = Range::unbounded;
    if (text == "true" && (by_toys || curve.test == IntervalTest::cls))
      throw given->error(
          by_toys ? "toys are fitted in the physical range" : "CLs is of the physical range",
          "set method: asymptotic and test: two-sided or upper, or leave it out");
  }
  for (const char* key : {"toys", "seed"})
    if (const auto* given = setting.find(key); given && !by_toys)
      throw given->error("without effect on method: asymptotic", "set method: toys");
  if (!by_toys) return;
  ToySettings toys;
  const auto whole = [](const Setting& item, double least, double most, const char* remedy) {
    const double value = read_number(item);
    if (!(value >= least) || value > most || value != std::floor(value))
      throw item.error("out of range", remedy);
    return value;
  };
  if (const auto* given = setting.find("toys"))
    toys.toys = static_cast<std::size_t>(whole(
        *given, 100, 4e9, "give a whole number from 100 on: 10000 know a limit to a per cent"));
  if (curve.power_constraint > 0 && curve.power_constraint * static_cast<double>(toys.toys) < 10)
    throw setting.find("power_constraint")
        ->error("fewer than ten of the toys are so far off",
                "give more toys, or a larger probability");
  if (const auto* given = setting.find("seed"))
    toys.seed = static_cast<std::uint64_t>(
        whole(*given, 0, 9007199254740991.0, "give a whole number from 0 to 2^53 - 1"));
  curve.toys = toys;
}

std::vector<double> read_counts(const Setting& setting, const std::string& folder) {
  std::vector<double> counts;
  if (setting.kind == Setting::Kind::list) {
    if (setting.items.empty())
      throw setting.error("an empty list", "give a number for each bin, or leave the key out");
    for (const auto& item : setting.items) counts.push_back(read_count(item));
    return counts;
  }
  const auto table = counts_table(setting, folder);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    Setting field;
    field.kind = Setting::Kind::scalar;
    field.scalar = table.text(row, "counts");
    field.where = {table.file(), table.line(row), "counts", field.scalar};
    counts.push_back(read_count(field));
  }
  return counts;
}

void check_level(const Study& study, const Curve& curve, const Setting& root, const Setting& map) {
  if (two_ended(curve.test)) return;
  const std::string wrong =
      fmt::format("a level of test: {}, whose statistic is 0 for half of all experiments",
                  to_string(curve.test));
  const char* remedy = "give a level above 0.5, or test: two-sided";
  bool swept = false;
  for (const auto& axis : study.axes)
    if (axis.field->path == "confidence_level") {
      swept = true;
      for (const double level : axis.values)
        if (!(level > 0.5)) throw root.find("axes")->find(axis.field->path)->error(wrong, remedy);
    }
  if (!swept && !(curve.confidence_level > 0.5))
    throw map.find("confidence_level")->error(wrong, remedy);
}

void check_inference(const Study& study, const Setting& root, const std::vector<Setting>& settings,
                     const std::string& folder) {
  const auto axis_error = [&](const std::string& path, const char* what, const char* remedy) {
    return root.find("axes")->find(path)->error(what, remedy);
  };
  for (std::size_t c = 0; c < study.curves.size(); ++c) {
    const auto& curve = study.curves[c];
    const auto& map = settings[c];
    for (const auto& axis : study.axes) {
      const bool swept = axis.field->path == "statistic";
      for (const auto& chosen : axis.chosen)
        if (swept && chosen.is_poisson())
          throw axis_error("statistic", "a likelihood cannot be a value among others",
                           "make it a curve, or a study");
      if (curve.is_poisson())
        for (const char* path : {"sigma_scale", "fraction_in"})
          if (axis.field->path == path)
            throw axis_error(path, "has no effect on statistic: poisson", "leave the axis out");
    }
    if (!curve.is_poisson()) {
      // What the study says of its likelihoods is for them.
      const bool for_others = std::any_of(study.curves.begin(), study.curves.end(),
                                          [](const auto& other) { return other.is_poisson(); });
      auto own = map;
      std::erase_if(own.entries, [&](const auto& entry) {
        return for_others && !entry.second.where.key.starts_with("curves");
      });
      refuse_beside(own, {"uncertainties", "interval", "counts"},
                    "belongs to a likelihood: the statistic is Gaussian and knows no such thing",
                    "set statistic: poisson, or leave it out");
      if (own.find("background") &&
          std::any_of(curve.background.begin(), curve.background.end(),
                      [](const auto& entry) { return entry.uncertainty.has_value(); }))
        throw own.find("background")
            ->error("an uncertainty with a Gaussian statistic, which knows none",
                    "set statistic: poisson, or leave the uncertainty out");
      continue;
    }
    refuse_beside(map, {"sigma_scale", "fraction_in"}, "has no effect on statistic: poisson",
                  "leave it out");
    if (study.reach && curve.toys)
      throw root.find("reach")->error(
          "is not solved with limits from toys",
          "set interval.method: asymptotic, or sweep the setting as an axis");
    check_level(study, curve, root, map);
    if (study.reach && !curve.counts.empty())
      throw map.find("counts")->error(
          "observed counts beside reach, which asks for another detector",
          "leave one of the two out");
    check_shifts(study, curve, map);
    check_counts(study, curve, map, folder);
  }
}

namespace {

/// Of a long list the beginning, and how many more there are: a line is to be read.
void shorten(std::vector<std::string>& list) {
  constexpr std::size_t most = 8;
  if (list.size() <= most + 1) return;
  const auto more = list.size() - most;
  list.resize(most);
  list.push_back(fmt::format("{} more", more));
}

}  // namespace

std::vector<std::string> uncertainty_notes(const Study& study) {
  std::vector<std::string> notes;
  for (const auto& curve : study.curves) {
    if (!curve.is_poisson()) continue;
    if (curve.is_joint()) {
      std::vector<std::string> names;
      for (const auto& detector : curve.together) names.push_back(quotable(detector.name));
      shorten(names);
      notes.push_back(
          fmt::format("joint '{}': {} fitted together; moment, fluxes, oscillation and "
                      "sin2_theta_w are shared, the rest is of each",
                      quotable(curve.name), fmt::join(names, " and ")));
      continue;
    }
    const auto& u = curve.uncertainties;
    std::vector<std::string> parts;
    if (u.flux == Uncertainties::Flux::solar_model) parts.push_back("fluxes as in the solar model");
    for (const auto& [component, relative] : u.given)
      if (relative > 0) parts.push_back(fmt::format("flux {} {}", component, size_text(relative)));
    for (const auto& entry : curve.background)
      if (const double relative = entry.relative_uncertainty(); relative > 0)
        parts.push_back(fmt::format("background {} {}", entry.label(), size_text(relative)));
    for (const auto& shift : shifts_of(curve))
      parts.push_back(fmt::format("{} {:.3g}", shift.name, shift.sigma));
    if (u.exposure > 0) parts.push_back("exposure " + size_text(u.exposure));
    if (u.efficiency > 0) parts.push_back("efficiency " + size_text(u.efficiency));
    shorten(parts);
    notes.push_back(
        fmt::format("curve '{}': uncertain are {}", quotable(curve.name),
                    parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "))));
  }
  return notes;
}

}  // namespace magnu
