#include "magnu/io/study/setting.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <sstream>

#include "magnu/core/csv.hpp"
#include "magnu/io/study/keys.hpp"
#include "magnu/scan/axis.hpp"

namespace magnu {
namespace {

constexpr const char* yaml_remedy = "see docs/configuration.md for the keys and their form";

constexpr int deepest = 16;

/// `budget`: settings that may still come. An alias can hold itself, or many times many others.
Setting convert(const YAML::Node& node, const Location& source, const std::string& path,
                std::size_t& budget, int depth = 0) {
  Setting setting;
  setting.where = source;
  setting.where.key = path;
  if (source.line == 0 && node.Mark().line >= 0) setting.where.line = node.Mark().line + 1;
  if (depth > deepest || budget-- == 0) {
    setting.where.key.clear();
    throw InputError(setting.where, "too deeply nested or too long, perhaps an alias inside itself",
                     yaml_remedy);
  }
  if (node.IsScalar()) {
    setting.kind = Setting::Kind::scalar;
    setting.scalar = node.Scalar();
  } else if (node.IsSequence()) {
    setting.kind = Setting::Kind::list;
    for (std::size_t i = 0; i < node.size(); ++i)
      setting.items.push_back(
          convert(node[i], source, path + "[" + std::to_string(i + 1) + "]", budget, depth + 1));
  } else if (node.IsMap()) {
    setting.kind = Setting::Kind::map;
    for (const auto& pair : node) {
      auto here = setting.where;
      if (source.line == 0) here.line = pair.first.Mark().line + 1;
      if (!pair.first.IsScalar()) throw InputError(here, "a key must be a plain word", yaml_remedy);
      const auto key = pair.first.Scalar();
      here.key = path.empty() ? key : path + "." + key;
      if (key == "<<") throw InputError(here, "merge keys are not resolved", "write the keys out");
      if (setting.find(key))
        throw InputError(
            here,
            "duplicate key, first given on line " + std::to_string(setting.find(key)->where.line),
            "keep one of the two");
      setting.entries.emplace_back(key, convert(pair.second, source, here.key, budget, depth + 1));
      if (source.line == 0) setting.entries.back().second.where.line = here.line;
    }
  }
  return setting;
}

/// Sees the events of a text and stops at a second document. YAML::LoadAll would take whatever
/// follows a document for another one, a stray comma for one without end, until memory is gone.
class OneDocument : public YAML::EventHandler {
 public:
  explicit OneDocument(const Location& source) : source_(source) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    auto where = source_;
    if (where.line == 0) where.line = mark.line + 1;
    throw InputError(where, "more than one YAML document, or something after the end of the value",
                     "keep one study in a file, and one value in a setting");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    descend(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    descend(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  /// yaml-cpp itself would speak of a "bad file", much deeper.
  void descend(const YAML::Mark& mark) {
    if (depth_++ <= deepest) return;
    auto where = source_;
    if (where.line == 0) where.line = mark.line + 1;
    throw InputError(where, "too deeply nested", yaml_remedy);
  }

  const Location& source_;
  int documents_ = 0, depth_ = 0;
};

/// Where no newline ends it, yaml-cpp sees that a quote is not closed; else the quote would end
/// with the text, and hold all settings on the way.
std::string without_last_blanks(const std::string& text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

/// Longer texts are no studies; a reader of them would fill memory with nodes.
constexpr std::size_t longest_study = std::size_t{1} << 24;
constexpr std::size_t longest_override = std::size_t{1} << 16;

/// "bins: 10" of "bins:10", where that begins with a key; else nothing. YAML takes it for one word.
std::string with_blank(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == text.npos || colon + 1 == text.size() || text[colon + 1] == ' ') return "";
  const std::string key(text.substr(0, colon));
  const auto& keys = study_keys();
  const bool known = std::any_of(keys.begin(), keys.end(), [&](const Key& one) {
    return one.name == key || one.name.ends_with("." + key);
  });
  return known ? key + ": " + std::string(text.substr(colon + 1)) : "";
}

/// Calls see(number, line, where its first word begins) for each line of a text.
template <class See>
void for_each_line(std::string_view text, See&& see) {
  for (int number = 1; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    if (const auto from = line.find_first_not_of(" \t\r-"); from != line.npos)
      see(number, line.substr(0, line.find_last_not_of(" \t\r") + 1), from);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

/// InputError where what is wrong with a text that is no study can be seen in one of its lines.
void expect_study_lines(const std::string& text, const Location& source) {
  for_each_line(text, [&](int number, std::string_view line, std::size_t from) {
    auto where = source;
    where.line = number;
    where.value = line.substr(from);
    if (const auto spaced = with_blank(line.substr(from)); !spaced.empty())
      throw InputError(where, "no blank after the colon", "write '" + spaced + "'");
  });
}

/// The line that a tab indents, zero for none.
int line_with_tab(const std::string& text) {
  int found = 0;
  for_each_line(text, [&](int number, std::string_view line, std::size_t from) {
    if (found == 0 && line.substr(0, from).find('\t') != line.npos) found = number;
  });
  return found;
}

Setting parse(const std::string& text, const Location& source, std::size_t longest) {
  if (text.size() > longest)
    throw InputError(source, fmt::format("longer than {} kB", longest >> 10),
                     "write a long list as a range, {from: A, to: B, points: N}, or put a table "
                     "into a file of its own");
  if (text.find('\0') != std::string::npos)
    throw InputError(source, "no plain text, perhaps UTF-16", "save it in UTF-8");
  try {
    std::istringstream events(without_last_blanks(text));
    YAML::Parser parser(events);
    for (OneDocument one(source); parser.HandleNextDocument(one);) {
    }
    std::size_t budget = 1'000'000;
    return convert(YAML::Load(text), source, source.key, budget);
  } catch (const YAML::Exception& problem) {
    auto where = source;
    if (where.line == 0 && problem.mark.line >= 0) where.line = problem.mark.line + 1;
    if (source.line == 0) {
      expect_study_lines(text, source);
      if (const int line = line_with_tab(text); line > 0 && line <= where.line) {
        where.line = line;
        throw InputError(where, "broken YAML: a tab indents this line", "indent it with blanks");
      }
    }
    const bool quote = problem.msg == YAML::ErrorMsg::EOF_IN_SCALAR;
    throw InputError(where, "broken YAML: " + (quote ? "a quote is not closed" : problem.msg),
                     yaml_remedy);
  }
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

/// The curve whose name the rest of a path begins with; the longest such name wins.
Setting* find_curve(Setting& curves, std::string& rest) {
  Setting* best = nullptr;
  std::size_t length = 0;
  for (auto& curve : curves.items) {
    const auto* name = curve.find("name");
    if (!name || !rest.starts_with(name->scalar + ".") || name->scalar.size() < length) continue;
    best = &curve;
    length = name->scalar.size();
  }
  if (best) rest.erase(0, length + 1);
  return best;
}

}  // namespace

Setting::Setting() = default;
Setting::Setting(const Setting&) = default;
Setting::Setting(Setting&&) noexcept = default;
Setting& Setting::operator=(const Setting&) = default;
Setting& Setting::operator=(Setting&&) noexcept = default;
Setting::~Setting() = default;

const Setting* Setting::find(const std::string& key) const {
  for (const auto& [name, value] : entries)
    if (name == key) return &value;
  return nullptr;
}

Setting* Setting::find(const std::string& key) {
  return const_cast<Setting*>(std::as_const(*this).find(key));
}

std::string Setting::brief() const {
  std::string text;
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::scalar:
      return scalar;
    case Kind::list:
      for (const auto& item : items) text += (text.empty() ? "" : ", ") + item.brief();
      return "[" + text + "]";
    case Kind::map:
      for (const auto& [key, value] : entries)
        text += (text.empty() ? "" : ", ") + key + ": " + value.brief();
      return "{" + text + "}";
  }
  return text;
}

InputError Setting::error(const std::string& what_is_wrong, const std::string& remedy) const {
  auto location = where;
  location.value = brief();
  return {location, what_is_wrong, remedy};
}

Setting load_settings(const std::string& path) {
  const Location source{path, 0, "", ""};
  auto root = parse(read_file(path), source, longest_study);
  if (root.kind == Setting::Kind::null)
    throw InputError(source, "the study is empty",
                     "a study needs one key at least, for example 'exposure: 1 tonne year'");
  if (root.kind == Setting::Kind::scalar) expect_study_lines(root.scalar, {path, 0, "", ""});
  if (root.kind != Setting::Kind::map)
    throw InputError({path, root.where.line, "", ""}, "a study is a map of keys to values",
                     yaml_remedy);
  return root;
}

/// The first key of a path below a map: up to a dot, or a key of the map that holds dots itself, as
/// those of axes do.
static std::string first_key(const Setting& map, const std::string& path) {
  for (const auto& [key, value] : map.entries)
    if (path == key || path.starts_with(key + ".")) return key;
  return path.substr(0, path.find('.'));
}

void apply_override(Setting& root, const std::string& assignment) {
  const auto equals = assignment.find('=');
  Location source{"--set " + quotable(assignment), 0, "", ""};
  if (equals == std::string::npos || equals == 0)
    throw InputError(source, "not of the form PATH=VALUE", "write for example --set bins=20");
  std::string path = assignment.substr(0, equals);
  source.key = path;
  source.line = -1;  // no line: the file is the command line

  Setting* place = &root;
  std::string rest = path;
  if (rest.starts_with("curves.")) {
    rest.erase(0, 7);
    auto* curves = root.find("curves");
    place = curves ? find_curve(*curves, rest) : nullptr;
    if (!place) {
      std::string known;
      if (curves)
        for (const auto& curve : curves->items)
          if (const auto* name = curve.find("name"))
            known += (known.empty() ? "" : ", ") + name->scalar;
      throw InputError(source, "no curve of that name in the study",
                       known.empty() ? "the study lists no curves" : "its curves: " + known);
    }
  }
  // A file and line of its own would be misleading: every part of the value comes from here.
  auto value = parse(assignment.substr(equals + 1), source, longest_override);
  value.where = source;
  const auto key_here = [&] {
    std::string longest;  // an axis's name holds the dots of its setting
    if (place == root.find("axes"))
      for (const auto& field : axis_fields())
        if ((rest + ".").starts_with(field.path + ".") && field.path.size() > longest.size())
          longest = field.path;
    return longest.empty() ? first_key(*place, rest) : longest;
  };
  for (std::string key; (key = key_here()) != rest; rest.erase(0, key.size() + 1)) {
    auto* next = place->find(key);
    if (!next || next->kind != Setting::Kind::map) {
      // One member of a curve's map: the others stay what the study has.
      const auto* inherited = place == &root ? nullptr : root.find(key);
      Setting map;
      if (!next && inherited && inherited->kind == Setting::Kind::map) map = *inherited;
      map.kind = Setting::Kind::map;
      map.where = source;
      map.where.key = path.substr(0, path.size() - rest.size() + key.size());
      if (next) {
        *next = map;
      } else {
        place->entries.emplace_back(key, map);
      }
      next = place->find(key);
    }
    place = next;
  }
  if (auto* old = place->find(rest)) {
    *old = value;
  } else {
    place->entries.emplace_back(rest, value);
  }
}

void set_at(Setting& root, const std::string& path, const Setting& value) {
  Setting* place = &root;
  std::string rest = path;
  for (std::size_t dot; (dot = rest.find('.')) != std::string::npos; rest.erase(0, dot + 1)) {
    const auto key = rest.substr(0, dot);
    if (!place->find(key)) {
      Setting map;
      map.kind = Setting::Kind::map;
      map.where = value.where;
      place->entries.emplace_back(key, map);
    }
    place = place->find(key);
  }
  if (auto* old = place->find(rest)) {
    *old = value;
  } else {
    place->entries.emplace_back(rest, value);
  }
}

void check_keys(const Setting& map, const std::vector<std::string>& known) {
  for (const auto& [key, value] : map.entries) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    if (const auto spaced = with_blank(key); !spaced.empty())
      throw value.error("no blank after the colon", "write '" + spaced + "'");
    const auto near = nearest_name(key, known);
    throw value.error("unknown key", near.empty()
                                         ? fmt::format("known here: {}", fmt::join(known, ", "))
                                         : "did you mean '" + near + "'?");
  }
}

std::string nearest_name(const std::string& name, const std::vector<std::string>& known) {
  const auto small = [](std::string text) {  // names in capitals are near too
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  std::string best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : known)
    if (const auto distance = edit_distance(small(name), small(candidate)); distance < least) {
      least = distance;
      best = candidate;
    }
  return best;
}

}  // namespace magnu
