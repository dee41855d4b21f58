#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../support.hpp"
#include "magnu/core/error.hpp"

namespace magnu::fuzz {

/// Ends the process as a sanitizer does: libFuzzer keeps the input.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// A file in memory under a name of its own in a folder: as cheap as text.
class MemoryFile {
 public:
  explicit MemoryFile(const std::filesystem::path& path)
      : path_(path), file_(memfd_create("magnu", MFD_CLOEXEC)) {
    require(file_ >= 0, "there is memory for a file");
    std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(file_), path_);
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;

  void fill(std::string_view text) const {
    require(ftruncate(file_, 0) == 0, "the file can be emptied");
    require(pwrite(file_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
            "the file can be filled");
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
  int file_;
};

/// Cuts a text at a line that is `mark`; without one the second part is empty.
inline std::pair<std::string_view, std::string_view> cut(std::string_view text,
                                                         std::string_view mark) {
  const auto line = "\n" + std::string(mark) + "\n";
  if (text.starts_with(line.substr(1))) return {{}, text.substr(line.size() - 1)};
  const auto at = text.find(line);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at + 1), text.substr(at + line.size())};
}

/// A complaint is as long as what was read can make it, and no longer.
inline void check_message(const Error& problem, std::size_t input) {
  require(std::string_view(problem.what()).size() <= 2000 + 8 * input, "a message is no novel");
  require(problem.what()[0] != '\0', "a message says something");
}

/// Runs what may refuse its input; whether it did not. Any other exception is a fault.
template <class Read>
bool accepted(std::size_t input, Read&& read) {
  try {
    read();
    return true;
  } catch (const Error& problem) {
    if (std::getenv("MAGNU_FUZZ_SAY")) std::fprintf(stderr, "%s\n", problem.what());
    check_message(problem, input);
    return false;
  }
}

}  // namespace magnu::fuzz
