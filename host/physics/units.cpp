#include "magnu/physics/units.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

#include "magnu/physics/constants.hpp"

namespace magnu {
namespace {

struct Word {
  std::string_view name;
  Unit unit;
};

constexpr double day = 86400 / constants::year;  // years

constexpr Unit energy_in(double factor) {
  return {factor, 1, 0, 0, 0};
}
constexpr Unit mass_in(double factor) {
  return {factor, 0, 1, 0, 0};
}
constexpr Unit time_in(double factor) {
  return {factor, 0, 0, 1, 0};
}
constexpr Unit moment{1, 0, 0, 0, 1};
constexpr Unit one{};

constexpr Word words[] = {
    {"eV", energy_in(constants::eV)},
    {"keV", energy_in(constants::keV)},
    {"MeV", energy_in(1)},
    {"GeV", energy_in(1e3)},
    {"kg", mass_in(1e-3)},
    {"t", mass_in(1)},
    {"ton", mass_in(1)},
    {"tons", mass_in(1)},
    {"tonne", mass_in(1)},
    {"tonnes", mass_in(1)},
    {"d", time_in(day)},
    {"day", time_in(day)},
    {"days", time_in(day)},
    {"y", time_in(1)},
    {"yr", time_in(1)},
    {"yrs", time_in(1)},
    {"year", time_in(1)},
    {"years", time_in(1)},
    {"mu_B", moment},
    {"muB", moment},
    {"\u03bc_B", moment},  // Greek mu, and the micro sign
    {"\u00b5_B", moment},
    {"\u03bcB", moment},
    {"\u00b5B", moment},
    // What is counted has no unit.
    {"event", one},
    {"events", one},
    {"evt", one},
    {"evts", one},
    {"count", one},
    {"counts", one},
    {"cts", one},
    // Of low-background counting: 1/(kg d keV).
    {"dru", {1 / (1e-3 * day * constants::keV), -1, -1, -1, 0}},
    {"DRU", {1 / (1e-3 * day * constants::keV), -1, -1, -1, 0}},
};

std::optional<Unit> find_word(std::string_view name) {
  for (const auto& word : words)
    if (word.name == name) return word.unit;
  for (const auto& [suffix, scale] : {std::pair{std::string_view("ee"), RecoilScale::electron},
                                      std::pair{std::string_view("nr"), RecoilScale::nuclear}}) {
    if (!name.ends_with(suffix)) continue;
    auto stem = name.substr(0, name.size() - 2);
    if (stem.ends_with('_')) stem.remove_suffix(1);
    for (const auto& word : words)
      if (word.name == stem && word.unit.is(1, 0, 0, 0)) {
        auto unit = word.unit;
        unit.scale = scale;
        return unit;
      }
  }
  return {};
}

struct Sign {
  std::string_view written, plain;
};

// What typesetting makes of signs: dashes, TeX's dollars. A raised dot stands between words like a
// blank, and binds as one: papers write "1/t·yr".
constexpr Sign signs[] = {
    {"\u2212", "-"}, {"\u2010", "-"}, {"\u2011", "-"}, {"\u2013", "-"},
    {"\u00a0", " "}, {"\u2009", " "}, {"\u202f", " "}, {"\u00b7", " "},
    {"\u22c5", " "}, {"\u00d7", "*"}, {"$", ""},
};

// Raised signs, one after another, are a power: "10⁻³" is "10^-3".
constexpr Sign raised[] = {
    {"\u2070", "0"}, {"\u00b9", "1"}, {"\u00b2", "2"}, {"\u00b3", "3"},
    {"\u2074", "4"}, {"\u2075", "5"}, {"\u2076", "6"}, {"\u2077", "7"},
    {"\u2078", "8"}, {"\u2079", "9"}, {"\u207b", "-"},
};

std::string in_plain_signs(std::string_view text) {
  std::string plain;
  bool in_power = false;
  while (!text.empty()) {
    const auto written = [&](const Sign& s) { return text.starts_with(s.written); };
    const auto* up = std::find_if(std::begin(raised), std::end(raised), written);
    const auto* sign = std::find_if(std::begin(signs), std::end(signs), written);
    const bool power = up != std::end(raised);
    if (power && !in_power) plain += '^';
    in_power = power;
    if (power) {
      plain += up->plain;
      text.remove_prefix(up->written.size());
    } else if (sign != std::end(signs)) {
      plain += sign->plain;
      text.remove_prefix(sign->written.size());
    } else {
      plain += text.front();
      text.remove_prefix(1);
    }
  }
  return plain;
}

class UnitReader {
 public:
  explicit UnitReader(std::string_view text) : rest_(text) {}

  std::optional<Unit> read() {
    Unit unit;
    if (!product(unit) || !rest_.empty() || !(unit.factor > 0) || !std::isfinite(unit.factor))
      return {};
    return unit;
  }

 private:
  /// Takes a prefix off the rest, if it is there.
  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }

  static void multiply(Unit& unit, const Unit& by, int power) {
    unit.factor *= std::pow(by.factor, power);
    unit.energy += power * by.energy;
    unit.mass += power * by.mass;
    unit.time += power * by.time;
    unit.moment += power * by.moment;
    if (by.scale != RecoilScale::any) unit.scale = by.scale;
  }

  /// What stands before a factor.
  enum class Join { start, nothing, blank, hyphen, times, over };

  /// What is below the bar stays there up to a "*": "1/t yr keV" is 1/(t yr keV), and
  /// "1/t*keV" is keV/t.
  bool multiply(Unit& unit, const Unit& by, int power, Join join) {
    const bool number = by.is(0, 0, 0, 0) && by.factor != 1;
    if (join == Join::over) below_ = true;
    if (join == Join::times) below_ = false;
    // Of "1/(kg yr) 10^-3" nobody can say where the number belongs.
    if (number && below_ && join != Join::over) return false;
    multiply(unit, by, below_ ? -power : power);
    return true;
  }

  /// Factors up to the end or a closing bracket.
  bool product(Unit& unit) {
    const bool outer = std::exchange(below_, false);
    auto join = Join::start;
    const auto after_factor = [&] { return join == Join::nothing || join == Join::blank; };
    for (;;) {
      if (rest_.empty() || rest_.front() == ')') {
        below_ = outer;
        return after_factor();
      }
      if (take(" ") || take("\t")) {
        if (join == Join::nothing) join = Join::blank;
      } else if (take("/") || take("per ")) {
        if (!after_factor() && join != Join::start) return false;
        join = Join::over;
      } else if (take("*")) {
        if (!after_factor()) return false;
        join = Join::times;
      } else if (after_factor() && take("-")) {
        join = Join::hyphen;
      } else {
        Unit factor;
        if (!read_factor(factor, join)) return false;
        const int power = exponent();
        if (power == 0 || !multiply(unit, factor, power, join)) return false;
        join = Join::nothing;
      }
    }
  }

  /// A bracket, a number or a word.
  bool read_factor(Unit& factor, Join join) {
    if (take("(")) return ++depth_ <= 8 && product(factor) && take(")");
    if (number(factor.factor)) return join != Join::hyphen;  // "10 -3" is no product
    const auto length = std::min(rest_.find_first_of(" \t*/()^-"), rest_.size());
    const auto found = find_word(rest_.substr(0, length));
    if (!found) return false;
    factor = *found;
    rest_.remove_prefix(length);
    return true;
  }

  /// "1", "1e-3", and the 10 of "10^-3"; positive.
  bool number(double& value) {
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return false;
    const auto result = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    const auto after = rest_.substr(static_cast<std::size_t>(result.ptr - rest_.data()));
    // "2t" is no product.
    if (result.ec != std::errc() || (!after.empty() && after.find_first_of(" \t*/()^") != 0))
      return false;
    rest_ = after;
    return true;
  }

  /// "^-1", "**2", "-1"; 1 where there is none, 0 where it is none.
  int exponent() {
    const auto before = rest_;
    const bool caret = take("^") || take("**");
    const bool bracket = caret && (take("{") || take("("));
    const int sign = take("-") ? -1 : 1;
    int digits = 0;
    const auto result = std::from_chars(rest_.data(), rest_.data() + rest_.size(), digits);
    if (rest_.empty() || rest_.front() == '-' || result.ec != std::errc() || digits < 1 ||
        digits > 30) {
      rest_ = before;
      return caret ? 0 : 1;
    }
    const int value = sign * digits;
    rest_.remove_prefix(static_cast<std::size_t>(result.ptr - rest_.data()));
    if (bracket && !take("}") && !take(")")) return 0;
    return value;
  }

  std::string_view rest_;
  int depth_ = 0;
  bool below_ = false;  ///< the bar of a fraction
};

}  // namespace

std::optional<Unit> read_unit(std::string_view text) {
  return UnitReader(in_plain_signs(text)).read();
}

}  // namespace magnu
