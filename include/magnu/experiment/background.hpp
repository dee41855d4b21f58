#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "magnu/physics/target.hpp"
#include "magnu/physics/units.hpp"

namespace magnu {

/// Which column of a file holds a quantity, and in which unit. Empty: to be told by the header.
struct TableColumn {
  std::string column;  ///< its name, or its place from 1
  std::string unit;

  bool operator==(const TableColumn&) const = default;
};

struct TableColumns {
  TableColumn energy, rate;

  bool operator==(const TableColumns&) const = default;
};

/// A rate that is linear between the rows of a file and zero outside.
struct BackgroundTable {
  std::string file;
  std::vector<double> energy;  ///< MeV, ascending
  std::vector<double> rate;    ///< 1/(t yr keV)
  TableColumns columns = {};   ///< as the study names them
  std::string energy_unit = "keV";
  RecoilScale scale = RecoilScale::any;
  std::string reading = {};  ///< how the columns were understood; empty for magnu's own header

  bool operator==(const BackgroundTable&) const = default;
};

/// One entry of a background list. Entries add up.
struct Background {
  enum class Kind { fraction, flat, xe136_2nbb, table, named };

  Kind kind = Kind::flat;
  double value = 0;  ///< fraction of the signal, rate [1/(t yr keV)] or factor on the computed rate
  std::string name;  ///< of data/backgrounds.csv
  std::vector<Background> parts;                 ///< of a named one
  std::shared_ptr<const BackgroundTable> table;  ///< of kind `table`
  /// Relative standard deviation of its size as a study gives it: 0 for none, infinite for free.
  std::optional<double> uncertainty = {};

  /// The same, or where a study says nothing that of a named one.
  double relative_uncertainty() const;

  /// As it goes into limits.csv: "fraction 0.25", "xenon1t".
  std::string label() const;

  /// Of tables the contents.
  bool operator==(const Background& other) const;
};

/// A background of data/backgrounds.csv; InputError for an unknown name.
Background named_background(const std::string& name);
std::vector<std::string> background_names();

/// Reads a table: of columns energy_keV,rate_per_tonne_year_keV, or of any whose names and units
/// say what they are, or that `columns` name; separated by commas, tabs, semicolons or blanks.
/// InputError for what remains open, fewer than two rows, energies that do not ascend, NaN and
/// negative rates. `written`: the path as the study writes it, for the message.
Background table_background(const std::string& path, const TableColumns& columns = {},
                            const std::string& written = "");

/// Sum of the fractions in a list.
double background_fraction(const std::vector<Background>& list);

/// Sum of all other backgrounds: rate [1/(t yr keV)] at an energy [MeV].
double background_rate(const std::vector<Background>& list, const Target& target, double energy);

/// The same integrated over [lower, upper] MeV, exactly: events per tonne and year.
double background_events(const std::vector<Background>& list, const Target& target, double lower,
                         double upper);

/// Whether an entry, or a part of it, is the double beta decay of 136Xe.
bool has_double_beta(const Background& background);

}  // namespace magnu
