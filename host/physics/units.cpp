#include "magnu/physics/units.hpp"

#include <cmath>
#include <string>

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
    {"1", one},
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

class UnitReader {
 public:
  explicit UnitReader(std::string_view text) : rest_(text) {}

  std::optional<Unit> read() {
    Unit unit;
    if (!product(unit) || !rest_.empty()) return {};
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

  /// Factors up to the end or a closing bracket.
  bool product(Unit& unit) {
    int sign = 1;
    bool any = false;
    for (;;) {
      if (rest_.empty() || rest_.front() == ')') return any;
      if (take("/")) {
        sign = -1;
        any = false;
      } else if (take("(")) {
        Unit inner;
        if (++depth_ > 8 || !product(inner) || !take(")")) return false;
        const int power = exponent();
        if (power == 0) return false;
        multiply(unit, inner, sign * power);
        any = true;
      } else if (take(" ") || take("\t") || take("*") || take("\u00b7") || take("\u22c5") ||
                 take("\u00d7") || (any && take("-"))) {
        continue;
      } else {
        std::size_t length = 0;
        while (length < rest_.size() &&
               std::string_view(" \t*/()^-").find(rest_[length]) == std::string_view::npos &&
               !rest_.substr(length).starts_with("\u00b7") &&
               !rest_.substr(length).starts_with("\u22c5") &&
               !rest_.substr(length).starts_with("\u00d7"))
          ++length;
        const auto found = find_word(rest_.substr(0, length));
        if (!found) return false;
        rest_.remove_prefix(length);
        const int power = exponent();
        if (power == 0) return false;
        multiply(unit, *found, sign * power);
        any = true;
      }
    }
  }

  /// "^-1", "^2", "-1"; 1 where there is none, 0 where it is none.
  int exponent() {
    const auto before = rest_;
    const bool caret = take("^");
    const bool bracket = caret && (take("{") || take("("));
    const int sign = take("-") ? -1 : 1;
    if (rest_.empty() || rest_.front() < '1' || rest_.front() > '3') {
      rest_ = before;
      return caret ? 0 : 1;
    }
    const int value = sign * (rest_.front() - '0');
    rest_.remove_prefix(1);
    if (bracket && !take("}") && !take(")")) return 0;
    return value;
  }

  std::string_view rest_;
  int depth_ = 0;
};

}  // namespace

std::optional<Unit> read_unit(std::string_view text) {
  return UnitReader(text).read();
}

}  // namespace magnu
