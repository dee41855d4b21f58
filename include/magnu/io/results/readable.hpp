#pragma once

#include <string>

namespace magnu {

/// 3661 s as "1 h 01 min".
std::string duration_text(double seconds);
/// 3.2e10 as "32.0 G".
std::string scaled_text(double value);

}  // namespace magnu
