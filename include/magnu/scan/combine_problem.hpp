#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "magnu/scan/combine.hpp"

namespace magnu {

/// Detectors: rows, in each of which they differ in amplitudes alone. Per tonne and year.
struct CombineProblem {
  std::vector<std::size_t> first_bin{0};  ///< [rows + 1]
  std::vector<double> signal, magnetic;   ///< [bins of all rows]; magnetic at 1 mu_B
  std::vector<double> width;              ///< likewise, keV; 1 for the density statistic
  std::vector<double> background;  ///< row by row [shapes][bins], those of no adjustable size
  int shapes = 1;
  std::vector<std::vector<Amplitude>> axes;
  std::vector<int> sets;  ///< [axes], AmplitudeField bits
  Amplitude base;
  AmplitudeReach reach;  ///< what is asked for instead of limits

  std::size_t rows() const { return first_bin.size() - 1; }
  std::size_t per_row() const {
    std::size_t product = 1;
    for (const auto& axis : axes) product *= axis.size();
    return product;
  }

  /// One more row: [bins] each, [shapes][bins] of background.
  void add_row(std::span<const double> row_signal, std::span<const double> row_magnetic,
               std::span<const double> row_width, std::span<const double> row_background);

  /// All rows several times over; `signal` is left to be filled.
  CombineProblem repeated(std::size_t times) const;
};

}  // namespace magnu
