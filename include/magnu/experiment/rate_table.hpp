#pragma once

#include <string>
#include <string_view>

#include "magnu/experiment/background.hpp"

namespace magnu {

/// Reads two columns of numbers from a text as the field writes them: separated by commas, tabs,
/// semicolons or blanks, with or without a header, which may be a comment. `file` names it in
/// messages. Energies go to MeV and rates to 1/(t yr keV). InputError that quotes the first line
/// where it is open which columns and units these are.
BackgroundTable read_rate_table(const std::string& file, std::string_view text,
                                const TableColumns& columns, std::vector<int>& lines);

}  // namespace magnu
