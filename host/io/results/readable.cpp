#include "magnu/io/results/readable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace magnu {

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::ceil(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string scaled_text(double value) {
  const char* prefixes[] = {"", "k", "M", "G", "T", "P"};
  int i = 0;
  for (; value >= 1000 && i < 5; ++i) value /= 1000;
  return i == 0 ? fmt::format("{:.0f} ", value) : fmt::format("{:.1f} {}", value, prefixes[i]);
}

std::string text_table(const std::vector<std::vector<std::string>>& rows, std::size_t left) {
  std::vector<std::size_t> width(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c)
      line += c < left ? fmt::format("{:<{}}  ", row[c], width[c])
                       : fmt::format("{:>{}}  ", row[c], width[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace magnu
