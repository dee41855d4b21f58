#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace magnu {

/// A table with named columns, read from comma-separated text. Lines that begin with '#' and blank
/// lines are skipped; fields may be quoted. Every complaint is an InputError with file and line.
class CsvTable {
 public:
  /// `file` names the text in error messages.
  CsvTable(std::string file, std::string_view text);

  std::size_t rows() const { return rows_.size(); }
  const std::vector<std::string>& header() const { return header_; }
  const std::string& file() const { return file_; }
  int line(std::size_t row) const { return lines_[row]; }

  bool has(const std::string& column) const;
  const std::string& text(std::size_t row, const std::string& column) const;
  /// A finite number.
  double number(std::size_t row, const std::string& column) const;
  std::vector<double> numbers(const std::string& column) const;

 private:
  std::size_t index(const std::string& column) const;

  std::string file_;
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<int> lines_;
  int header_line_ = 0;
};

/// Fields of a line, trimmed; those in double quotes may hold the separator. Blanks and tabs, any
/// number of them, for ' '.
std::vector<std::string> split_fields(std::string_view line, char separator);

/// The number a text holds, all of it; false where it holds none.
bool parse_number(std::string_view text, double& value);

/// The whole text of a file; InputError where it cannot be read.
std::string read_file(const std::string& path);

/// A field as it goes into a CSV file: quoted where it must be (RFC 4180).
std::string csv_field(const std::string& text);

}  // namespace magnu
