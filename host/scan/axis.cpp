#include "magnu/scan/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <type_traits>

#include "magnu/scan/combine.hpp"
#include "magnu/scan/detector_likelihood.hpp"

namespace magnu {
namespace {

/// In keV as it was written: the 16th digit is the conversion's.
double in_keV(double mev) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", mev / constants::keV);
  return std::strtod(text, nullptr);
}

/// The member that a chain of pointers to members leads to.
template <auto... steps>
constexpr AxisField::Member choice{
    [](Curve& to, const Curve& from) { (to.*....*steps) = (from.*....*steps); }};

template <auto... steps>
constexpr AxisField::Member number{
    nullptr, [](const Curve& c) { return static_cast<double>((c.*....*steps)); },
    [](Curve& c, double x) {
      (c.*....*steps) = static_cast<std::remove_cvref_t<decltype((c.*....*steps))>>(x);
    }};

/// The size of the one background entry of a kind; zero where there is none.
template <Background::Kind kind>
double background_size(const Curve& curve) {
  for (const auto& entry : curve.background)
    if (entry.kind == kind) return entry.value;
  return 0;
}

template <Background::Kind kind>
void set_background(Curve& curve, double value) {
  for (auto& entry : curve.background)
    if (entry.kind == kind) {
      entry.value = value;
      return;
    }
  curve.background.push_back({kind, value, "", {}, {}});
}

template <Background::Kind kind>
constexpr AxisField::Member background{nullptr, background_size<kind>, set_background<kind>};

}  // namespace

std::string to_string(AxisKind kind) {
  constexpr const char* names[] = {"shape", "shape", "coefficient", "response", "amplitude"};
  return names[static_cast<int>(kind)];
}

const std::vector<AxisField>& axis_fields() {
  using enum AxisKind;
  using C = Curve;
  using F = FluxSettings;
  using O = Oscillation;
  static const std::vector<AxisField> fields{
      {"solar_model", flux, "", choice<&C::flux, &F::solar_model>},
      {"b8_spectrum", flux, "", choice<&C::flux, &F::b8_spectrum>},
      {"oscillation.sin2_theta12", oscillation, "",
       number<&C::flux, &F::oscillation, &O::sin2_theta12>},
      {"oscillation.sin2_theta13", oscillation, "",
       number<&C::flux, &F::oscillation, &O::sin2_theta13>},
      {"oscillation.dm2_21", oscillation, "eV^2", number<&C::flux, &F::oscillation, &O::dm2_21>},
      {"target", coefficient, "", choice<&C::target>},
      {"sin2_theta_w", coefficient, "", number<&C::couplings, &Couplings::sin2_theta_w>},
      {"electrons", coefficient, "", choice<&C::couplings, &Couplings::stepping_electrons>},
      {"threshold", response, "keV", number<&C::threshold>, 0, true},
      {"upper", response, "keV", number<&C::upper>},
      {"bins", response, "", number<&C::bins>},
      {"statistic", response, "", choice<&C::statistic>},
      {"resolution.a", response, "sqrt(keV)", number<&C::resolution, &Resolution::a>},
      {"resolution.b", response, "", number<&C::resolution, &Resolution::b>},
      {"background", amplitude, "", choice<&C::background>, sets_shape | sets_fraction | sets_flat},
      {"background.fraction", amplitude, "", background<Background::Kind::fraction>, sets_fraction,
       true},
      {"background.flat", amplitude, "1/(tonne year keV)", background<Background::Kind::flat>,
       sets_flat, true},
      {"fraction_in", amplitude, "", choice<&C::fraction_in>, sets_fraction_in},
      {"exposure", amplitude, "tonne year", number<&C::exposure>, sets_exposure, true},
      {"sigma_scale", amplitude, "", number<&C::sigma_scale>, sets_sigma_scale},
      {"confidence_level", amplitude, "", number<&C::confidence_level>, sets_goal},
  };
  return fields;
}

double AxisField::in_unit(double value) const {
  return unit == "keV" ? in_keV(value) : value;
}

void AxisField::put(Curve& curve, double value) const {
  member.put(curve, value);
  for (auto& detector : curve.together) member.put(detector, value);
}

void AxisField::set(Curve& curve, double number) const {
  put(curve, unit == "keV" ? number * constants::keV : number);
}

std::string column_name(const AxisField& field) {
  const auto& unit = field.unit;
  return field.path + (unit == "keV"          ? "_keV"
                       : unit == "tonne year" ? "_tonne_year"
                       : unit == "mu_B"       ? "_mu_B"
                                              : "");
}

std::string Axis::label(std::size_t i) const {
  if (field->choice()) return words[i];
  // Spacings round: in six digits, unless neighbours look alike then.
  auto value = fmt::format("{:.6g}", number(i));
  for (const std::size_t other : {i - 1, i + 1})
    if (other < size() && fmt::format("{:.6g}", number(other)) == value)
      value = fmt::format("{}", number(i));
  return value + (field->unit.empty() ? "" : " ") + field->unit;
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

std::size_t total_width(const std::vector<ResultQuantity>& quantities) {
  std::size_t sum = 0;
  for (const auto& quantity : quantities) sum += quantity.width();
  return sum;
}

std::vector<ResultQuantity> Grid::quantities() const {
  if (!reach_ && std::any_of(curves_.begin(), curves_.end(),
                             [](const auto& curve) { return curve.is_poisson(); }))
    return LikelihoodResults(curves_).quantities();
  if (!reach_)
    return {{"mu_eff", "mu_B", "limit on the effective neutrino magnetic moment", {"mu_eff_mu_B"}}};
  const auto& field = *reach_->range.field;
  return {{field.path,
           field.unit,
           fmt::format("{} that makes the limit {} mu_B; NaN where nothing from {} to {} does",
                       field.path == "exposure" ? "least exposure" : "largest " + field.path,
                       reach_->mu_eff, reach_->from(), reach_->to()),
           {column_name(field)}}};
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

std::string Grid::name_of(std::size_t i) const {
  const auto [curve, index] = place(i);
  std::string text = curves_[curve].name;
  for (std::size_t a = 0; a < index.size(); ++a)
    text += (a == 0 ? " at " : ", ") + axes_[a].field->path + " " + axes_[a].label(index[a]);
  return text;
}

Curve Grid::at(const Place& place) const {
  Curve point = curves_[place.curve];
  for (std::size_t a = 0; a < axes_.size(); ++a) axes_[a].put(point, place.index[a]);
  return point;
}

}  // namespace magnu
