#include "magnu/io/quantity.hpp"

#include <fmt/format.h>

#include <cmath>
#include <sstream>
#include <vector>

#include "magnu/core/csv.hpp"
#include "magnu/physics/constants.hpp"

namespace magnu {
namespace {

struct Unit {
  const char* name;
  double factor;
  int energy, mass, time, moment;  ///< exponents
};

// To MeV, tonne, year and mu_B.
constexpr Unit units[] = {
    {"eV", constants::eV, 1, 0, 0, 0},
    {"keV", constants::keV, 1, 0, 0, 0},
    {"MeV", 1, 1, 0, 0, 0},
    {"GeV", 1e3, 1, 0, 0, 0},
    {"kg", 1e-3, 0, 1, 0, 0},
    {"t", 1, 0, 1, 0, 0},
    {"tonne", 1, 0, 1, 0, 0},
    {"tonnes", 1, 0, 1, 0, 0},
    {"d", 1 / 365.25, 0, 0, 1, 0},
    {"day", 1 / 365.25, 0, 0, 1, 0},
    {"days", 1 / 365.25, 0, 0, 1, 0},
    {"yr", 1, 0, 0, 1, 0},
    {"year", 1, 0, 0, 1, 0},
    {"years", 1, 0, 0, 1, 0},
    {"mu_B", 1, 0, 0, 0, 1},
};

const Unit* find_unit(const std::string& name) {
  for (const auto& unit : units)
    if (name == unit.name) return &unit;
  return nullptr;
}

const char* remedy_for(Dimension dimension) {
  switch (dimension) {
    case Dimension::energy:
      return "write for example '0.3 keV' (eV, keV, MeV, GeV)";
    case Dimension::exposure:
      return "write for example '40 tonne year' (kg, tonne; day, year)";
    case Dimension::moment:
      return "write for example '1e-12 mu_B'";
    case Dimension::number:
      break;
  }
  return "write a finite number without unit";
}

const std::string& text_of(const Setting& setting, Dimension dimension) {
  if (setting.kind != Setting::Kind::scalar)
    throw setting.error("a single value is expected here", remedy_for(dimension));
  return setting.scalar;
}

}  // namespace

double read_quantity(const Setting& setting, Dimension dimension) {
  std::istringstream words(text_of(setting, dimension));
  double value = 1;
  int energy = 0, mass = 0, time = 0, moment = 0;
  bool any_number = false, any_unit = false, joined = true;
  for (std::string word; words >> word;) {
    if (double number = 0; parse_number(word, number)) {
      if (!std::isfinite(number)) throw setting.error("not a finite number", remedy_for(dimension));
      // "1 500" is no number; "200 tonne x 10 year" is a product.
      if (any_number && !joined)
        throw setting.error("two numbers without an 'x' between them", remedy_for(dimension));
      if (any_number && (number < 0 || value < 0))
        throw setting.error("a factor cannot be negative", remedy_for(dimension));
      value *= number;
      any_number = true;
      joined = false;
    } else if (const auto* unit = find_unit(word)) {
      value *= unit->factor;
      energy += unit->energy;
      mass += unit->mass;
      time += unit->time;
      moment += unit->moment;
      any_unit = true;
    } else if (word == "x" || word == "*") {
      joined = true;
    } else {
      // "0.3keV" and "3 kEv" alike: say which part was not understood.
      throw setting.error("'" + word + "' is neither a number nor a known unit",
                          remedy_for(dimension));
    }
  }
  if (!std::isfinite(value)) throw setting.error("not a finite number", remedy_for(dimension));
  if (!any_number) throw setting.error("not a number", remedy_for(dimension));
  const auto is = [&](int e, int m, int t, int mu) {
    return energy == e && mass == m && time == t && moment == mu;
  };
  const bool right = dimension == Dimension::energy     ? is(1, 0, 0, 0)
                     : dimension == Dimension::exposure ? is(0, 1, 1, 0)
                     : dimension == Dimension::moment   ? is(0, 0, 0, 1)
                                                        : !any_unit;
  if (!right)
    throw setting.error(any_unit ? "the wrong unit" : "the unit is missing", remedy_for(dimension));
  return value;
}

double read_number(const Setting& setting) {
  double value = 0;
  if (!parse_number(text_of(setting, Dimension::number), value) || !std::isfinite(value))
    throw setting.error("not a finite number", remedy_for(Dimension::number));
  return value;
}

const std::string& read_text(const Setting& setting, const std::string& remedy) {
  if (setting.kind != Setting::Kind::scalar || setting.scalar.empty())
    throw setting.error("a word is expected here", remedy);
  return setting.scalar;
}

long long read_integer(const Setting& setting) {
  const double value = read_number(setting);
  if (value != std::floor(value) || std::abs(value) > 1e15)
    throw setting.error("not a whole number", "write a whole number");
  return static_cast<long long>(value);
}

double energy_in_keV(double mev) {
  for (int digits = 15; digits <= 17; ++digits) {
    const auto text = fmt::format("{:.{}g}", mev / constants::keV, digits);
    if (double value = 0; parse_number(text, value) && value * constants::keV == mev) return value;
  }
  return mev / constants::keV;
}

std::string energy_text(double mev) {
  const double kev = energy_in_keV(mev);
  return kev * constants::keV == mev ? fmt::format("{} keV", kev) : fmt::format("{} MeV", mev);
}

std::string exposure_text(double tonne_year) {
  return fmt::format("{} tonne year", tonne_year);
}

}  // namespace magnu
