#include "magnu/io/results/values_at.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace magnu {

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
