#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "magnu/core/view.hpp"

/// Counts and measurements of toys from uniform numbers, without a function whose last digit is the
/// library's: all backends draw the same.
namespace magnu {

/// The distributions of the counts in some bins, as bodies see them.
struct PoissonView {
  struct Bin {
    std::uint32_t first = 0;       ///< the least count that happens
    std::uint32_t cumulative = 0;  ///< where its probabilities begin
    std::uint32_t guide = 0;       ///< and where to look for a word
    std::uint32_t shift = 31;      ///< of a word, to its guide
  };
  View<const Bin> bins;
  View<const double> cumulative;    ///< of counts first, first + 1, ..., the last is 1
  View<const std::uint32_t> edges;  ///< the same in 2^-32, rounded down
  View<const std::uint32_t> guide;  ///< the first count that words of a stretch may mean

  /// The count whose stretch of the cumulative distribution a word is in; behind(): the bits that
  /// follow it, should it be on an edge.
  template <class Behind>
  MAGNU_HD double draw(std::size_t i, std::uint32_t word, const Behind& behind) const {
    const Bin& bin = bins[i];
    const std::uint32_t* edge = &edges[bin.cumulative];
    std::uint32_t n = guide[bin.guide + (word >> bin.shift)];
    // Most are at most one further: a sum, which no branch is guessed for.
    n += edge[n] < word ? 1 : 0;
    while (edge[n] <= word) {
      if (edge[n] == word && uniform(word, behind()) < cumulative[bin.cumulative + n]) break;
      ++n;
    }
    return static_cast<double>(bin.first + n);
  }

 private:
  MAGNU_HD static double uniform(std::uint32_t word, std::uint32_t behind) {
    const std::uint64_t bits = std::uint64_t{word} << 32 | behind;
    return static_cast<double>(bits >> 11) * 0x1p-53;
  }
};

/// Made once for some expectations [bins]; counts less likely than 1e-17 do not happen.
class PoissonTables {
 public:
  explicit PoissonTables(std::span<const double> expected);

  PoissonView view() const {
    return {{bins_.data(), bins_.size()},
            {cumulative_.data(), cumulative_.size()},
            {edges_.data(), edges_.size()},
            {guide_.data(), guide_.size()}};
  }

 private:
  std::vector<PoissonView::Bin> bins_;
  std::vector<double> cumulative_;
  std::vector<std::uint32_t> edges_, guide_;
};

/// The normal distribution's quantile by polynomials in parts of each power of two of the tail.
struct NormalView {
  static constexpr int orders = 7, octaves = 64, part_bits = 3, parts = 1 << part_bits;
  View<const double> coefficient;  ///< [octaves][parts][orders], in tails from -1 to 1

  /// behind(): the bits that follow a word, for one far out.
  template <class Behind>
  MAGNU_HD double draw(std::uint32_t word, const Behind& behind) const {
    const std::uint64_t upper = word >> 31;
    const std::uint32_t from_end = word ^ (0 - static_cast<std::uint32_t>(upper));
    double twice_tail = (static_cast<double>(from_end) + 0.5) * 0x1p-31;
    if (from_end < 1 << 16)
      twice_tail = (static_cast<double>(from_end) + (behind() + 0.5) * 0x1p-32) * 0x1p-31;
    // Of a tail between 2^-(octave + 2) and 2^-(octave + 1).
    const std::uint64_t bits = bits_of(twice_tail);
    const auto octave = static_cast<std::size_t>(1022 - (bits >> 52));
    const std::uint64_t part = (bits & mantissa) >> (52 - part_bits);
    const double y = 2 * from_bits((bits << part_bits & mantissa) | one) - 3;
    const double* c = &coefficient[(octave * parts + part) * orders];
    double x = c[orders - 1];
    for (int k = orders - 1; k-- > 0;) x = x * y + c[k];
    return from_bits(bits_of(x) ^ (upper ^ 1) << 63);  // the sign
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
