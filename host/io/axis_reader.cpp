#include "magnu/io/axis_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "magnu/core/csv.hpp"
#include "magnu/io/quantity.hpp"

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

/// In the unit of an axis.
std::string in_unit(const std::string& unit, const Setting& setting) {
  return unit == "keV"          ? energy_text(read_quantity(setting, Dimension::energy))
         : unit == "tonne year" ? exposure_text(read_quantity(setting, Dimension::exposure))
                                : fmt::format("{}", read_number(setting));
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

/// The values of a range as settings of their own.
std::vector<Setting> expand_range(const AxisField& field, const Setting& range) {
  for (const char* key : {"from", "to"})
    if (!range.find(key)) throw range.error(std::string("'") + key + "' is missing", form);
  auto first = *range.find("from"), last = *range.find("to");
  if (split_quantity(first).second != split_quantity(last).second)
    for (auto* end : {&first, &last}) end->scalar = in_unit(field.unit, *end);
  const auto [from, unit] = split_quantity(first);
  const double to = split_quantity(last).first;
  const auto points = static_cast<long long>(axis_length(range));
  bool log = false;
  if (const auto* spacing = range.find("spacing")) {
    log = spacing->scalar == "log";
    if (!log && spacing->scalar != "linear")
      throw spacing->error("unknown spacing", "known: linear, log");
  }
  if (log && !(from > 0 && to > 0))
    throw range.error("a logarithmic axis cannot pass through zero",
                      "give positive ends, or spacing: linear");
  std::vector<Setting> values;
  for (long long i = 0; i < points; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(points - 1);
    const double value = i == 0            ? from
                         : i == points - 1 ? to
                         : log             ? from * std::pow(to / from, t)
                                           : from + (to - from) * t;
    Setting setting;
    setting.kind = Setting::Kind::scalar;
    setting.scalar = fmt::format("{}{}", value, unit);
    setting.where = i == 0 ? first.where : i == points - 1 ? last.where : range.where;
    values.push_back(setting);
  }
  return values;
}

/// The background list of a curve with one entry's size set.
Setting with_background(const Setting& curve, const std::string& kind, const Setting& value) {
  Setting list;
  if (const auto* given = curve.find("background")) list = *given;
  list.kind = Setting::Kind::list;
  list.where = value.where;
  Setting* entry = nullptr;
  for (auto& item : list.items) {
    if (!item.find(kind)) continue;
    if (entry)
      throw value.error("the curve has more than one background entry '" + kind + "'",
                        "keep one of them, the axis sets its size");
    entry = &item;
  }
  if (entry) {
    *entry->find(kind) = value;
  } else {
    Setting map;
    map.kind = Setting::Kind::map;
    map.where = value.where;
    map.entries.emplace_back(kind, value);
    list.items.push_back(map);
  }
  return list;
}

Setting with_value(const Setting& curve, const std::string& path, const Setting& value) {
  Setting changed = curve;
  if (path.starts_with("background.")) {
    set_at(changed, "background", with_background(curve, path.substr(11), value));
  } else {
    set_at(changed, path, value);
  }
  return changed;
}

using NamedValues = std::pair<std::string, std::vector<Setting>>;

/// The values of each axis.
std::vector<NamedValues> read_values(const Setting& setting, std::size_t curves) {
  if (setting.kind != Setting::Kind::map || setting.entries.empty())
    throw setting.error("a map of settings is expected here",
                        "write for example axes: {threshold: [0.3 keV, 1 keV]}");
  double detectors = static_cast<double>(curves);
  for (const auto& [path, list] : setting.entries) {
    if (!find_axis_field(path)) {
      const auto near = nearest_name(path, axis_paths());
      throw list.error("'" + path + "' cannot be an axis",
                       (near.empty() ? "" : "did you mean '" + near + "'? ") +
                           fmt::format("known: {}", fmt::join(axis_paths(), ", ")));
    }
    detectors *= static_cast<double>(axis_length(list));
  }
  if (!(detectors < 0x1p63))
    throw InputError(setting.where,
                     fmt::format("the axes multiply to {:.3g} detectors, 2^63 or more", detectors),
                     "shorten an axis");
  std::vector<NamedValues> values;
  for (const auto& [path, list] : setting.entries) {
    values.emplace_back(path, list.kind == Setting::Kind::map
                                  ? expand_range(*find_axis_field(path), list)
                                  : list.items);
    std::set<std::string> seen;
    for (const auto& value : values.back().second)
      if (!seen.insert(value.brief()).second)
        throw value.error("given twice", "keep one of the two");
  }
  return values;
}

constexpr const char* reach_form =
    "write for example reach: {mu_eff: 1e-12 mu_B, by: exposure, from: 1 tonne year, to: 1e4 tonne "
    "year}";

/// The two ends of what `reach` asks for.
NamedValues read_reach_ends(const Setting& setting, const Setting* axes) {
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
    if (field.set) paths.push_back(field.path);
  const auto& by = *setting.find("by");
  if (std::find(paths.begin(), paths.end(), by.scalar) == paths.end())
    throw by.error("cannot be asked for", fmt::format("known: {}", fmt::join(paths, ", ")));
  if (axes && axes->find(by.scalar))
    throw by.error("is an axis of the study as well", "drop the axis, or ask for another setting");
  return {by.scalar, {*setting.find("from"), *setting.find("to")}};
}

/// A dimension scale that turns around cannot be drawn or searched.
void check_order(const Axis& axis, const std::vector<Setting>& values) {
  if (axis.field->choice) return;
  const auto& variants = axis.variants.front();
  const auto number = [&](std::size_t i) { return axis.field->number(variants[i]); };
  for (std::size_t i = 1; i < variants.size(); ++i) {
    if (number(i) == number(i - 1))
      throw values[i].error("given twice: it is the value before it in other words",
                            "keep one of the two");
    if ((number(i) > number(i - 1)) != (number(1) > number(0)))
      throw values[i].error("the values of '" + axis.field->path + "' neither ascend nor descend",
                            "sort them");
  }
}

/// A value passes with the first values of all other axes; words may still exclude one another, and
/// so may the largest threshold and the least upper end.
void check_pairs(const std::vector<Axis>& axes, const std::vector<NamedValues>& values,
                 const std::vector<Setting>& first, const CurveReader& read_curve) {
  const auto extreme = [&](std::size_t a, bool largest) {
    const auto& variants = axes[a].variants.front();
    const auto number = [&](const Curve& c) { return axes[a].field->number(c); };
    const auto less = [&](const Curve& x, const Curve& y) { return number(x) < number(y); };
    const auto found = largest ? std::max_element(variants.begin(), variants.end(), less)
                               : std::min_element(variants.begin(), variants.end(), less);
    return static_cast<std::size_t>(found - variants.begin());
  };
  const auto check = [&](std::size_t a, std::size_t i, std::size_t b, std::size_t j) {
    for (const auto& curve : first)
      read_curve(with_value(with_value(curve, values[a].first, values[a].second[i]),
                            values[b].first, values[b].second[j]));
  };
  for (std::size_t a = 0; a < axes.size(); ++a)
    for (std::size_t b = 0; b < axes.size(); ++b) {
      if (a < b && axes[a].field->choice && axes[b].field->choice)
        for (std::size_t i = 0; i < axes[a].size(); ++i)
          for (std::size_t j = 0; j < axes[b].size(); ++j) check(a, i, b, j);
      if (axes[a].field->path == "threshold" && axes[b].field->path == "upper")
        check(a, extreme(a, true), b, extreme(b, false));
    }
}

}  // namespace

Sweep read_sweep(const Setting* axes, const Setting* reach, const std::vector<Setting>& curves,
                 const CurveReader& read_curve) {
  auto values = axes ? read_values(*axes, curves.size()) : std::vector<NamedValues>{};
  if (reach) values.push_back(read_reach_ends(*reach, axes));

  // With one axis at a value, the others stand at their first: a point of the grid like any other.
  std::vector<Setting> first = curves;
  for (auto& curve : first)
    for (const auto& [path, list] : values) curve = with_value(curve, path, list.front());
  Sweep sweep;
  for (std::size_t a = 0; a < values.size(); ++a) {
    const auto& [path, list] = values[a];
    Axis axis;
    axis.field = find_axis_field(path);
    for (const auto& value : list) axis.labels.push_back(value.brief());
    Variants::Lists variants;
    for (const auto& curve : first) {
      variants.emplace_back();
      variants.back().reserve(list.size());
      for (const auto& value : list)
        variants.back().push_back(read_curve(with_value(curve, path, value)));
    }
    axis.variants = std::move(variants);
    if (a == 0)
      for (const auto& variant : axis.variants) sweep.curves.push_back(variant.front());
    if (axes && a < axes->entries.size()) {
      axis.text = axes->entries[a].second.brief();
      check_order(axis, list);
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
  check_pairs(sweep.axes, values, first, read_curve);
  return sweep;
}

}  // namespace magnu
