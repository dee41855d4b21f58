#include "magnu/io/results/staged_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "magnu/core/error.hpp"

namespace magnu {

namespace fs = std::filesystem;

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

StagedFile::StagedFile(const fs::path& folder, const std::string& name)
    : final_(folder / name),
      temporary_(folder / fmt::format(".{}.{}.{}.tmp", name, host_name(), getpid())) {}

StagedFile::StagedFile(StagedFile&& other) noexcept
    : final_(std::move(other.final_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::exchange(other.file_, -1)) {}

StagedFile::~StagedFile() {
  if (file_ >= 0) close(file_);
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove(temporary_, ignored);
}

void StagedFile::fill(std::string_view text) {
  append(text);
  flush();
}

void StagedFile::append(std::string_view text) {
  if (file_ < 0) file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ < 0) fail();
  while (!text.empty()) {
    const auto written = ::write(file_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void StagedFile::flush() {
  if (fsync(file_) != 0) fail();
  if (close(std::exchange(file_, -1)) != 0) fail();
}

void StagedFile::expect_replaceable() const {
  if (!fs::is_directory(final_)) return;
  errno = EISDIR;
  fail();
}

void StagedFile::keep() {
  if (rename(temporary_.c_str(), final_.c_str()) != 0) fail();
  temporary_.clear();
}

bool StagedFile::keep_if_new() {
  if (link(temporary_.c_str(), final_.c_str()) == 0) return true;
  if (errno != EEXIST) fail();
  return false;
}

void StagedFile::fail() const {
  throw OutputError(final_.string(), std::string("cannot be written: ") + std::strerror(errno),
                    "the folder's former results are untouched; free space or name another "
                    "folder with --out");
}

/// A name given must outlive a power cut too.
static void flush_names(const fs::path& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);
  close(file);
}

std::optional<std::string> read_if_there(const fs::path& path) {
  std::error_code problem;
  const auto status = fs::status(path, problem);
  if (!fs::exists(status) && (!problem || problem == std::errc::no_such_file_or_directory ||
                              problem == std::errc::not_a_directory))
    return {};
  if (!problem && !fs::is_regular_file(status))
    throw OutputError(path.string(), "is no file", "remove it");
  std::ifstream file(path, std::ios::binary);
  try {
    if (file) return std::string{std::istreambuf_iterator<char>(file), {}};
    if (errno == ENOENT) return {};  // gone meanwhile
  } catch (const std::ios_base::failure&) {
  }
  throw OutputError(path.string(), std::string("cannot be read: ") + std::strerror(errno),
                    "check its permissions, or remove it");
}

void replace_file(const fs::path& path, std::string_view text) {
  StagedFile staged(path.parent_path(), path.filename().string());
  staged.fill(text);
  staged.keep();
  flush_names(path.parent_path());
}

bool place_new_file(const fs::path& path, std::string_view text) {
  StagedFile staged(path.parent_path(), path.filename().string());
  staged.fill(text);
  if (!staged.keep_if_new()) return false;
  flush_names(path.parent_path());
  return true;
}

}  // namespace magnu
