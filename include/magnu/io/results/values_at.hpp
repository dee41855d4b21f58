#pragma once

#include <cstdint>
#include <span>

namespace magnu {

/// Writes doubles at a byte of a file, or reads them; false with errno where that fails.
bool write_at(int file, std::span<const double> values, std::uint64_t offset);
bool read_at(int file, std::span<double> values, std::uint64_t offset);

}  // namespace magnu
