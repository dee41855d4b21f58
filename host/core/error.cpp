#include "magnu/core/error.hpp"

#include <algorithm>
#include <cstdio>

namespace magnu {
namespace {

/// Bytes of the UTF-8 character that a text begins with; zero for none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80                      ? 1
                             : byte(0) >= 0xc2 && byte(0) < 0xe0 ? 2
                             : byte(0) >= 0xe0 && byte(0) < 0xf0 ? 3
                             : byte(0) >= 0xf0 && byte(0) < 0xf5 ? 4
                                                                 : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return length;
}

constexpr std::size_t longest_sentence = 400;
constexpr std::size_t longest_path = 4096;

std::string describe(const Location& where, const std::string& what, const std::string& remedy) {
  std::string text;
  if (!where.file.empty()) {
    text += quotable(where.file, longest_path);
    if (where.line > 0) text += ":" + std::to_string(where.line);
    text += ": ";
  }
  if (!where.key.empty()) text += quotable(where.key) + ": ";
  text += quotable(what, longest_sentence);
  if (!where.value.empty()) text += " (got '" + quotable(where.value) + "')";
  if (!remedy.empty()) text += "; " + quotable(remedy, longest_sentence);
  return text;
}

}  // namespace

std::string quotable(std::string_view text, std::size_t most) {
  std::string result;
  for (std::size_t characters = 0; !text.empty(); ++characters) {
    if (characters == most) return result + "...";
    const auto length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    // C1 controls are two bytes, 0xc2 and 0x80 to 0x9f.
    const bool control =
        byte < 0x20 || byte == 0x7f ||
        (length == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (length > 0 && !control) {
      result += text.substr(0, length);
    } else if (byte == '\n' || byte == '\t' || byte == '\r') {
      result += byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : "\\r";
    } else {
      for (std::size_t i = 0; i < std::max<std::size_t>(length, 1); ++i) {
        char escaped[5];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(text[i]));
        result += escaped;
      }
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

InputError::InputError(Location where, const std::string& what_is_wrong, const std::string& remedy)
    : Error(describe(where, what_is_wrong, remedy)), location(std::move(where)) {
  location.line = std::max(location.line, 0);  // negative: of the command line
}

OutputError::OutputError(const std::string& where, const std::string& reason,
                         const std::string& remedy)
    : Error(where + ": " + reason + (remedy.empty() ? "" : "; " + remedy)), path(where) {}

}  // namespace magnu
