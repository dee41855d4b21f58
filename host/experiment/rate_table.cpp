#include "magnu/experiment/rate_table.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>

#include "magnu/core/csv.hpp"
#include "magnu/core/error.hpp"
#include "magnu/physics/constants.hpp"

namespace magnu {
namespace {

constexpr const char* remedy =
    "say which columns these are: {table: FILE, energy: {column: 1, unit: keV}, rate: {column: 2, "
    "unit: 1/(tonne year keV)}}";

std::string_view trimmed(std::string_view text) {
  constexpr auto blank = " \t\r";
  const auto from = text.find_first_not_of(blank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(blank) - from + 1);
}

struct Line {
  int number = 0;
  std::string_view text;
};

/// A number as spreadsheets and Fortran write it: "1.5", "1.0D0"; in quotes too.
bool read_value(std::string_view text, double& value) {
  if (text.size() > 1 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  std::string plain(text);
  for (char& c : plain)
    if (c == 'd' || c == 'D') c = 'e';
  return parse_number(plain, value);
}

/// Fields between separators; blanks for ' ', where several are one. Empty last ones do not count.
std::vector<std::string_view> fields_of(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const auto end = separator == ' ' ? line.find_first_of(" \t") : line.find(separator);
    const auto field = trimmed(line.substr(0, end));
    if (separator != ' ' || !field.empty()) fields.push_back(field);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  while (!fields.empty() && fields.back().empty()) fields.pop_back();
  return fields;
}

bool all_numbers(const std::vector<std::string_view>& fields) {
  double value = 0;
  return !fields.empty() && std::all_of(fields.begin(), fields.end(),
                                        [&](auto field) { return read_value(field, value); });
}

/// "0,1246" where a point is meant: digits, one comma, digits.
bool has_decimal_comma(std::string_view line) {
  for (const char separator : {';', '\t', ' '}) {
    const auto fields = fields_of(line, separator);
    if (fields.size() < 2) continue;
    if (std::all_of(fields.begin(), fields.end(), [](std::string_view field) {
          const auto comma = field.find(',');
          if (comma == std::string_view::npos || comma == 0 || comma + 1 == field.size())
            return false;
          std::string plain(field);
          plain[comma] = '.';
          double value = 0;
          return read_value(plain, value);
        }))
      return true;
  }
  return false;
}

/// A column's name and unit, as "ER[keVee]" or "Rate (/t y keV)" give them.
struct Label {
  std::string name, unit;
};

Label label_of(std::string_view text) {
  if (text.size() > 1 && text.front() == '"' && text.back() == '"')
    text = text.substr(1, text.size() - 2);
  const auto open = text.find_first_of("[(");
  if (open == std::string_view::npos) return {std::string(trimmed(text)), ""};
  const auto close = text.find_last_of("])");
  if (close == std::string_view::npos || close < open) return {std::string(trimmed(text)), ""};
  return {std::string(trimmed(text.substr(0, open))),
          std::string(trimmed(text.substr(open + 1, close - open - 1)))};
}

/// Labels of a header in which blanks separate columns: each ends with its bracket.
std::vector<Label> bracketed_labels(std::string_view line) {
  std::vector<Label> labels;
  while (!(line = trimmed(line)).empty()) {
    const auto open = line.find_first_of("[(");
    if (open == std::string_view::npos) return {};
    int depth = 0;
    std::size_t close = open;
    for (; close < line.size(); ++close) {
      depth += line[close] == '[' || line[close] == '(';
      depth -= line[close] == ']' || line[close] == ')';
      if (depth == 0) break;
    }
    if (close == line.size()) return {};
    labels.push_back(label_of(line.substr(0, close + 1)));
    line.remove_prefix(close + 1);
    while (!line.empty() && (line.front() == ',' || line.front() == ';')) line.remove_prefix(1);
  }
  return labels;
}

/// Letters and digits of a name alone, small: "E_R" is "er", "dR/dE" is "drde".
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)))
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

bool one_of(const std::string& name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool names_energy(const Label& label) {
  return one_of(plain_name(label.name),
                {"energy", "e", "er", "erecoil", "recoilenergy", "enr", "eee"});
}

bool names_rate(const Label& label) {
  return one_of(plain_name(label.name), {"rate", "drde", "drder", "differentialrate", "eventrate",
                                         "background", "backgroundrate"});
}

bool is_rate(const Unit& unit) {
  return unit.is(-1, -1, -1, 0);
}
bool is_energy(const Unit& unit) {
  return unit.is(1, 0, 0, 0);
}

/// The text in lines, and what of it is data.
struct Table {
  char separator = ',';
  std::vector<Label> labels;  ///< none where no line names the columns
  std::vector<Line> rows;
  std::size_t columns = 0;
  Line first;  ///< of the file, to be quoted
};

class Reader {
 public:
  Reader(const std::string& file, std::string_view text) : file_(file) {
    int number = 0;
    while (!text.empty()) {
      const auto end = text.find('\n');
      const auto line = trimmed(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      ++number;
      if (line.empty()) continue;
      if (first_.text.empty()) first_ = {number, line};
      if (line.front() == '#' || line.front() == '%') {
        if (lines_.empty())
          comments_.push_back(
              trimmed(line.substr(line.find_first_not_of("#%") == std::string_view::npos
                                      ? line.size()
                                      : line.find_first_not_of("#%"))));
        continue;
      }
      lines_.push_back({number, line});
    }
    if (lines_.empty())
      throw InputError({file_, 0, "", ""}, "the table is empty", "give a header line and rows");
  }

  Table read() const {
    const Line& sample = lines_[lines_.size() > 1 ? 1 : 0];
    if (has_decimal_comma(sample.text) || has_decimal_comma(lines_.front().text))
      throw error(sample, "numbers with a decimal comma", "write them with a point: 0.5, not 0,5");
    for (const char separator : {',', '\t', ';', ' '})
      if (auto table = with(separator)) return *table;
    // Which line it is that fits nothing, under the separator that the others have.
    for (const char separator : {',', '\t', ';', ' '}) {
      const auto columns = fields_of(sample.text, separator).size();
      if (columns < 2 || !all_numbers(fields_of(sample.text, separator))) continue;
      for (std::size_t i = 1; i < lines_.size(); ++i) {
        const auto fields = fields_of(lines_[i].text, separator);
        if (fields.size() == columns && all_numbers(fields)) continue;
        throw error(lines_[i], "not " + std::to_string(columns) + " numbers as in the lines before",
                    "complete the line or remove it");
      }
    }
    throw error(first_, "not a table of numbers", remedy);
  }

  InputError error(const Line& line, const std::string& what, const std::string& how) const {
    return {{file_, line.number, "", std::string(line.text)}, what, how};
  }

 private:
  /// The table with a separator, if all lines but a header fit it.
  std::optional<Table> with(char separator) const {
    const bool header = !all_numbers(fields_of(lines_.front().text, separator));
    const std::size_t begin = header ? 1 : 0;
    if (lines_.size() <= begin) return {};
    Table table;
    table.separator = separator;
    table.first = first_;
    table.columns = fields_of(lines_[begin].text, separator).size();
    if (table.columns < 2) return {};
    for (std::size_t i = begin; i < lines_.size(); ++i) {
      const auto fields = fields_of(lines_[i].text, separator);
      if (fields.size() != table.columns || !all_numbers(fields)) return {};
      table.rows.push_back(lines_[i]);
    }
    const auto try_labels = [&](std::string_view line) {
      std::vector<Label> labels;
      if (separator != ' ')
        for (const auto field : fields_of(line, separator)) labels.push_back(label_of(field));
      if (labels.size() != table.columns) labels = bracketed_labels(line);
      if (labels.size() != table.columns) {
        labels.clear();
        for (const auto field : fields_of(line, ' ')) labels.push_back(label_of(field));
      }
      if (labels.size() == table.columns) table.labels = std::move(labels);
    };
    if (header) {
      try_labels(lines_.front().text);
    } else {
      for (auto comment = comments_.rbegin(); comment != comments_.rend() && table.labels.empty();
           ++comment)
        try_labels(*comment);
    }
    return table;
  }

  std::string file_;
  Line first_;
  std::vector<std::string_view> comments_;  ///< before the first row
  std::vector<Line> lines_;
};

struct Column {
  std::size_t index = 0;
  std::string unit_text;
  Unit unit;
};

/// The column that the study names, or the one that its own name and unit tell.
Column find_column(const Reader& reader, const Table& table, const TableColumn& wanted,
                   const char* what, bool (*names)(const Label&), bool (*fits)(const Unit&)) {
  const auto quantity = std::string(what);
  if (!wanted.column.empty()) {
    Column column;
    column.unit_text = wanted.unit;
    const auto unit = read_unit(wanted.unit);
    if (!unit || !fits(*unit))
      throw reader.error(table.first, "'" + quotable(wanted.unit) + "' is no unit of " + quantity,
                         remedy);
    column.unit = *unit;
    double place = 0;
    if (parse_number(wanted.column, place)) {
      if (place != std::floor(place) || place < 1 || place > static_cast<double>(table.columns))
        throw reader.error(table.first,
                           "there is no column " + quotable(wanted.column) + ", but " +
                               std::to_string(table.columns),
                           remedy);
      column.index = static_cast<std::size_t>(place) - 1;
      return column;
    }
    for (std::size_t i = 0; i < table.labels.size(); ++i)
      if (table.labels[i].name == wanted.column ||
          plain_name(table.labels[i].name) == plain_name(wanted.column)) {
        column.index = i;
        return column;
      }
    throw reader.error(table.first, "no column is named '" + quotable(wanted.column) + "'", remedy);
  }
  std::optional<Column> found;
  for (std::size_t i = 0; i < table.labels.size(); ++i) {
    const auto& label = table.labels[i];
    const auto unit = read_unit(label.unit);
    if (!names(label) || !unit || !fits(*unit)) continue;
    if (found) throw reader.error(table.first, "two columns may be the " + quantity, remedy);
    found = Column{i, label.unit, *unit};
  }
  if (!found)
    throw reader.error(table.first, "it is not said which column is the " + quantity, remedy);
  return *found;
}

}  // namespace

BackgroundTable read_rate_table(const std::string& file, std::string_view text,
                                const TableColumns& columns, std::vector<int>& lines) {
  const Reader reader(file, text);
  const auto table = reader.read();
  const auto energy = find_column(reader, table, columns.energy, "energy", names_energy, is_energy);
  const auto rate = find_column(reader, table, columns.rate, "rate", names_rate, is_rate);
  BackgroundTable result;
  result.file = file;
  result.columns = columns;
  result.energy_unit = energy.unit_text;
  result.scale = energy.unit.scale;
  const double to_rate = rate.unit.factor * constants::keV;  // from 1/MeV to 1/keV
  for (const auto& row : table.rows) {
    const auto fields = fields_of(row.text, table.separator);
    double e = 0, r = 0;
    read_value(fields[energy.index], e);
    read_value(fields[rate.index], r);
    if (!std::isfinite(e) || !std::isfinite(r))
      throw reader.error(row, "not a finite number", "write a number such as 1.5 or 2e-3");
    result.energy.push_back(e * energy.unit.factor);
    result.rate.push_back(r * to_rate);
    lines.push_back(row.number);
  }
  const auto named = [&](const Column& column) {
    std::string words = "column " + std::to_string(column.index + 1);
    if (column.index < table.labels.size())
      words += " (" + quotable(table.labels[column.index].name, 40) + ")";
    return words + " in " + quotable(column.unit_text, 40);
  };
  result.reading = "energy is " + named(energy) + ", rate " + named(rate);
  return result;
}

}  // namespace magnu
