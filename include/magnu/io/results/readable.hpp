#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace magnu {

/// 3661 s as "1 h 01 min".
std::string duration_text(double seconds);
/// 3.2e10 as "32.0 G".
std::string scaled_text(double value);

/// Rows of cells, columns as wide as their widest cell; the first `left` flush left, the rest flush
/// right.
std::string text_table(const std::vector<std::vector<std::string>>& rows, std::size_t left);

}  // namespace magnu
