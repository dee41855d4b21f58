#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace magnu {

/// This machine's: processes of several write into a folder.
std::string host_name();

/// A file under a temporary name, gone again unless it is kept.
class StagedFile {
 public:
  StagedFile(const std::filesystem::path& folder, const std::string& name);
  StagedFile(StagedFile&& other) noexcept;
  ~StagedFile();

  /// The whole content, flushed to disk. OutputError where that fails.
  void fill(std::string_view text);
  /// The same in pieces.
  void append(std::string_view text);
  void flush();
  /// Before the first rename of several: nothing that would make a later one fail.
  void expect_replaceable() const;
  /// Gives it its name.
  void keep();
  /// The same unless a file has that name already; then false, and that one stays.
  bool keep_if_new();

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path final_, temporary_;
  int file_ = -1;
};

/// The text of a file that magnu wrote, nothing where none is there. OutputError for what is no
/// file (of a pipe's end nobody knows) or cannot be read.
std::optional<std::string> read_if_there(const std::filesystem::path& path);

/// Replaces a file by a text: whole or not at all, and on disk when it returns.
void replace_file(const std::filesystem::path& path, std::string_view text);
/// The same where there is no such file yet; otherwise false. Of several at once one succeeds.
bool place_new_file(const std::filesystem::path& path, std::string_view text);

}  // namespace magnu
