#include "magnu/core/data.hpp"

#include <map>
#include <mutex>

#include "magnu/core/error.hpp"

namespace magnu {

bool has_data_table(const std::string& file_name) {
  for (const auto& [name, text] : data_files())
    if (name == file_name) return true;
  return false;
}

const CsvTable& data_table(const std::string& file_name) {
  static std::map<std::string, CsvTable> read;
  static std::mutex reading;
  const std::lock_guard lock(reading);
  if (const auto found = read.find(file_name); found != read.end()) return found->second;
  for (const auto& [name, text] : data_files())
    if (name == file_name) return read.try_emplace(file_name, "data/" + name, text).first->second;
  throw Error("data/" + file_name + ": not compiled into this program");
}

std::vector<std::string> data_names(const std::string& prefix) {
  const std::string suffix = ".csv";
  std::vector<std::string> names;
  for (const auto& [name, text] : data_files())
    if (name.starts_with(prefix) && name.ends_with(suffix))
      names.push_back(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
  return names;
}

}  // namespace magnu
