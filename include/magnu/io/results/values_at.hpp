#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace magnu {

/// Where the values of detectors stand in a file: one quantity after the other, each in storage
/// order.
struct ValueLayout {
  struct Part {
    std::uint64_t offset = 0;
    std::size_t width = 1;  ///< values of a detector
  };
  std::vector<Part> parts;

  /// Values of a detector in all.
  std::size_t width() const;
  /// Writes those of detectors first, first + 1, ..., [detectors][width], or reads them; false with
  /// errno where that fails.
  bool write(int file, std::size_t first, std::span<const double> values) const;
  bool read(int file, std::size_t first, std::span<double> values) const;
};

/// Writes doubles at a byte of a file, or reads them; false with errno where that fails.
bool write_at(int file, std::span<const double> values, std::uint64_t offset);
bool read_at(int file, std::span<double> values, std::uint64_t offset);

/// The first value of each detector, of [detectors][width].
std::vector<double> first_values(std::span<const double> values, std::size_t width);

}  // namespace magnu
