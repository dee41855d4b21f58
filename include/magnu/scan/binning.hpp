#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "magnu/core/view.hpp"

namespace magnu {

/// A stretch of recoil rows that count in one bin.
struct RowRange {
  std::size_t first_row = 0, rows = 0, first_weight = 0;
};

/// Bins as weighted sums over recoil rows: a sparse matrix [bins][rows] in stretches of rows, those
/// of a bin in ascending order.
struct Binning {
  std::vector<std::size_t> first_range{0};  ///< [bins + 1]
  std::vector<RowRange> ranges;
  std::vector<double> weights;  ///< keV, or none where a bin is the spectrum at a place

  std::size_t bins() const { return first_range.size() - 1; }
  std::size_t bytes() const {
    return ranges.size() * sizeof(RowRange) + weights.size() * sizeof(double);
  }

  /// Adds to the last bin.
  void add(std::size_t first_row, const std::vector<double>& row_weights) {
    ranges.push_back({first_row, row_weights.size(), weights.size()});
    weights.insert(weights.end(), row_weights.begin(), row_weights.end());
  }
  void end_bin() { first_range.push_back(ranges.size()); }

  /// The bins of something with a value in each row.
  std::vector<double> sums(std::span<const double> values) const {
    std::vector<double> sums(bins());
    for (std::size_t b = 0; b < bins(); ++b)
      for (std::size_t r = first_range[b]; r < first_range[b + 1]; ++r)
        for (std::size_t i = 0; i < ranges[r].rows; ++i)
          sums[b] += weights[ranges[r].first_weight + i] * values[ranges[r].first_row + i];
    return sums;
  }
};

/// Bins first, first + 1, ... before end.
struct BinSpan {
  std::size_t first = static_cast<std::size_t>(-1), end = 0;

  void cover(const BinSpan& other) {
    first = std::min(first, other.first);
    end = std::max(end, other.end);
  }
};

/// The bins each row counts in, and those between them.
inline std::vector<BinSpan> bins_of_rows(const Binning& binning, std::size_t rows) {
  std::vector<BinSpan> spans(rows);
  for (std::size_t b = 0; b < binning.bins(); ++b)
    for (std::size_t r = binning.first_range[b]; r < binning.first_range[b + 1]; ++r)
      for (std::size_t i = 0; i < binning.ranges[r].rows; ++i)
        spans[binning.ranges[r].first_row + i].cover({b, b + 1});
  return spans;
}

/// A binning as bodies see it.
struct BinningView {
  View<const std::size_t> first_range;
  View<const RowRange> ranges;
  View<const double> weights;

  MAGNU_HD std::size_t bins() const { return first_range.size - 1; }
};

}  // namespace magnu
