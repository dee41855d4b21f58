#include "magnu/experiment/background.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "magnu/core/csv.hpp"
#include "magnu/core/data.hpp"
#include "magnu/core/error.hpp"
#include "magnu/core/quadrature.hpp"
#include "magnu/experiment/rate_table.hpp"
#include "magnu/physics/constants.hpp"
#include "magnu/physics/double_beta.hpp"

namespace magnu {
namespace {

std::string shortest(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

double table_rate(const BackgroundTable& table, double energy) {
  const auto& e = table.energy;
  if (energy < e.front() || energy > e.back()) return 0;
  const std::size_t i = std::clamp<std::size_t>(
      std::upper_bound(e.begin(), e.end(), energy) - e.begin(), 1, e.size() - 1);
  const double slope = (table.rate[i] - table.rate[i - 1]) / (e[i] - e[i - 1]);
  return table.rate[i - 1] + slope * (energy - e[i - 1]);
}

/// Integral in 1/(t yr): a trapezium between neighbouring rows is exact.
double table_events(const BackgroundTable& table, double lower, double upper) {
  double sum = 0;
  for (std::size_t i = 1; i < table.energy.size(); ++i) {
    const double from = std::max(lower, table.energy[i - 1]);
    const double to = std::min(upper, table.energy[i]);
    if (from < to) sum += (to - from) / constants::keV * table_rate(table, 0.5 * (from + to));
  }
  return sum;
}

}  // namespace

bool Background::operator==(const Background& other) const {
  const bool same_table = table == other.table || (table && other.table && *table == *other.table);
  return same_table && kind == other.kind && value == other.value && name == other.name &&
         parts == other.parts && uncertainty == other.uncertainty;
}

double Background::relative_uncertainty() const {
  if (uncertainty) return *uncertainty;
  const auto& known = data_table("background_uncertainties.csv");
  for (std::size_t row = 0; row < known.rows(); ++row)
    if (!name.empty() && known.text(row, "background") == name)
      return known.number(row, "relative");
  return 0;
}

std::string Background::label() const {
  switch (kind) {
    case Kind::fraction:
      return "fraction " + shortest(value);
    case Kind::flat:
      return "flat " + shortest(value);
    case Kind::xe136_2nbb:
      return value == 1 ? "xe136_2nbb" : "xe136_2nbb x " + shortest(value);
    case Kind::table:
      return "table " + std::filesystem::path(table->file).filename().string();
    case Kind::named:
      break;
  }
  return name;
}

Background named_background(const std::string& name) {
  if (name == "xe136_2nbb") return {Background::Kind::xe136_2nbb, 1, name, {}, {}};
  Background background{Background::Kind::named, 1, name, {}, {}};
  const auto& table = data_table("backgrounds.csv");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, "background") != name) continue;
    const auto& kind = table.text(row, "kind");
    if (kind != "flat" && kind != "xe136_2nbb")
      throw InputError({table.file(), table.line(row), "kind", kind}, "unknown kind",
                       "known: flat, xe136_2nbb");
    background.parts.push_back(
        {kind == "flat" ? Background::Kind::flat : Background::Kind::xe136_2nbb,
         table.number(row, "rate"),
         "",
         {},
         {}});
  }
  if (background.parts.empty()) {
    std::string known;
    for (const auto& n : background_names()) known += (known.empty() ? "" : ", ") + n;
    throw InputError({"", 0, "background", name}, "unknown name",
                     "known: " + known + ", {fraction: F}, {flat: RATE}, {table: FILE}");
  }
  return background;
}

std::vector<std::string> background_names() {
  const auto& table = data_table("backgrounds.csv");
  std::vector<std::string> names;
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (std::find(names.begin(), names.end(), table.text(row, "background")) == names.end())
      names.push_back(table.text(row, "background"));
  names.push_back("xe136_2nbb");
  return names;
}

Background table_background(const std::string& path, const TableColumns& columns,
                            const std::string& written) {
  const auto text = read_file(path);
  auto read = read_rate_table(path, text, columns, written.empty() ? path : written);
  const auto& table = read.table;
  if (table.energy.size() < 2)
    throw InputError({path, 0, read.energy_column, ""},
                     "a background table needs two rows at least",
                     "give the rate at the energies between which it is linear");
  const auto energy_at = [&](std::size_t row) {
    char shown[32];  // without what the unit's factor leaves in the last digits
    std::snprintf(shown, sizeof shown, "%.12g keV", table.energy[row] / constants::keV);
    return std::string(shown);
  };
  for (std::size_t row = 0; row < table.energy.size(); ++row) {
    const auto refuse = [&](const std::string& key, const std::string& value, const char* what,
                            const char* how) {
      throw InputError({path, read.lines[row], key, value}, what, how);
    };
    if (row > 0 && table.energy[row] <= table.energy[row - 1])
      refuse(read.energy_column, energy_at(row), "energies must ascend",
             "sort the rows and remove doubles");
    if (table.energy[row] < 0)
      refuse(read.energy_column, energy_at(row), "an energy cannot be negative",
             "give an energy of zero or more");
    const auto rate = shortest(table.rate[row]);
    if (table.rate[row] < 0)
      refuse(read.rate_column, rate, "a rate cannot be negative", "give a rate of zero or more");
    if (table.rate[row] > 1e15)
      refuse(read.rate_column, rate, "out of range",
             "give a rate of 1e15 per tonne, year and keV at most");
  }
  return {Background::Kind::table,
          1,
          "",
          {},
          std::make_shared<const BackgroundTable>(std::move(read.table))};
}

double background_fraction(const std::vector<Background>& list) {
  double sum = 0;
  for (const auto& entry : list)
    if (entry.kind == Background::Kind::fraction) sum += entry.value;
  return sum;
}

double background_rate(const std::vector<Background>& list, const Target& target, double energy) {
  double sum = 0;
  for (const auto& entry : list) switch (entry.kind) {
      case Background::Kind::fraction:
        break;
      case Background::Kind::flat:
        sum += entry.value;
        break;
      case Background::Kind::xe136_2nbb:
        sum += entry.value * xe136_double_beta_rate(target, energy);
        break;
      case Background::Kind::table:
        sum += table_rate(*entry.table, energy);
        break;
      case Background::Kind::named:
        sum += background_rate(entry.parts, target, energy);
        break;
    }
  return sum;
}

double background_events(const std::vector<Background>& list, const Target& target, double lower,
                         double upper) {
  double sum = 0;
  for (const auto& entry : list) {
    if (entry.kind == Background::Kind::table) {
      sum += table_events(*entry.table, lower, upper);
    } else if (entry.kind == Background::Kind::named) {
      sum += background_events(entry.parts, target, lower, upper);
    } else if (entry.kind == Background::Kind::flat) {
      sum += entry.value * (upper - lower) / constants::keV;
    } else if (entry.kind == Background::Kind::xe136_2nbb && lower < xe136_end_energy) {
      // A polynomial of degree 10 up to its end: six nodes are exact.
      sum += entry.value / constants::keV *
             integrate([&](double e) { return xe136_double_beta_rate(target, e); }, lower,
                       std::min(upper, xe136_end_energy), 6);
    }
  }
  return sum;
}

bool has_double_beta(const Background& background) {
  return background.kind == Background::Kind::xe136_2nbb ||
         std::any_of(background.parts.begin(), background.parts.end(), has_double_beta);
}

}  // namespace magnu
