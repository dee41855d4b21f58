#include "magnu/core/csv.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "magnu/core/error.hpp"

namespace magnu {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

}  // namespace

std::vector<std::string> split_fields(std::string_view line, char separator) {
  std::vector<std::string> fields;
  std::string field;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool between = separator == ' ' ? c == ' ' || c == '\t' : c == separator;
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      field += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (between && !quoted) {
      if (separator != ' ' || !field.empty()) fields.emplace_back(trimmed(field));
      field.clear();
    } else {
      field += c;
    }
  }
  if (separator != ' ' || !field.empty()) fields.emplace_back(trimmed(field));
  return fields;
}

CsvTable::CsvTable(std::string file, std::string_view text) : file_(std::move(file)) {
  int number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.empty() || line.front() == '#') continue;
    auto fields = split_fields(line, ',');
    if (header_.empty()) {
      header_ = std::move(fields);
      header_line_ = number;
      continue;
    }
    if (fields.size() < header_.size())
      throw InputError({file_, number, "", std::string(line)},
                       "too few columns: " + std::to_string(fields.size()) +
                           " where the header has " + std::to_string(header_.size()),
                       "complete the row or remove it");
    if (fields.size() > header_.size())
      throw InputError({file_, number, "", std::string(line)},
                       "too many columns: " + std::to_string(fields.size()) +
                           " where the header has " + std::to_string(header_.size()),
                       "put fields that hold commas in double quotes");
    rows_.push_back(std::move(fields));
    lines_.push_back(number);
  }
  if (header_.empty())
    throw InputError({file_, 0, "", ""}, "the table is empty", "give a header line and rows");
}

std::size_t CsvTable::index(const std::string& column) const {
  const auto found = std::find(header_.begin(), header_.end(), column);
  if (found == header_.end()) {
    std::string known;
    for (const auto& name : header_) known += (known.empty() ? "" : ",") + name;
    throw InputError({file_, header_line_, column, known}, "the table has no such column",
                     "its header must name the column '" + column + "'");
  }
  return found - header_.begin();
}

bool CsvTable::has(const std::string& column) const {
  return std::find(header_.begin(), header_.end(), column) != header_.end();
}

const std::string& CsvTable::text(std::size_t row, const std::string& column) const {
  return rows_[row][index(column)];
}

double CsvTable::number(std::size_t row, const std::string& column) const {
  const auto& field = text(row, column);
  double value = 0;
  if (!parse_number(field, value) || !std::isfinite(value))
    throw InputError({file_, lines_[row], column, field}, "not a finite number",
                     "write a number such as 1.5 or 2e-3");
  return value;
}

std::vector<double> CsvTable::numbers(const std::string& column) const {
  std::vector<double> values(rows());
  for (std::size_t i = 0; i < rows(); ++i) values[i] = number(i, column);
  return values;
}

bool parse_number(std::string_view text, double& value) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

std::string read_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw InputError({path, 0, "", ""}, "this is a folder", "name a file");
  if (std::filesystem::is_character_file(path, ignored) ||
      std::filesystem::is_block_file(path, ignored))  // some never end
    throw InputError({path, 0, "", ""}, "this is a device", "name a file");
  std::ifstream stream(path, std::ios::binary);
  const auto expect_good = [&] {
    if (!stream)
      throw InputError({path, 0, "", ""}, std::string("cannot be read: ") + std::strerror(errno),
                       "check the path and its permissions");
  };
  expect_good();
  std::string text;
  try {
    text.assign(std::istreambuf_iterator<char>(stream), {});
  } catch (const std::ios_base::failure&) {  // whatever the stream's exceptions() say
    stream.setstate(std::ios_base::badbit);
  }
  expect_good();
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // UTF-8 as some editors write it
  if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
  return text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r#") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace magnu
