#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "magnu/experiment/background.hpp"

namespace magnu {

/// A table as it was read, with what a complaint about a row needs.
struct RateTable {
  BackgroundTable table;
  std::vector<int> lines;                  ///< of the rows
  std::string energy_column, rate_column;  ///< as messages name them
};

/// Reads two columns of numbers from a text as the field writes them: separated by commas, tabs,
/// semicolons or blanks, with or without a header, which may be a comment. `file` is the path;
/// `written` is what the study calls it. Energies go to MeV and rates to 1/(t yr keV). InputError
/// that quotes the first line where it is open which columns and units these are, and one that
/// quotes the row that does not fit.
RateTable read_rate_table(const std::string& file, std::string_view text,
                          const TableColumns& columns, const std::string& written);

}  // namespace magnu
