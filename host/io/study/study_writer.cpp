#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>

#include "magnu/core/data.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

std::string hash_text(const std::string& text) {
  const auto hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// A relative uncertainty as it is read.
std::string per_cent(double relative) {
  if (relative == 0) return "none";
  if (std::isinf(relative)) return "free";
  // As many digits as give the same double back.
  for (int digits = 6; digits < 18; ++digits) {
    const auto text = fmt::format("{:.{}g}", 100 * relative, digits);
    if (std::strtod(text.c_str(), nullptr) / 100 == relative) return text + " %";
  }
  return fmt::format("{:.17g} %", 100 * relative);
}

void emit_uncertainties(YAML::Emitter& out, const Uncertainties& u) {
  const auto put = [&](const char* key, const std::string& value) {
    out << YAML::Key << key << YAML::Value << value;
  };
  out << YAML::Key << "uncertainties" << YAML::Value << YAML::Flow << YAML::BeginMap;
  if (u.flux == Uncertainties::Flux::given) {
    out << YAML::Key << "flux" << YAML::Value << YAML::BeginMap;
    for (const auto& [component, relative] : u.given) put(component.c_str(), per_cent(relative));
    out << YAML::EndMap;
  } else {
    put("flux", u.flux == Uncertainties::Flux::none ? "none" : "solar_model");
  }
  for (const auto& [key, sigma] :
       {std::pair{"sin2_theta12", u.sin2_theta12}, std::pair{"sin2_theta13", u.sin2_theta13},
        std::pair{"dm2_21", u.dm2_21}, std::pair{"sin2_theta_w", u.sin2_theta_w}})
    if (sigma > 0) put(key, fmt::format("{}", sigma));
  if (u.exposure > 0) put("exposure", per_cent(u.exposure));
  if (u.efficiency > 0) put("efficiency", per_cent(u.efficiency));
  out << YAML::EndMap;
}

void emit_interval(YAML::Emitter& out, const Curve& c) {
  const auto put = [&](const char* key, const std::string& value) {
    out << YAML::Key << key << YAML::Value << value;
  };
  out << YAML::Key << "interval" << YAML::Value << YAML::Flow << YAML::BeginMap;
  put("test", to_string(c.test));
  put("method", c.toys ? "toys" : "asymptotic");
  if (c.toys) {
    put("toys", std::to_string(c.toys->toys));
    put("seed", std::to_string(c.toys->seed));
  }
  if (c.power_constraint > 0) put("power_constraint", fmt::format("{}", c.power_constraint));
  if (c.range == Range::unbounded) put("unbounded", "true");
  out << YAML::EndMap;
}

/// What a likelihood has beyond other statistics and its interval.
void emit_likelihood(YAML::Emitter& out, const Curve& c) {
  emit_uncertainties(out, c.uncertainties);
  emit_interval(out, c);
  if (c.counts.empty()) return;
  out << YAML::Key << "counts" << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (const double count : c.counts) out << fmt::format("{}", count);
  out << YAML::EndSeq;
}

void emit_joints(YAML::Emitter& out, const std::vector<Curve>& curves) {
  if (std::none_of(curves.begin(), curves.end(), [](const auto& c) { return c.is_joint(); }))
    return;
  out << YAML::Key << "joint" << YAML::Value << YAML::BeginSeq;
  for (const auto& c : curves) {
    if (!c.is_joint()) continue;
    out << YAML::BeginMap << YAML::Key << "name" << YAML::Value << c.name;
    out << YAML::Key << "of" << YAML::Value << YAML::Flow << YAML::BeginSeq;
    for (const auto& detector : c.together) out << detector.name;
    out << YAML::EndSeq;
    emit_interval(out, c);
    out << YAML::Key << "confidence_level" << YAML::Value << fmt::format("{}", c.confidence_level)
        << YAML::EndMap;
  }
  out << YAML::EndSeq;
}

using TableText = std::function<std::string(const BackgroundTable&)>;

void emit_background(YAML::Emitter& out, const std::vector<Background>& list,
                     const TableText& table_text) {
  out << YAML::Flow << YAML::BeginSeq;
  for (const auto& entry : list) {
    const auto uncertainty = [&] {
      if (entry.uncertainty)
        out << YAML::Key << "uncertainty" << YAML::Value << per_cent(*entry.uncertainty);
    };
    const auto pair = [&](const char* key, const std::string& value) {
      out << YAML::BeginMap << YAML::Key << key << YAML::Value << value;
      uncertainty();
      out << YAML::EndMap;
    };
    switch (entry.kind) {
      case Background::Kind::fraction:
        pair("fraction", fmt::format("{}", entry.value));
        break;
      case Background::Kind::flat:
        pair("flat", fmt::format("{}", entry.value));
        break;
      case Background::Kind::table:
        out << YAML::BeginMap << YAML::Key << "table" << YAML::Value << table_text(*entry.table);
        for (const auto& [key, column] : {std::pair{"energy", entry.table->columns.energy},
                                          std::pair{"rate", entry.table->columns.rate}})
          if (!column.column.empty())
            out << YAML::Key << key << YAML::Value << YAML::BeginMap << YAML::Key << "column"
                << YAML::Value << column.column << YAML::Key << "unit" << YAML::Value << column.unit
                << YAML::EndMap;
        uncertainty();
        out << YAML::EndMap;
        break;
      default:
        if (entry.uncertainty) {
          pair("name", entry.name);
        } else {
          out << entry.name;
        }
    }
  }
  out << YAML::EndSeq;
}

/// The values of an axis; lists of backgrounds with their tables as those of a curve.
std::string axis_text(const Axis& axis, const TableText& table_text) {
  if (axis.field->path != "background") return axis.text;
  YAML::Emitter out;
  out << YAML::Flow << YAML::BeginSeq;
  for (const auto& chosen : axis.chosen) emit_background(out, chosen.background, table_text);
  out << YAML::EndSeq;
  std::string text = out.c_str();
  std::replace(text.begin(), text.end(), '\n', ' ');  // long ones are broken into lines
  return text;
}

std::string emit(const Study& study, const TableText& table_text) {
  YAML::Emitter out;
  const auto put = [&](const char* key, const auto& value) {
    out << YAML::Key << key << YAML::Value << value;
  };
  const auto number = [](double value) { return fmt::format("{}", value); };
  out << YAML::BeginMap;
  put("name", study.name);
  out << YAML::Key << "curves" << YAML::Value << YAML::BeginSeq;
  for (const auto& c : study.curves) {
    if (c.is_joint()) continue;
    out << YAML::BeginMap;
    put("name", c.name);
    put("channel", c.channel);
    put("target", c.target);
    out << YAML::Key << "components" << YAML::Value << YAML::Flow << c.flux.components;
    put("solar_model", c.flux.solar_model);
    put("b8_spectrum", c.flux.b8_spectrum);
    out << YAML::Key << "oscillation" << YAML::Value << YAML::Flow << YAML::BeginMap;
    put("sin2_theta12", number(c.flux.oscillation.sin2_theta12));
    put("sin2_theta13", number(c.flux.oscillation.sin2_theta13));
    put("dm2_21", number(c.flux.oscillation.dm2_21));
    out << YAML::EndMap;
    put("sin2_theta_w", number(c.couplings.sin2_theta_w));
    put("electrons", c.couplings.stepping_electrons ? "stepping" : "free");
    put("exposure", exposure_text(c.exposure));
    put("threshold", energy_text(c.threshold));
    put("upper", energy_text(c.upper));
    put("bins", c.bins);
    if (!(c.resolution == Resolution{})) {  // lowest_energy counts where an axis sets a or b
      out << YAML::Key << "resolution" << YAML::Value << YAML::Flow << YAML::BeginMap;
      put("a", number(c.resolution.a));
      put("b", number(c.resolution.b));
      put("lowest_energy", energy_text(c.resolution.lowest_energy));
      out << YAML::EndMap;
    }
    out << YAML::Key << "background" << YAML::Value;
    emit_background(out, c.background, table_text);
    if (c.is_poisson()) {
      put("statistic", "poisson");
      emit_likelihood(out, c);
    } else {
      put("fraction_in", c.fraction_in == FractionIn::error ? "error" : "variance");
      put("statistic", c.statistic == Statistic::density ? "density" : "counts");
      put("sigma_scale", number(c.sigma_scale));
    }
    put("confidence_level", number(c.confidence_level));
    out << YAML::Key << "mu_eff" << YAML::Value << YAML::Flow << YAML::BeginMap;
    put("from", number(c.mu_eff.from));
    put("to", number(c.mu_eff.to));
    put("points", c.mu_eff.points);
    out << YAML::EndMap;
    put("accuracy", number(c.flux.accuracy));
    out << YAML::EndMap;
  }
  out << YAML::EndSeq;
  emit_joints(out, study.curves);
  out << YAML::EndMap;
  std::string text = std::string(out.c_str()) + "\n";
  if (!study.axes.empty()) text += "axes:\n";
  for (const auto& axis : study.axes)
    text += "  " + axis.field->path + ": " + axis_text(axis, table_text) + "\n";
  if (study.reach) text += "reach: " + study.reach->range.text + "\n";
  return text;
}

}  // namespace

std::string effective_yaml(const Study& study) {
  return emit(study, [](const auto& table) { return fs::absolute(table.file).string(); });
}

std::string first_difference(const std::string& there, const std::string& here) {
  std::istringstream a(there), b(here);
  std::string x, y;
  const auto next = [](std::istream& from, std::string& line) {
    if (!std::getline(from, line)) line = "nothing";
    line.erase(0, line.find_first_not_of(" -"));
    return static_cast<bool>(from);
  };
  for (bool more = true; more;) {
    more = next(a, x);
    more |= next(b, y);
    if (x != y) return fmt::format("'{}' there, '{}' here", x, y);
  }
  return "a table's contents differ";
}

std::string study_hash(const Study& study) {
  return hash_text(emit(study, [](const auto& table) {
    std::string text = fs::path(table.file).filename();
    for (std::size_t i = 0; i < table.energy.size(); ++i)
      text += fmt::format(" {}:{}", table.energy[i], table.rate[i]);
    return text;
  }));
}

std::string data_hash() {
  std::string all;
  for (const auto& [name, text] : data_files()) all += name + "\n" + std::string(text);
  return hash_text(all);
}

}  // namespace magnu
