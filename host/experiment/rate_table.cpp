#include "magnu/experiment/rate_table.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <utility>

#include "magnu/core/csv.hpp"
#include "magnu/core/error.hpp"
#include "magnu/physics/constants.hpp"

namespace magnu {
namespace {

constexpr char separators[] = {',', '\t', ';', ' '};

const char* name_of(char separator) {
  return separator == ','    ? "commas"
         : separator == '\t' ? "tabs"
         : separator == ';'  ? "semicolons"
                             : "blanks";
}

std::string_view trimmed(std::string_view text) {
  constexpr auto blank = " \t";
  const auto from = text.find_first_not_of(blank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(blank) - from + 1);
}

// --- numbers ------------------------------------------------------------------------------------

/// A number as spreadsheets and Fortran write it: "1.5", "1.0D0".
bool read_value(std::string_view text, double& value) {
  std::string plain(text);
  for (char& c : plain)
    if (c == 'd' || c == 'D') c = 'e';
  return parse_number(plain, value);
}

bool is_number(std::string_view text) {
  double value = 0;
  return read_value(text, value);
}

/// A number, or something that was to be one ("1..0"): no name of a column.
bool begins_as_number(std::string_view text) {
  if (is_number(text)) return true;
  const auto at = text.find_first_not_of("+-.");
  return at != std::string_view::npos && at <= 2 &&
         std::isdigit(static_cast<unsigned char>(text[at]));
}

/// "0,1246" where a point is meant.
bool has_decimal_comma(std::string_view field) {
  const auto comma = field.find(',');
  if (comma == std::string_view::npos || comma + 1 == field.size()) return false;
  if (!std::isdigit(static_cast<unsigned char>(field[comma + 1])) ||
      field.find_first_of(",.", comma + 1) != std::string_view::npos)
    return false;
  std::string plain(field);
  plain[comma] = '.';
  return is_number(plain);
}

// --- headers ------------------------------------------------------------------------------------

/// A column's name and unit, as "ER[keVee]" or "Rate (/t y keV)" give them.
struct Label {
  std::string name, unit;
};

constexpr std::string_view own_energy = "energy_keV", own_rate = "rate_per_tonne_year_keV";

Label label_of(std::string_view text) {
  if (text == own_energy) return {std::string(text), "keV"};
  if (text == own_rate) return {std::string(text), "1/(tonne year keV)"};
  const auto open = text.find_first_of("[(");
  if (open == std::string_view::npos || (text.back() != ']' && text.back() != ')'))
    return {std::string(text), ""};
  return {std::string(trimmed(text.substr(0, open))),
          std::string(trimmed(text.substr(open + 1, text.size() - open - 2)))};
}

std::vector<Label> labels_of(const std::vector<std::string>& fields) {
  std::vector<Label> labels;
  for (const auto& field : fields) labels.push_back(label_of(field));
  while (!labels.empty() && labels.back().name.empty() && labels.back().unit.empty())
    labels.pop_back();
  return labels;
}

/// Labels that end with a bracket each, whatever is between them.
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

/// The ways a line may name columns, by a separator of its own.
std::vector<std::vector<Label>> label_sets(std::string_view line) {
  std::vector<std::vector<Label>> sets;
  const auto add = [&](std::vector<Label> labels) {
    if (labels.size() >= 2) sets.push_back(std::move(labels));
  };
  for (const char separator : {',', '\t', ';'}) add(labels_of(split_fields(line, separator)));
  add(bracketed_labels(line));
  add(labels_of(split_fields(line, ' ')));
  return sets;
}

/// Letters, digits and bars of a name, small: "E_R" is "er", "dR/dE" is "dr/de".
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '/')
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

/// What a column may be: its names, and its unit.
struct Quantity {
  const char* what;
  std::string_view own;
  std::vector<std::string_view> names;
  int energy, mass, time;

  bool measured_in(const std::optional<Unit>& unit) const {
    return unit && unit->is(energy, mass, time, 0);
  }
};

const Quantity& energy_quantity() {
  static const Quantity quantity{
      "energy",
      own_energy,
      {"e", "er", "eee", "enr", "energy", "energies", "erecoil", "recoilenergy"},
      1,
      0,
      0};
  return quantity;
}

const Quantity& rate_quantity() {
  static const Quantity quantity{
      "rate",
      own_rate,
      {"rate", "rates", "dr/de", "dr/der", "dr/deee", "dr/denr", "drde", "drder", "eventrate",
       "differentialrate", "recoilrate", "background", "backgroundrate"},
      -1,
      -1,
      -1};
  return quantity;
}

/// Whether a column is, by its name, neither an energy nor a rate: a time, a logarithm, a sum.
bool is_neither(const Label& label) {
  const auto plain = plain_name(label.name);
  for (const std::string_view word : {"time", "date", "cumul", "integra"})
    if (plain.find(word) != std::string::npos) return true;
  const auto after = plain.starts_with("log")  ? plain.substr(3)
                     : plain.starts_with("ln") ? plain.substr(2)
                                               : "none";
  return after.empty() || after == "e" || after == "er" || after == "energy" || after == "rate" ||
         (plain.starts_with("log") && std::isdigit(static_cast<unsigned char>(after[0])));
}

// --- the table ----------------------------------------------------------------------------------

struct Line {
  int number = 0;
  std::string_view text;
};

/// One of the two columns.
struct Column {
  std::size_t place = 0;
  std::string name;  ///< empty where no header names it
  std::string unit_text;
  Unit unit;

  std::string label() const { return name.empty() ? "column " + std::to_string(place + 1) : name; }
  std::string described() const {
    return "column " + std::to_string(place + 1) +
           (name.empty() ? "" : " (" + quotable(name, 40) + ")") + " in " + quotable(unit_text, 40);
  }
};

using Fields = std::vector<std::string>;

/// Without empty last ones.
std::size_t filled(const Fields& fields) {
  std::size_t count = fields.size();
  while (count > 0 && fields[count - 1].empty()) --count;
  return count;
}

std::size_t place_of(const std::string& column) {
  double place = 0;
  return parse_number(column, place) && place >= 1 ? static_cast<std::size_t>(place) : 0;
}

class Reader {
 public:
  Reader(const std::string& file, std::string_view text, const TableColumns& columns,
         const std::string& written)
      : file_(file), columns_(columns), written_(written) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
        text.substr(0, 1000).find('\0') != std::string_view::npos)
      throw InputError({file, 0, "", ""}, "the table is no plain text, perhaps UTF-16",
                       "save it as CSV in UTF-8");
    take_lines(text);
    if (lines_.empty())
      throw InputError({file, 0, "", ""}, "the table is empty", "give a header line and rows");
  }

  RateTable read() {
    expect_points();
    const bool by_place =
        place_of(columns_.energy.column) > 0 && place_of(columns_.rate.column) > 0;
    const auto agreed = agreed_separator();
    for (const char separator : separators) {
      if (agreed && separator != *agreed) continue;
      if (agreed) {
        const auto labels = labels_of(split_fields(lines_.front().text, separator));
        if (try_layout(separator, &labels, lines_.front().number, true)) return rows_;
      } else {
        for (const auto& labels : label_sets(lines_.front().text))
          if (try_layout(separator, &labels, lines_.front().number, true)) return rows_;
      }
      if (by_place && try_layout(separator, nullptr, 0, false)) return rows_;
      if (by_place) continue;  // a comment need not be a header then
      for (auto comment = comments_.rbegin(); comment != comments_.rend(); ++comment)
        for (const auto& labels : label_sets(comment->text))
          if (try_layout(separator, &labels, comment->number, false)) return rows_;
    }
    if (failure_) throw *failure_;
    unknown(problem_.empty() ? "it is not said which columns are the energy and the rate"
                             : problem_);
  }

 private:
  void take_lines(std::string_view text) {
    for (int number = 1; !text.empty(); ++number) {
      const auto end = text.find_first_of("\r\n");  // old files end lines by "\r" alone
      const auto line = text.substr(0, end);
      const auto content = trimmed(line);
      const bool both = end != std::string_view::npos && text.substr(end).starts_with("\r\n");
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + (both ? 2 : 1));
      if (content.empty()) continue;
      if (first_.text.empty()) first_ = {number, content};
      if (content.front() != '#' && content.front() != '%') {
        lines_.push_back({number, line});  // with its last tabs, which part columns
      } else if (const auto at = content.find_first_not_of("#% \t"); at != std::string_view::npos) {
        (lines_.empty() ? comments_ : later_comments_).push_back({number, content.substr(at)});
      }
    }
  }

  /// A decimal comma is met before the columns are looked for: it looks like more of them.
  void expect_points() const {
    for (std::size_t i = 0; i < std::min<std::size_t>(lines_.size(), 2); ++i)
      for (const char separator : {';', '\t', ' '}) {
        const auto fields = split_fields(lines_[i].text, separator);
        const auto with_comma = std::count_if(fields.begin(), fields.end(), has_decimal_comma);
        // "1,2 3" may be two columns with a blank in the second.
        const bool numbers = std::all_of(fields.begin(), fields.end(), [](const auto& field) {
          return has_decimal_comma(field) || is_number(field);
        });
        if (fields.size() >= 2 && with_comma > 0 && (separator != ' ' || numbers))
          throw comma_error(lines_[i]);
      }
  }

  InputError comma_error(const Line& line) const {
    return {{file_, line.number, "", std::string(trimmed(line.text))},
            "numbers with a decimal comma",
            "write them with a point: 0.5, not 0,5"};
  }

  /// What parts a header and the first row into as many fields: then nothing else is tried, which
  /// would count words of names as columns.
  std::optional<char> agreed_separator() const {
    if (lines_.size() < 2) return {};
    for (const char separator : {',', '\t', ';'}) {
      const auto header = filled(split_fields(lines_[0].text, separator));
      if (header >= 2 && header == filled(split_fields(lines_[1].text, separator)))
        return separator;
    }
    return {};
  }

  /// The line that the study would need.
  [[noreturn]] void unknown(const std::string& problem) const {
    const auto [energy, rate] = likely_columns();
    const bool none = energy.empty();
    throw InputError(
        {file_, first_.number, "", std::string(first_.text)}, problem,
        "say which columns these are" +
            std::string(none ? ", neither logarithms nor times nor sums" : "") +
            ": {table: " + quotable(written_) + ", energy: {column: " + (none ? "C" : energy) +
            ", unit: keV}, rate: {column: " + (none ? "D" : rate) + ", unit: 1/(tonne year keV)}}");
  }

  /// Places to propose: the first two columns that the first line, a header or not, does not call
  /// something else, those named like energies and rates first; nothing where there are none.
  std::pair<std::string, std::string> likely_columns() const {
    auto line = first_.text;
    line.remove_prefix(std::min(line.find_first_not_of("#% \t"), line.size()));
    const auto sets = label_sets(line);
    if (sets.empty()) return {"1", "2"};
    const auto& labels = sets.front();
    std::size_t energy = labels.size(), rate = labels.size();
    const auto named_like = [](const Label& label, const Quantity& quantity) {
      return std::find(quantity.names.begin(), quantity.names.end(), plain_name(label.name)) !=
             quantity.names.end();
    };
    const auto choose = [&](std::size_t& chosen, auto&& fits, std::size_t other) {
      for (std::size_t i = 0; i < labels.size() && chosen == labels.size(); ++i)
        if (i != other && !is_neither(labels[i]) && fits(labels[i])) chosen = i;
    };
    const auto any = [](const Label&) { return true; };
    choose(
        energy, [&](const auto& l) { return named_like(l, energy_quantity()); }, rate);
    choose(
        rate, [&](const auto& l) { return named_like(l, rate_quantity()); }, energy);
    choose(energy, any, rate);
    choose(rate, any, energy);
    if (energy == labels.size() || rate == labels.size()) return {};
    return {std::to_string(energy + 1), std::to_string(rate + 1)};
  }

  /// What stands against a header is said where nothing else fits.
  std::optional<Column> fail(const std::string& problem) {
    if (problem_.empty()) problem_ = problem;
    return {};
  }

  /// The column that the study names, or the one that its own name and unit tell.
  std::optional<Column> find(const TableColumn& wanted, const std::vector<Label>* labels,
                             const Quantity& quantity) {
    const std::string what = quantity.what;
    const bool told = !wanted.column.empty();
    if (const auto place = told ? place_of(wanted.column) : 0; place > 0) {
      const auto unit = read_unit(wanted.unit);
      if (!quantity.measured_in(unit))
        return fail("'" + quotable(wanted.unit, 40) + "' is no unit of the " + what);
      Column column{place - 1, "", wanted.unit, *unit};
      if (labels && column.place < labels->size()) column.name = (*labels)[column.place].name;
      return column;
    }
    if (!labels) return {};
    const auto has = [&](std::string_view name) {
      return std::any_of(labels->begin(), labels->end(), [&](auto& l) { return l.name == name; });
    };
    const bool own = !told && has(quantity.own);  // counts before others
    std::optional<Column> found;
    for (std::size_t i = 0; i < labels->size(); ++i) {
      const auto& label = (*labels)[i];
      const auto plain = plain_name(label.name);
      const bool meant = told  ? has(wanted.column)
                                     ? label.name == wanted.column
                                     : !plain.empty() && plain == plain_name(wanted.column)
                          : own ? label.name == quantity.own
                               : std::find(quantity.names.begin(), quantity.names.end(), plain) !=
                                     quantity.names.end();
      if (!meant) continue;
      if (found)
        return fail(told ? "two columns are named '" + quotable(wanted.column) + "'"
                         : "two columns may be the " + what);
      const auto unit_text = told ? wanted.unit : label.unit;
      const auto unit = read_unit(unit_text);
      if (!quantity.measured_in(unit))
        return fail(unit_text.empty()
                        ? "it is not said in which unit the " + what + " is"
                        : "'" + quotable(unit_text, 40) + "' is no unit of the " + what);
      found = Column{i, label.name, unit_text, *unit};
    }
    if (!found)
      return fail(told ? "no column is named '" + quotable(wanted.column) + "'"
                       : "it is not said which column is the " + what);
    return found;
  }

  /// Reads all rows in one way. `labels`: of the header on line `line`. `in_row`: it is the first
  /// row.
  bool try_layout(char separator, const std::vector<Label>* labels, int line, bool in_row) {
    const auto energy = find(columns_.energy, labels, energy_quantity());
    if (!energy) return false;
    const auto rate = find(columns_.rate, labels, rate_quantity());
    if (!rate) return false;
    if (energy->place == rate->place) return fail("energy and rate are one column"), false;
    if (energy->unit.scale != RecoilScale::any && rate->unit.scale != RecoilScale::any &&
        energy->unit.scale != rate->unit.scale)
      return fail("the energies are of other recoils than the rate's keV"), false;
    // A first row is a header only where neither of its two fields was to be a number.
    const auto last = std::max(energy->place, rate->place);
    const auto is_word = [&](const Column& column) {
      if (in_row) return !begins_as_number((*labels)[column.place].name);
      const auto fields = split_fields(lines_.front().text, separator);
      return !begins_as_number(fields[column.place]);
    };
    const auto width =
        in_row ? labels->size() : filled(split_fields(lines_.front().text, separator));
    if (in_row && width <= last) return no_column(last, width);
    const bool header = width > last && is_word(*energy) && is_word(*rate);
    if (in_row && !header) return false;
    if (!read_rows(separator, *energy, *rate, header, labels ? labels->size() : 0)) return false;
    expect_agreement(labels, line, *energy, *rate);
    return true;
  }

  static bool differ(const Unit& a, const Unit& b) {
    return !a.is(b.energy, b.mass, b.time, b.moment) || std::abs(a.factor / b.factor - 1) > 1e-12 ||
           (a.scale != RecoilScale::any && b.scale != RecoilScale::any && a.scale != b.scale);
  }

  /// The unit that a header gives a column with a name; what only counts is none.
  static std::optional<Unit> stated(const std::vector<Label>& labels, const Column& column) {
    if (column.place >= labels.size() || labels[column.place].name.empty()) return {};
    const auto unit = read_unit(labels[column.place].unit);
    return unit && !unit->is(0, 0, 0, 0) ? unit : std::nullopt;
  }

  InputError disagreement(int line, const Label& label, const Column& column,
                          const std::string& other, const std::string& remedy) const {
    return {{file_, line, label.name, ""},
            "its unit is '" + quotable(label.unit, 40) + "' here, '" +
                quotable(column.unit_text, 40) + "' " + other,
            remedy};
  }

  /// What the study says of a column is for a header that does not say it, and rows are of one
  /// unit.
  void expect_agreement(const std::vector<Label>* header, int line, const Column& energy,
                        const Column& rate) const {
    const char* in_study = "in the study";
    const char* remedy = "correct one of the two";
    if (header)
      for (const auto* column : {&energy, &rate})
        if (const auto unit = stated(*header, *column); unit && differ(*unit, column->unit))
          throw disagreement(line, (*header)[column->place], *column, in_study, remedy);
    if (!header)
      for (const auto& comment : comments_) expect_same(comment, energy, rate, in_study, remedy);
    for (const auto& comment : later_comments_)
      expect_same(comment, energy, rate, "above",
                  "put rows of other units into a file of their own");
  }

  /// The same of a comment, where it is a header: prose may hold a word in brackets too.
  void expect_same(const Line& comment, const Column& energy, const Column& rate, const char* other,
                   const char* remedy) const {
    for (const auto& labels : label_sets(comment.text)) {
      if (labels.size() != width_) continue;
      const auto e = stated(labels, energy), r = stated(labels, rate);
      const bool header = energy_quantity().measured_in(e) || rate_quantity().measured_in(r) ||
                          (rate_quantity().measured_in(e) && energy_quantity().measured_in(r));
      if (!header) continue;
      for (const auto& [column, unit] : {std::pair{&energy, &e}, std::pair{&rate, &r}})
        if (*unit && differ(**unit, column->unit))
          throw disagreement(comment.number, labels[column->place], *column, other, remedy);
      return;
    }
  }

  bool read_rows(char separator, const Column& energy, const Column& rate, bool header,
                 std::size_t labelled) {
    std::vector<Fields> rows;
    for (std::size_t i = header ? 1 : 0; i < lines_.size(); ++i)
      rows.push_back(split_fields(lines_[i].text, separator));
    const auto columns = labelled > 0 ? labelled : columns_in(rows);
    const auto last = std::max(energy.place, rate.place);
    if (last >= columns) return no_column(last, columns);
    RateTable result;
    result.energy_column = energy.label();
    result.rate_column = rate.label();
    auto& table = result.table;
    const double to_rate = rate.unit.factor * constants::keV;  // from 1/MeV to 1/keV
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& line = lines_[i + (header ? 1 : 0)];
      const auto& row = rows[i];
      const auto refuse = [&](const std::string& key, const std::string& value,
                              const std::string& what, const std::string& how) {
        return note_failure(4 * i + (key.empty() ? 0 : 2),
                            {{file_, line.number, key, value}, what, how});
      };
      const std::string whole(trimmed(line.text));
      const auto count = filled(row);
      const auto there = std::string(" where the ") + (labelled > 0 ? "header" : "first row") +
                         " has " + std::to_string(columns);
      if (count > columns) {
        if (separator == ',' && count == 2 * columns &&
            std::all_of(row.begin(), row.end(), [](auto& field) { return is_number(field); }))
          return note_failure(4 * i + 3, comma_error(line));
        return refuse(
            "", whole, "too many columns: " + std::to_string(count) + there,
            std::string("put fields that hold ") + name_of(separator) + " in double quotes");
      }
      if (row.size() < columns)
        return refuse("", whole, "too few columns: " + std::to_string(row.size()) + there,
                      "complete the row or remove it");
      for (const auto* column : {&energy, &rate}) {
        const auto& field = row[column->place];
        double value = 0;
        if (field.empty())
          return refuse(column->label(), whole, "the field is empty",
                        "complete the row or remove it");
        if (read_value(field, value) && std::isfinite(value)) {
          (column == &energy ? table.energy : table.rate)
              .push_back(value * (column == &energy ? energy.unit.factor : to_rate));
          continue;
        }
        if (has_decimal_comma(field)) return note_failure(4 * i + 3, comma_error(line));
        return refuse(column->label(), field, "not a finite number",
                      "write a number such as 1.5 or 2e-3");
      }
      result.lines.push_back(line.number);
    }
    table.file = file_;
    table.columns = columns_;
    table.energy_unit = energy.unit_text;
    table.scale = energy.unit.scale != RecoilScale::any ? energy.unit.scale : rate.unit.scale;
    if (energy.name != own_energy || rate.name != own_rate || !(columns_ == TableColumns()))
      table.reading = "energy is " + energy.described() + ", rate " + rate.described();
    rows_ = std::move(result);
    width_ = columns;
    return true;
  }

  /// Columns of rows that no header counts: empty last fields are optional.
  static std::size_t columns_in(const std::vector<Fields>& rows) {
    if (rows.empty()) return 0;
    std::size_t most = 0, least = std::string::npos;
    for (const auto& row : rows) {
      most = std::max(most, filled(row));
      least = std::min(least, row.size());
    }
    return most <= least ? most : filled(rows.front());
  }

  bool no_column(std::size_t place, std::size_t columns) {
    fail("there is no column " + std::to_string(place + 1) + ", but " + std::to_string(columns));
    return false;
  }

  /// The complaint of the layout that fits most rows, and there the one that knows most.
  bool note_failure(std::size_t rank, InputError error) {
    if (!failure_ || rank > rank_) {
      rank_ = rank;
      failure_ = std::move(error);
    }
    return false;
  }

  const std::string& file_;
  const TableColumns& columns_;
  const std::string& written_;
  Line first_;                  ///< of the file, to be quoted
  std::vector<Line> comments_;  ///< before the first row, without their mark
  std::vector<Line> later_comments_;
  std::vector<Line> lines_;  ///< the others that are not empty
  RateTable rows_;
  std::size_t width_ = 0;  ///< columns of them
  std::string problem_;
  std::optional<InputError> failure_;
  std::size_t rank_ = 0;
};

}  // namespace

RateTable read_rate_table(const std::string& file, std::string_view text,
                          const TableColumns& columns, const std::string& written) {
  return Reader(file, text, columns, written).read();
}

}  // namespace magnu
