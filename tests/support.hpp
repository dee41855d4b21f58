#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace magnu::test {

/// What the environment says, else what was compiled in: the tests also run away from their tree.
inline std::filesystem::path place(const char* variable, const char* compiled_in) {
  const char* value = std::getenv(variable);
  return std::filesystem::absolute(value && *value ? value : compiled_in);
}
inline const auto source_dir = place("MAGNU_SOURCE_DIR", MAGNU_SOURCE_DIR);
inline const auto program = place("MAGNU_PROGRAM", MAGNU_PROGRAM);

/// A fresh folder that goes with the object.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "magnu-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace magnu::test
