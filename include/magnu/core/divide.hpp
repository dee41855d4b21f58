#pragma once

#include <cstddef>
#include <cstdint>

#include "magnu/core/macros.hpp"

namespace magnu {

/// An index taken apart.
struct Divided {
  std::size_t quotient, remainder;
};

/// i / n and i % n. A GPU divides in software, and 64 bits take several times as long as 32.
MAGNU_HD inline Divided divide(std::size_t i, std::size_t n) {
  if (((i | n) >> 32) != 0) return {i / n, i % n};
  const auto quotient = static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(n);
  return {quotient, static_cast<std::uint32_t>(i - quotient * n)};
}

}  // namespace magnu
