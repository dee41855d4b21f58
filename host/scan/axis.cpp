#include "magnu/scan/axis.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "magnu/scan/combine.hpp"

namespace magnu {
namespace {

/// The value of the one background entry of a kind; zero where there is none.
double background_value(const Curve& curve, Background::Kind kind) {
  for (const auto& entry : curve.background)
    if (entry.kind == kind) return entry.value;
  return 0;
}

/// In keV as it was written: the 16th digit is the conversion's.
double in_keV(double mev) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", mev / constants::keV);
  return std::strtod(text, nullptr);
}

void set_background(Curve& curve, Background::Kind kind, double value) {
  for (auto& entry : curve.background)
    if (entry.kind == kind) {
      entry.value = value;
      return;
    }
  curve.background.push_back({kind, value, "", {}, {}});
}

void copy_background(Curve& to, const Curve& from, Background::Kind kind) {
  set_background(to, kind, background_value(from, kind));
}

using C = Curve;

}  // namespace

std::string to_string(AxisKind kind) {
  constexpr const char* names[] = {"shape", "shape", "coefficient", "response", "amplitude"};
  return names[static_cast<int>(kind)];
}

const std::vector<AxisField>& axis_fields() {
  using enum AxisKind;
  static const std::vector<AxisField> fields{
      {"solar_model", flux, "", true,
       [](C& to, const C& from) { to.flux.solar_model = from.flux.solar_model; }, nullptr},
      {"b8_spectrum", flux, "", true,
       [](C& to, const C& from) { to.flux.b8_spectrum = from.flux.b8_spectrum; }, nullptr},
      {"oscillation.sin2_theta12", oscillation, "", false,
       [](C& to, const C& from) {
         to.flux.oscillation.sin2_theta12 = from.flux.oscillation.sin2_theta12;
       },
       [](const C& c) { return c.flux.oscillation.sin2_theta12; }},
      {"oscillation.sin2_theta13", oscillation, "", false,
       [](C& to, const C& from) {
         to.flux.oscillation.sin2_theta13 = from.flux.oscillation.sin2_theta13;
       },
       [](const C& c) { return c.flux.oscillation.sin2_theta13; }},
      {"oscillation.dm2_21", oscillation, "eV^2", false,
       [](C& to, const C& from) { to.flux.oscillation.dm2_21 = from.flux.oscillation.dm2_21; },
       [](const C& c) { return c.flux.oscillation.dm2_21; }},
      {"target", coefficient, "", true, [](C& to, const C& from) { to.target = from.target; },
       nullptr},
      {"sin2_theta_w", coefficient, "", false,
       [](C& to, const C& from) { to.couplings.sin2_theta_w = from.couplings.sin2_theta_w; },
       [](const C& c) { return c.couplings.sin2_theta_w; }},
      {"electrons", coefficient, "", true,
       [](C& to, const C& from) {
         to.couplings.stepping_electrons = from.couplings.stepping_electrons;
       },
       nullptr},
      {"threshold", response, "keV", false,
       [](C& to, const C& from) { to.threshold = from.threshold; },
       [](const C& c) { return in_keV(c.threshold); }, 0,
       [](C& c, double x) { c.threshold = x * constants::keV; }},
      {"upper", response, "keV", false, [](C& to, const C& from) { to.upper = from.upper; },
       [](const C& c) { return in_keV(c.upper); }},
      {"bins", response, "", false, [](C& to, const C& from) { to.bins = from.bins; },
       [](const C& c) { return static_cast<double>(c.bins); }},
      {"statistic", response, "", true, [](C& to, const C& from) { to.statistic = from.statistic; },
       nullptr},
      {"resolution.a", response, "sqrt(keV)", false,
       [](C& to, const C& from) { to.resolution.a = from.resolution.a; },
       [](const C& c) { return c.resolution.a; }},
      {"resolution.b", response, "", false,
       [](C& to, const C& from) { to.resolution.b = from.resolution.b; },
       [](const C& c) { return c.resolution.b; }},
      {"background", amplitude, "", true,
       [](C& to, const C& from) { to.background = from.background; }, nullptr,
       sets_shape | sets_fraction | sets_flat},
      {"background.fraction", amplitude, "", false,
       [](C& to, const C& from) { copy_background(to, from, Background::Kind::fraction); },
       [](const C& c) { return background_value(c, Background::Kind::fraction); }, sets_fraction,
       [](C& c, double x) { set_background(c, Background::Kind::fraction, x); }},
      {"background.flat", amplitude, "1/(tonne year keV)", false,
       [](C& to, const C& from) { copy_background(to, from, Background::Kind::flat); },
       [](const C& c) { return background_value(c, Background::Kind::flat); }, sets_flat,
       [](C& c, double x) { set_background(c, Background::Kind::flat, x); }},
      {"fraction_in", amplitude, "", true,
       [](C& to, const C& from) { to.fraction_in = from.fraction_in; }, nullptr, sets_fraction_in},
      {"exposure", amplitude, "tonne year", false,
       [](C& to, const C& from) { to.exposure = from.exposure; },
       [](const C& c) { return c.exposure; }, sets_exposure,
       [](C& c, double x) { c.exposure = x; }},
      {"sigma_scale", amplitude, "", false,
       [](C& to, const C& from) { to.sigma_scale = from.sigma_scale; },
       [](const C& c) { return c.sigma_scale; }, sets_sigma_scale},
      {"confidence_level", amplitude, "", false,
       [](C& to, const C& from) { to.confidence_level = from.confidence_level; },
       [](const C& c) { return c.confidence_level; }, sets_goal},
  };
  return fields;
}

const AxisField* find_axis_field(const std::string& path) {
  for (const auto& field : axis_fields())
    if (field.path == path) return &field;
  return nullptr;
}

Grid::Grid(std::vector<Curve> curves, std::vector<Axis> axes, std::optional<Reach> reach)
    : curves_(std::move(curves)), axes_(std::move(axes)), reach_(std::move(reach)) {
  std::stable_sort(axes_.begin(), axes_.end(), [](const Axis& a, const Axis& b) {
    if (a.field->kind != b.field->kind) return a.field->kind < b.field->kind;
    // The whole list of backgrounds before a part of it: the part is then what counts.
    return a.field->path == "background" && b.field->path.starts_with("background.");
  });
}

std::vector<const Axis*> Grid::axes(AxisKind kind) const {
  std::vector<const Axis*> found;
  for (const auto& axis : axes_)
    if (axis.field->kind == kind) found.push_back(&axis);
  return found;
}

std::size_t Grid::points(AxisKind kind) const {
  std::size_t product = 1;
  for (const auto* axis : axes(kind)) product *= axis->size();
  return product;
}

std::size_t Grid::size() const {
  std::size_t product = curves_.size();
  for (const auto& axis : axes_) product *= axis.size();
  return product;
}

Grid::Place Grid::place(std::size_t i) const {
  Place place{0, std::vector<std::size_t>(axes_.size())};
  for (std::size_t a = axes_.size(); a-- > 0; i /= axes_[a].size())
    place.index[a] = i % axes_[a].size();
  place.curve = i;
  return place;
}

Curve Grid::at(const Place& place) const {
  Curve point = curves_[place.curve];
  for (std::size_t a = 0; a < axes_.size(); ++a)
    axes_[a].field->copy(point, axes_[a].variants[place.curve][place.index[a]]);
  return point;
}

}  // namespace magnu
