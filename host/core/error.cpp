#include "magnu/core/error.hpp"

#include <algorithm>

namespace magnu {
namespace {

std::string describe(const Location& where, const std::string& what, const std::string& remedy) {
  std::string text;
  if (!where.file.empty()) {
    text += where.file;
    if (where.line > 0) text += ":" + std::to_string(where.line);
    text += ": ";
  }
  if (!where.key.empty()) text += where.key + ": ";
  text += what;
  if (!where.value.empty()) text += " (got '" + where.value + "')";
  if (!remedy.empty()) text += "; " + remedy;
  return text;
}

}  // namespace

InputError::InputError(Location where, const std::string& what_is_wrong, const std::string& remedy)
    : Error(describe(where, what_is_wrong, remedy)), location(std::move(where)) {
  location.line = std::max(location.line, 0);  // negative: of the command line
}

OutputError::OutputError(const std::string& where, const std::string& reason,
                         const std::string& remedy)
    : Error(where + ": " + reason + (remedy.empty() ? "" : "; " + remedy)), path(where) {}

}  // namespace magnu
