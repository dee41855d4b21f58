#include "magnu/io/study/axis_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "magnu/core/csv.hpp"
#include "magnu/io/study/curve_reader.hpp"
#include "magnu/io/study/quantity.hpp"

namespace magnu {
namespace {

constexpr const char* form = "write a list, or {from: A, to: B, points: N, spacing: linear or log}";

std::vector<std::string> axis_paths() {
  std::vector<std::string> paths;
  for (const auto& field : axis_fields()) paths.push_back(field.path);
  return paths;
}

/// "0.1 tonne year" as a number and its unit.
std::pair<double, std::string> split_quantity(const Setting& setting) {
  const auto space = setting.scalar.find(' ');
  double value = 0;
  if (setting.kind != Setting::Kind::scalar ||
      !parse_number(setting.scalar.substr(0, space), value) || !std::isfinite(value))
    throw setting.error("not a number with its unit", "write for example 0.3 keV, or 0.3");
  return {value, space == std::string::npos ? "" : setting.scalar.substr(space)};
}

/// Writes both ends of a range in the unit of its axis.
void bring_to_unit(const std::string& unit, Setting& from, Setting& to, const Setting& range) {
  if (unit != "keV") {
    for (auto* end : {&from, &to})
      end->scalar = unit == "tonne year" ? exposure_text(read_quantity(*end, Dimension::exposure))
                                         : fmt::format("{}", read_number(*end));
    return;
  }
  const auto first = read_scaled_quantity(from, Dimension::energy),
             last = read_scaled_quantity(to, Dimension::energy);
  const auto scale = first.scale == RecoilScale::any ? last.scale : first.scale;
  if (last.scale != RecoilScale::any && last.scale != scale)
    throw range.error("one end in keVee, the other in keVnr", "give both on one scale");
  const auto suffix = scale == RecoilScale::electron  ? "ee"
                      : scale == RecoilScale::nuclear ? "nr"
                                                      : "";
  from.scalar = fmt::format("{} keV{}", energy_in_keV(first.value), suffix);
  to.scalar = fmt::format("{} keV{}", energy_in_keV(last.value), suffix);
}

/// How many values an axis has, before any is made.
std::size_t axis_length(const Setting& list) {
  if (list.kind == Setting::Kind::list) {
    if (list.items.empty()) throw list.error("the list is empty", "give one value at least");
    return list.items.size();
  }
  if (list.kind != Setting::Kind::map) throw list.error("a list or a range is expected here", form);
  const std::vector<std::string> known{"from", "to", "points", "spacing"};
  for (const auto& [key, value] : list.entries)
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw value.error("unknown key", form);
  const auto* points = list.find("points");
  if (!points) throw list.error("'points' is missing", form);
  const auto count = read_integer(*points);
  if (count < 2 || count > 100'000)
    throw points->error("out of range", "give a number from 2 to 100000");
  return static_cast<std::size_t>(count);
}

/// The values of an axis as settings: those of a list, or those of a range, made when asked for.
class AxisSettings {
 public:
  AxisSettings(std::string path, std::vector<Setting> list)
      : path_(std::move(path)), size_(list.size()), list_(std::move(list)) {}

  AxisSettings(const AxisField& field, const Setting& range)
      : path_(field.path), size_(axis_length(range)), range_(range) {
    for (const char* key : {"from", "to"})
      if (!range.find(key)) throw range.error(std::string("'") + key + "' is missing", form);
    first_ = *range.find("from"), last_ = *range.find("to");
    if (split_quantity(first_).second != split_quantity(last_).second)
      bring_to_unit(field.unit, first_, last_, range);
    std::tie(from_, unit_) = split_quantity(first_);
    to_ = split_quantity(last_).first;
    if (const auto* spacing = range.find("spacing")) {
      log_ = spacing->scalar == "log";
      if (!log_ && spacing->scalar != "linear")
        throw spacing->error("unknown spacing", "known: linear, log");
    }
    if (log_ && !(from_ > 0 && to_ > 0))
      throw range.error("a logarithmic axis cannot pass through zero",
                        "give positive ends, or spacing: linear");
  }

  const std::string& path() const { return path_; }
  std::size_t size() const { return size_; }

  Setting operator[](std::size_t i) const {
    if (!list_.empty()) return list_[i];
    const double t = static_cast<double>(i) / static_cast<double>(size_ - 1);
    const double value = i == 0           ? from_
                         : i == size_ - 1 ? to_
                         : log_           ? from_ * std::pow(to_ / from_, t)
                                          : from_ + (to_ - from_) * t;
    Setting setting;
    setting.kind = Setting::Kind::scalar;
    setting.scalar = fmt::format("{}{}", value, unit_);
    setting.where = i == 0 ? first_.where : i == size_ - 1 ? last_.where : range_.where;
    return setting;
  }

 private:
  std::string path_;
  std::size_t size_;
  std::vector<Setting> list_;
  Setting range_, first_, last_;
  double from_ = 0, to_ = 0;
  std::string unit_;
  bool log_ = false;
};

/// Sets the size of one entry of a curve's background list.
void set_background(Setting& curve, const std::string& kind, const Setting& value) {
  auto* list = curve.find("background");
  if (!list) list = &curve.entries.emplace_back("background", Setting{}).second;
  list->kind = Setting::Kind::list;
  list->where = value.where;
  Setting* entry = nullptr;
  for (auto& item : list->items) {
    if (!item.find(kind)) continue;
    if (entry)
      throw value.error("the curve has more than one background entry '" + kind + "'",
                        "keep one of them, the axis sets its size");
    entry = item.find(kind);
  }
  if (entry) {
    *entry = value;
  } else {
    Setting map;
    map.kind = Setting::Kind::map;
    map.where = value.where;
    map.entries.emplace_back(kind, value);
    list->items.push_back(map);
  }
}

void set_value(Setting& curve, const std::string& path, const Setting& value) {
  if (path.starts_with("background.")) {
    set_background(curve, path.substr(11), value);
  } else {
    set_at(curve, path, value);
  }
}

std::vector<AxisSettings> read_axes(const Setting& setting, std::size_t curves) {
  if (setting.kind != Setting::Kind::map || setting.entries.empty())
    throw setting.error("a map of settings is expected here",
                        "write for example axes: {threshold: [0.3 keV, 1 keV]}");
  double detectors = static_cast<double>(curves);
  for (const auto& [path, list] : setting.entries) {
    if (!find_axis_field(path)) {
      const auto near = nearest_name(path, axis_paths());
      throw list.error("this cannot be an axis", near.empty() ? "`magnu list` names those that can"
                                                              : "did you mean '" + near + "'?");
    }
    detectors *= static_cast<double>(axis_length(list));
  }
  if (!(detectors < 0x1p63))
    throw InputError(setting.where,
                     fmt::format("the axes multiply to {:.3g} detectors, 2^63 or more", detectors),
                     "shorten an axis");
  std::vector<AxisSettings> axes;
  for (const auto& [path, list] : setting.entries) {
    if (list.kind == Setting::Kind::map) {
      axes.emplace_back(*find_axis_field(path), list);
      continue;
    }
    std::set<std::string> seen;
    for (const auto& value : list.items)
      if (!seen.insert(value.brief()).second)
        throw value.error("given twice", "keep one of the two");
    axes.emplace_back(path, list.items);
  }
  return axes;
}

constexpr const char* reach_form =
    "write for example reach: {mu_eff: 1e-12 mu_B, by: exposure, from: 1 tonne year, to: 1e4 tonne "
    "year}";

/// The two ends of what `reach` asks for.
AxisSettings read_reach_ends(const Setting& setting, const Setting* axes) {
  if (setting.kind != Setting::Kind::map) throw setting.error("a map is expected here", reach_form);
  const std::vector<std::string> known{"mu_eff", "by", "from", "to"};
  for (const auto& [key, value] : setting.entries)
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw value.error("unknown key", reach_form);
  for (const auto& key : known)
    if (!setting.find(key))
      throw setting.error("'" + key + "' is missing",
                          key == "from" || key == "to"
                              ? std::string("say between which values to look; ") + reach_form
                              : reach_form);
  std::vector<std::string> paths;
  for (const auto& field : axis_fields())
    if (field.solvable) paths.push_back(field.path);
  const auto& by = *setting.find("by");
  if (std::find(paths.begin(), paths.end(), by.scalar) == paths.end())
    throw by.error("cannot be asked for", fmt::format("known: {}", fmt::join(paths, ", ")));
  if (axes && axes->find(by.scalar))
    throw by.error("is an axis of the study as well", "drop the axis, or ask for another setting");
  return {by.scalar, {*setting.find("from"), *setting.find("to")}};
}

/// A dimension scale that turns around cannot be drawn or searched.
void check_order(const Axis& axis, const AxisSettings& settings) {
  for (std::size_t i = 1; i < axis.values.size(); ++i) {
    const double here = axis.number(i), before = axis.number(i - 1);
    if (here == before)
      throw settings[i].error("given twice: it is the value before it in other words",
                              "keep one of the two");
    if ((here > before) != (axis.number(1) > axis.number(0)))
      throw settings[i].error("the values of '" + axis.field->path + "' neither ascend nor descend",
                              "sort them");
  }
}

/// A value passes with the first values of all other axes; words may still exclude one another, and
/// so may the largest threshold, the least upper end and the most bins.
void check_pairs(const std::vector<Axis>& axes, const std::vector<AxisSettings>& settings,
                 const std::vector<Setting>& first, const std::string& folder) {
  const auto check = [&](std::size_t a, std::size_t i, std::size_t b, std::size_t j) {
    for (auto curve : first) {
      set_value(curve, settings[a].path(), settings[a][i]);
      set_value(curve, settings[b].path(), settings[b][j]);
      read_curve(curve, folder);
    }
  };
  for (std::size_t a = 0; a < axes.size(); ++a)
    for (std::size_t b = 0; b < axes.size(); ++b) {
      if (a < b && axes[a].field->choice() && axes[b].field->choice())
        for (std::size_t i = 0; i < axes[a].size(); ++i)
          for (std::size_t j = 0; j < axes[b].size(); ++j) check(a, i, b, j);
    }
  for (auto curve : first) {
    for (std::size_t a = 0; a < axes.size(); ++a) {
      const auto& path = axes[a].field->path;
      if (path != "threshold" && path != "upper" && path != "bins") continue;
      const auto& values = axes[a].values;
      const auto extreme = path == "upper" ? std::min_element(values.begin(), values.end())
                                           : std::max_element(values.begin(), values.end());
      set_value(curve, path, settings[a][static_cast<std::size_t>(extreme - values.begin())]);
    }
    read_curve(curve, folder);
  }
}

/// Reads each value into each curve, which may refuse it. The axis is the same for all.
Axis read_axis(const AxisSettings& settings, const std::vector<Setting>& first,
               const std::string& folder) {
  Axis axis;
  axis.field = find_axis_field(settings.path());
  const bool choice = axis.field->choice();
  for (auto curve : first) {
    auto read = read_curve(curve, folder);
    const bool is_first = axis.size() == 0;
    for (std::size_t i = 0; i < settings.size(); ++i) {
      const auto value = settings[i];
      set_value(curve, settings.path(), value);
      if (choice) {
        read = read_curve(curve, folder);
      } else {
        read_number_again(read, curve, settings.path(), folder);
      }
      if (!is_first) continue;
      if (choice) {
        axis.words.push_back(value.brief());
        axis.chosen.push_back(read);
      } else {
        axis.values.push_back(axis.field->member.get(read));
      }
    }
  }
  return axis;
}

}  // namespace

Sweep read_sweep(const Setting* axes, const Setting* reach, const std::vector<Setting>& curves,
                 const std::string& folder) {
  auto settings = axes ? read_axes(*axes, curves.size()) : std::vector<AxisSettings>{};
  if (reach) settings.push_back(read_reach_ends(*reach, axes));

  // With one axis at a value, the others stand at their first: a point of the grid like any other.
  std::vector<Setting> first = curves;
  Sweep sweep;
  for (auto& curve : first) {
    for (const auto& axis : settings) set_value(curve, axis.path(), axis[0]);
    sweep.curves.push_back(read_curve(curve, folder));
  }
  for (std::size_t a = 0; a < settings.size(); ++a) {
    auto axis = read_axis(settings[a], first, folder);
    if (axes && a < axes->entries.size()) {
      axis.text = axes->entries[a].second.brief();
      check_order(axis, settings[a]);
      sweep.axes.push_back(std::move(axis));
      continue;
    }
    axis.text = reach->brief();
    sweep.reach = Reach{read_quantity(*reach->find("mu_eff"), Dimension::moment), std::move(axis)};
    if (!(sweep.reach->mu_eff > 0))
      throw reach->find("mu_eff")->error("must be positive", "give a value above zero");
    if (!(sweep.reach->from() < sweep.reach->to()))
      throw reach->error("'from' is not below 'to'", "give an ascending range");
  }
  check_pairs(sweep.axes, settings, first, folder);
  return sweep;
}

}  // namespace magnu
