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
        // The two halves of a product on their own: a vector of each, and none of 64 bits.
        constexpr std::uint32_t for_0 = 0xD2511F53, for_2 = 0xCD9E8D57;
        const std::uint32_t a = word[0][l], b = word[2][l];
        const std::uint32_t x = word[1][l], y = word[3][l];
        const auto high_a = static_cast<std::uint32_t>(std::uint64_t{for_0} * a >> 32);
        const auto high_b = static_cast<std::uint32_t>(std::uint64_t{for_2} * b >> 32);
        word[0][l] = high_b ^ x ^ key_0;
        word[1][l] = for_2 * b;
        word[2][l] = high_a ^ y ^ key_1;
        word[3][l] = for_0 * a;
      }
      key_0 += 0x9E3779B9;
      key_1 += 0xBB67AE85;
    }
  }
};

/// Random words of toys: the same for a seed, a point and a toy wherever they are made, taken in
/// turn. A word has 32 more bits behind it, made for the few numbers that it does not decide.
template <int lanes>
class ToyStream {
 public:
  MAGNU_HD ToyStream(std::uint64_t seed, std::uint32_t point, std::uint64_t first_toy)
      : seed_(seed), toy_(first_toy), point_(point) {}

  /// The next word of each lane.
  MAGNU_HD const std::uint32_t* next() {
    if (taken_ % 4 == 0) {
      for (int l = 0; l < lanes; ++l) {
        const std::uint64_t toy = toy_ + static_cast<std::uint64_t>(l);
        bits_.word[0][l] = taken_ / 4;
        bits_.word[1][l] = point_;
        bits_.word[2][l] = static_cast<std::uint32_t>(toy);
        bits_.word[3][l] = static_cast<std::uint32_t>(toy >> 32);
      }
      bits_.mix(seed_);
    }
    return bits_.word[taken_++ % 4];
  }

  /// What is behind the word taken last, of a lane.
  MAGNU_HD std::uint32_t behind(int lane) const {
    const std::uint64_t toy = toy_ + static_cast<std::uint64_t>(lane);
    constexpr std::uint32_t another = 0x80000000;
    Philox<1> more{{{another + taken_},
                    {point_},
                    {static_cast<std::uint32_t>(toy)},
                    {static_cast<std::uint32_t>(toy >> 32)}}};
    more.mix(seed_);
    return more.word[0][0];
  }

 private:
  std::uint64_t seed_, toy_;
  std::uint32_t point_, taken_ = 0;
  Philox<lanes> bits_;
};

}  // namespace magnu
