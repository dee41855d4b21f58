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
  // Longer than need be, half a pair of UTF-16, beyond the last character.
  if ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) >= 0xa0) ||
      (byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) >= 0x90))
    return 0;
  return length;
}

/// Whether a character of `length` bytes ends a line, turns the order of what follows, or does what
/// a terminal is told.
bool is_control(std::string_view text, std::size_t length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (length == 1) return byte(0) < 0x20 || byte(0) == 0x7f;
  if (length == 2) return byte(0) == 0xc2 && byte(1) < 0xa0;  // C1
  if (length != 3 || byte(0) != 0xe2) return false;
  return (byte(1) == 0x80 && byte(2) >= 0xa8 && byte(2) <= 0xae) ||  // U+2028 to U+202E
         (byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9);    // U+2066 to U+2069
}

/// Whether a character of `length` bytes is a blank that looks like another, or takes no room: what
/// is wrong with a text may be just that.
bool is_invisible(std::string_view text, std::size_t length) {
  const auto character = text.substr(0, length);
  for (const std::string_view one : {"\u00a0", "\u2007", "\u200b", "\u202f", "\u2060", "\ufeff"})
    if (character == one) return true;
  return false;
}

constexpr std::size_t longest_sentence = 400;
constexpr std::size_t longest_message = 400;  // without the path
constexpr std::size_t shortest_remedy = 100;

std::string describe(const Location& where, const std::string& what, const std::string& remedy) {
  std::string text;
  std::size_t path = 0;
  if (!where.file.empty()) {
    text += quotable(where.file, longest_path);
    if (where.line > 0) text += ":" + std::to_string(where.line);
    text += ": ";
    if (where.line >= 0) path = text.size();  // negative: a setting, quoted already
  }
  if (!where.key.empty()) text += quotable(where.key) + ": ";
  text += quotable(what, longest_sentence);
  if (!where.value.empty()) text += " (got '" + quotable(where.value) + "')";
  if (remedy.empty()) return text;
  const auto length = text.size() - path + std::string_view("; ...").size();
  const auto room = length < longest_message ? longest_message - length : 0;
  text += "; " + quotable(remedy, std::max(room, shortest_remedy));
  return text;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool holds_control(std::string_view text) {
  while (!text.empty()) {
    const auto length = utf8_length(text);
    if (length == 0 || is_control(text, length)) return true;
    text.remove_prefix(length);
  }
  return false;
}

std::string quotable(std::string_view text, std::size_t most) {
  std::string result;
  for (std::size_t characters = 0; !text.empty(); ++characters) {
    if (characters == most) return result + "...";
    const auto length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (length > 0 && !is_control(text, length) && !is_invisible(text, length)) {
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
    : Error(quotable(where, longest_path) + ": " + reason + (remedy.empty() ? "" : "; " + remedy)),
      path(where) {}

}  // namespace magnu
