#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "magnu/core/csv.hpp"

namespace magnu {

/// The tables of data/, compiled in: (file name, text), sorted by name.
const std::vector<std::pair<std::string, std::string_view>>& data_files();

bool has_data_table(const std::string& file_name);

/// A compiled-in table.
const CsvTable& data_table(const std::string& file_name);

/// Names N of the files `prefix`N.csv.
std::vector<std::string> data_names(const std::string& prefix);

}  // namespace magnu
