#include "magnu/io/study/quantity.hpp"

#include <fmt/format.h>

#include <cmath>
#include <sstream>
#include <vector>

#include "magnu/core/csv.hpp"
#include "magnu/core/error.hpp"
#include "magnu/physics/constants.hpp"
#include "magnu/physics/units.hpp"

namespace magnu {
namespace {

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

ScaledQuantity read_scaled_quantity(const Setting& setting, Dimension dimension) {
  std::istringstream words(text_of(setting, dimension));
  double value = 1;
  Unit unit;
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
    } else if (const auto found = read_unit(word);
               found && word.find_first_of("/0123456789") == word.npos) {
      if (!any_number) throw setting.error("a unit before its number", remedy_for(dimension));
      value *= found->factor;
      unit.energy += found->energy;
      unit.mass += found->mass;
      unit.time += found->time;
      unit.moment += found->moment;
      if (found->scale != RecoilScale::any) unit.scale = found->scale;
      any_unit = true;
    } else if (word == "x" || word == "*") {
      joined = true;
    } else {
      // "0.3keV" and "3 kEv" alike: say which part was not understood.
      throw setting.error("'" + quotable(word, 40) + "' is neither a number nor a known unit",
                          remedy_for(dimension));
    }
  }
  if (!std::isfinite(value)) throw setting.error("not a finite number", remedy_for(dimension));
  if (!any_number) throw setting.error("not a number", remedy_for(dimension));
  const bool right = dimension == Dimension::energy     ? unit.is(1, 0, 0, 0)
                     : dimension == Dimension::exposure ? unit.is(0, 1, 1, 0)
                     : dimension == Dimension::moment   ? unit.is(0, 0, 0, 1)
                                                        : !any_unit;
  if (!right)
    throw setting.error(any_unit ? "the wrong unit" : "the unit is missing", remedy_for(dimension));
  return {value, unit.scale};
}

double read_quantity(const Setting& setting, Dimension dimension, RecoilScale scale) {
  const auto [value, seen] = read_scaled_quantity(setting, dimension);
  if (scale != RecoilScale::any && seen != RecoilScale::any && seen != scale)
    throw setting.error(scale == RecoilScale::nuclear
                            ? "an energy seen as an electron's (ee), on nuclear recoils"
                            : "an energy seen as a nucleus's (nr), on electron recoils",
                        "give the recoil energy, in keV");
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

namespace {

/// The number of at most `digits` digits that a unit's factor turns into this very double; zero for
/// none.
double number_of(double mev, double factor, int digits) {
  for (int d = 12; d <= digits; ++d) {
    double value = 0;
    parse_number(fmt::format("{:.{}g}", mev / factor, d), value);
    if (value * factor == mev) return value;
  }
  return 0;
}

}  // namespace

double energy_in_keV(double mev) {
  // 0.03, not 0.029999999999999995, where it was 30 eV or the edge of a bin.
  if (double value = 0; parse_number(fmt::format("{:.12g}", mev / constants::keV), value) &&
                        std::abs(value * constants::keV - mev) <= 4e-16 * std::abs(mev))
    return value;
  const double exact = number_of(mev, constants::keV, 17);
  return exact != 0 ? exact : mev / constants::keV;
}

std::string energy_text(double mev) {
  if (mev == 0) return "0 keV";
  if (const double kev = number_of(mev, constants::keV, 15); kev != 0)
    return fmt::format("{} keV", kev);
  if (const double ev = number_of(mev, constants::eV, 15); ev != 0) return fmt::format("{} eV", ev);
  if (const double kev = number_of(mev, constants::keV, 17); kev != 0)
    return fmt::format("{} keV", kev);
  return fmt::format("{} MeV", mev);
}

std::string exposure_text(double tonne_year) {
  return fmt::format("{} tonne year", tonne_year);
}

std::string counted(std::size_t count, const std::string& what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace magnu
