#pragma once

#include <cstddef>
#include <cstdint>

namespace magnu {

/// How many toys, and which.
struct ToySettings {
  std::size_t toys = 10'000;  ///< at each value of s
  std::uint64_t seed = 1;
  int points = 21;  ///< values of s; more are added where an interval ends
  bool operator==(const ToySettings&) const = default;
};

}  // namespace magnu
