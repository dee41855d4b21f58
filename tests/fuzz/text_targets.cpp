#include <cmath>
#include <sstream>
#include <vector>

#include "harness.hpp"
#include "magnu/core/csv.hpp"
#include "magnu/experiment/background.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/physics/constants.hpp"
#include "targets.hpp"

namespace magnu::fuzz {
void study(std::string_view input) {
  static const test::ScratchFolder folder;
  static const MemoryFile file(folder.path() / "study.yaml"), again(folder.path() / "again.yaml");
  static const auto table =
      folder.write("t.csv", "energy_keV,rate_per_tonne_year_keV\n0.1,2\n200,1\n");

  const auto [text, rest] = cut(input, "%SET");
  std::vector<std::string> overrides;
  std::istringstream lines{std::string(rest)};
  for (std::string line; std::getline(lines, line);) overrides.push_back(line);
  file.fill(text);
  Study study;
  if (!accepted(input.size(), [&] { study = read_study(file.path(), overrides); })) return;

  study_warnings(study);
  const auto yaml = effective_yaml(study);
  again.fill(yaml);
  Study second;
  if (!accepted(yaml.size(), [&] { second = read_study(again.path()); }))
    std::fprintf(stderr, "%s", yaml.c_str());
  require(!second.curves.empty(), "an effective study is a study");
  require(effective_yaml(second) == yaml, "an effective study is read as it was written");
  require(study_hash(second) == study_hash(study), "and has the same hash");
}

void quantity(std::string_view input) {
  if (input.empty()) return;
  Setting setting;
  setting.kind = Setting::Kind::scalar;
  setting.scalar = input.substr(1);
  const auto read = [&](const std::string& text, Dimension dimension) {
    setting.scalar = text;
    return read_quantity(setting, dimension);
  };
  double value = 0;
  const char kind = input.front();
  const auto dimension = kind == 'e'   ? Dimension::energy
                         : kind == 'x' ? Dimension::exposure
                         : kind == 'm' ? Dimension::moment
                                       : Dimension::number;
  const bool good = accepted(input.size(), [&] {
    value = kind == 'i'   ? static_cast<double>(read_integer(setting))
            : kind == 'n' ? read_number(setting)
                          : read_quantity(setting, dimension);
  });
  if (!good) return;
  require(std::isfinite(value), "a quantity is finite");
  if (kind == 'i') require(value == std::floor(value), "a whole number is one");
  if (kind == 'e') require(read(energy_text(value), dimension) == value, "an energy reads back");
  if (kind == 'x')
    require(read(exposure_text(value), dimension) == value, "an exposure reads back");
}

void table(std::string_view input) {
  static const test::ScratchFolder folder;
  static const MemoryFile file(folder.path() / "t.csv");
  static const magnu::Target xenon = load_target("xenon");
  accepted(input.size(), [&] {
    const CsvTable csv("t.csv", input);
    for (std::size_t row = 0; row < csv.rows(); ++row)
      for (const auto& column : csv.header()) {
        const auto field = csv_field(csv.text(row, column));
        require(field.size() >= csv.text(row, column).size(), "a field is written whole");
      }
    for (const auto& column : csv.header()) csv.numbers(column);
  });
  Background background;
  // As the header says, and by place: the first character tells.
  TableColumns columns;
  if (input.starts_with('!'))
    columns = {{"1", "keV"}, {"2", "1/(t yr keV)"}};
  else if (input.starts_with('"'))
    columns.rate = {"b", "dru"};
  file.fill(input.substr(columns.rate.column == "2" ? 1 : 0));
  if (!accepted(input.size(), [&] { background = table_background(file.path(), columns); })) return;
  const auto& read = *background.table;
  require(read.energy.size() >= 2 && read.energy.size() == read.rate.size(), "two rows or more");
  for (std::size_t i = 0; i < read.energy.size(); ++i) {
    require(i == 0 || read.energy[i] > read.energy[i - 1], "energies ascend");
    require(read.energy[i] >= 0 && read.rate[i] >= 0, "nothing is negative");
    const double rate = background_rate({background}, xenon, read.energy[i]);
    require(rate >= 0 && std::isfinite(rate), "a rate at a row is finite");
  }
  const double events = background_events({background}, xenon, 0, 100 * constants::keV);
  require(events >= 0 && std::isfinite(events), "events are finite");
}

}  // namespace magnu::fuzz
