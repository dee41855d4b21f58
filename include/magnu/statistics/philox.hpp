#pragma once

#include <cstdint>

#include "magnu/core/macros.hpp"

namespace magnu {

/// Random bits that are a function of where they are asked for: Philox4x32 of ten rounds (J. Salmon
/// et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), for some counters at once.
template <int lanes>
struct Philox {
  std::uint32_t word[4][lanes];  ///< counters, and then bits

  MAGNU_HD void mix(std::uint64_t key) {
    auto key_0 = static_cast<std::uint32_t>(key), key_1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      MAGNU_SIMD
      for (int l = 0; l < lanes; ++l) {
        const std::uint64_t a = std::uint64_t{0xD2511F53} * word[0][l];
        const std::uint64_t b = std::uint64_t{0xCD9E8D57} * word[2][l];
        const std::uint32_t x = word[1][l], y = word[3][l];
        word[0][l] = static_cast<std::uint32_t>(b >> 32) ^ x ^ key_0;
        word[1][l] = static_cast<std::uint32_t>(b);
        word[2][l] = static_cast<std::uint32_t>(a >> 32) ^ y ^ key_1;
        word[3][l] = static_cast<std::uint32_t>(a);
      }
      key_0 += 0x9E3779B9;
      key_1 += 0xBB67AE85;
    }
  }
};

/// Uniform numbers of toys: the same for a seed, a point and a toy wherever they are made. They are
/// whole numbers below 2^53, taken in turn.
template <int lanes>
class ToyStream {
 public:
  MAGNU_HD ToyStream(std::uint64_t seed, std::uint32_t point, std::uint64_t first_toy)
      : seed_(seed), toy_(first_toy), point_(point) {}

  MAGNU_HD void next(std::uint64_t* numbers) {
    if (taken_ % 2 == 0) {
      for (int l = 0; l < lanes; ++l) {
        const std::uint64_t toy = toy_ + static_cast<std::uint64_t>(l);
        bits_.word[0][l] = taken_ / 2;
        bits_.word[1][l] = point_;
        bits_.word[2][l] = static_cast<std::uint32_t>(toy);
        bits_.word[3][l] = static_cast<std::uint32_t>(toy >> 32);
      }
      bits_.mix(seed_);
    }
    const int half = taken_ % 2 == 0 ? 0 : 2;
    MAGNU_SIMD
    for (int l = 0; l < lanes; ++l)
      numbers[l] = (std::uint64_t{bits_.word[half + 1][l]} << 32 | bits_.word[half][l]) >> 11;
    ++taken_;
  }

 private:
  std::uint64_t seed_, toy_;
  std::uint32_t point_, taken_ = 0;
  Philox<lanes> bits_ = {};
};

}  // namespace magnu
