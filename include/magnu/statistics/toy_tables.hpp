#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "magnu/core/view.hpp"

/// Counts and measurements of toys from uniform numbers, without a function whose last digit is the
/// library's: all backends draw the same.
namespace magnu {

/// 2^-53: what a uniform number is of its range.
inline constexpr double uniform_unit = 0x1p-53;

/// The distributions of the counts in some bins, as bodies see them.
struct PoissonView {
  struct Bin {
    std::uint32_t first = 0;       ///< the least count that happens
    std::uint32_t cumulative = 0;  ///< where its probabilities begin
    std::uint32_t guide = 0;       ///< and where to look for a number
    std::uint32_t shift = 53;      ///< of a uniform number, to its guide
  };
  View<const Bin> bins;
  View<const double> cumulative;    ///< of counts first, first + 1, ..., the last is 1
  View<const std::uint32_t> guide;  ///< the first count that numbers of a stretch may mean

  /// The count whose stretch of the cumulative distribution a uniform number is in.
  MAGNU_HD double draw(std::size_t i, std::uint64_t number) const {
    const Bin& bin = bins[i];
    const double u = static_cast<double>(number) * uniform_unit;
    std::uint32_t n = guide[bin.guide + (number >> bin.shift)];
    // Most are at most one further: a sum, which no branch is guessed for.
    n += cumulative[bin.cumulative + n] <= u ? 1 : 0;
    while (cumulative[bin.cumulative + n] <= u) ++n;
    return static_cast<double>(bin.first + n);
  }
};

/// Made once for some expectations [bins]; counts less likely than 1e-17 do not happen.
class PoissonTables {
 public:
  explicit PoissonTables(std::span<const double> expected);

  PoissonView view() const {
    return {{bins_.data(), bins_.size()},
            {cumulative_.data(), cumulative_.size()},
            {guide_.data(), guide_.size()}};
  }

 private:
  std::vector<PoissonView::Bin> bins_;
  std::vector<double> cumulative_;
  std::vector<std::uint32_t> guide_;
};

/// The normal distribution's quantile by a polynomial for each power of two of the tail.
struct NormalView {
  static constexpr int orders = 14, octaves = 54;
  View<const double> coefficient;  ///< [octaves][orders], in 2^octave tail from -1 to 1

  MAGNU_HD double draw(std::uint64_t number) const {
    constexpr std::uint64_t half = std::uint64_t{1} << 52;
    const bool upper = number >= half;
    const std::uint64_t from_end = upper ? 2 * half - 1 - number : number;
    const double twice_tail = (static_cast<double>(from_end) + 0.5) * (2 * uniform_unit);
    // Of a tail between 2^-(octave + 2) and 2^-(octave + 1).
    const std::uint64_t bits = bits_of(twice_tail);
    const auto octave = static_cast<std::size_t>(1022 - (bits >> 52));
    const double y = 2 * from_bits((bits & mantissa) | one) - 3;
    const double* c = &coefficient[octave * orders];
    double x = c[orders - 1];
    for (int k = orders - 1; k-- > 0;) x = x * y + c[k];
    return upper ? x : -x;
  }

 private:
  static constexpr std::uint64_t mantissa = (std::uint64_t{1} << 52) - 1;
  static constexpr std::uint64_t one = std::uint64_t{1023} << 52;
  MAGNU_HD static std::uint64_t bits_of(double x) { return __builtin_bit_cast(std::uint64_t, x); }
  MAGNU_HD static double from_bits(std::uint64_t b) { return __builtin_bit_cast(double, b); }
};

/// The one table of the normal distribution.
NormalView normal_table();

}  // namespace magnu
