#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace magnu {

bool is_utf8(std::string_view text);

/// Whether a text holds control characters, line separators, marks that turn the order of letters,
/// or bytes that are not UTF-8.
bool holds_control(std::string_view text);

/// A text as a message quotes it: cut at `most` characters, with all of these, no-break spaces and
/// characters of no width written as \n, \x1b, \xc2\xa0.
std::string quotable(std::string_view text, std::size_t most = 80);

/// A message quotes the path of its file whole, up to this.
inline constexpr std::size_t longest_path = 4096;

/// Whatever ends the program with a message. Only `main` catches; exit code 1.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Where an input came from; empty members are left out of the message.
struct Location {
  std::string file;
  int line = 0;  ///< from 1; 0 where there is none
  std::string key;
  std::string value;
};

/// Bad usage, configuration or table: exit code 2.
struct InputError : Error {
  /// `what_is_wrong` and `remedy` are sentences without a full stop.
  InputError(Location where, const std::string& what_is_wrong, const std::string& remedy);

  Location location;
};

/// Results that could not be read or written: exit code 1.
struct OutputError : Error {
  OutputError(const std::string& path, const std::string& reason, const std::string& remedy);

  std::string path;
};

/// A CUDA call or launch that failed: exit code 1.
struct DeviceError : Error {
  using Error::Error;
};

}  // namespace magnu
