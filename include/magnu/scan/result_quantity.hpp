#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace magnu {

/// A named result of a detector, of one value or of several along a dimension of its own.
struct ResultQuantity {
  std::string name, unit;
  std::string meaning;
  std::vector<std::string> columns;  ///< of a table, a value each
  std::string dimension = {};        ///< of several values
  std::vector<double> places = {};   ///< along it

  std::size_t width() const { return columns.size(); }
};

/// Values of a detector in all.
std::size_t total_width(const std::vector<ResultQuantity>& quantities);

}  // namespace magnu
