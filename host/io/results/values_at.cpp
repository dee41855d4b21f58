#include "magnu/io/results/values_at.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace magnu {
namespace {

/// Of some detectors the values of one part: the rest of [detectors][width] lies between.
std::vector<double> gathered(std::span<const double> values, std::size_t width, std::size_t from,
                             std::size_t count) {
  std::vector<double> some;
  some.reserve(values.size() / width * count);
  for (std::size_t i = from; i < values.size(); i += width)
    some.insert(some.end(), values.begin() + i, values.begin() + i + count);
  return some;
}

}  // namespace

std::vector<double> first_values(std::span<const double> values, std::size_t width) {
  return gathered(values, width, 0, 1);
}

std::size_t ValueLayout::width() const {
  std::size_t sum = 0;
  for (const auto& part : parts) sum += part.width;
  return sum;
}

bool ValueLayout::write(int file, std::size_t first, std::span<const double> values) const {
  if (parts.size() == 1)
    return write_at(file, values, parts[0].offset + 8 * first * parts[0].width);
  std::size_t from = 0;
  for (const auto& part : parts) {
    const auto some = gathered(values, width(), from, part.width);
    if (!write_at(file, some, part.offset + 8 * first * part.width)) return false;
    from += part.width;
  }
  return true;
}

bool ValueLayout::read(int file, std::size_t first, std::span<double> values) const {
  if (parts.size() == 1) return read_at(file, values, parts[0].offset + 8 * first * parts[0].width);
  const std::size_t all = width(), count = values.size() / all;
  std::size_t from = 0;
  for (const auto& part : parts) {
    std::vector<double> some(count * part.width);
    if (!read_at(file, some, part.offset + 8 * first * part.width)) return false;
    for (std::size_t i = 0; i < count; ++i)
      std::copy_n(some.begin() + i * part.width, part.width, values.begin() + i * all + from);
    from += part.width;
  }
  return true;
}

bool write_at(int file, std::span<const double> values, std::uint64_t offset) {
  const char* data = reinterpret_cast<const char*>(values.data());
  for (std::size_t done = 0; done < values.size_bytes();) {
    const auto count =
        pwrite(file, data + done, values.size_bytes() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  // On its way to the disk while the next values come: less is left for the flush at the end.
  if (values.size_bytes() >= std::size_t{1} << 16)
    sync_file_range(file, static_cast<off64_t>(offset), static_cast<off64_t>(values.size_bytes()),
                    SYNC_FILE_RANGE_WRITE);
  return true;
}

bool read_at(int file, std::span<double> values, std::uint64_t offset) {
  char* data = reinterpret_cast<char*>(values.data());
  for (std::size_t done = 0; done < values.size_bytes();) {
    const auto count =
        pread(file, data + done, values.size_bytes() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = EIO;  // the file ends too early
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace magnu
