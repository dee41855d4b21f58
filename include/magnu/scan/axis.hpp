#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "magnu/scan/curve.hpp"
#include "magnu/scan/result_quantity.hpp"

namespace magnu {

/// What a point of an axis costs: a new flux, or new survival probabilities (shape axes both: a new
/// convolution over neutrino energy), new coefficients, a new binning, or a few multiply-adds per
/// bin.
enum class AxisKind { flux, oscillation, coefficient, response, amplitude };

std::string to_string(AxisKind kind);

/// A setting that may be an axis: a number, or a choice among words.
struct AxisField {
  /// How its value gets into a curve: a choice from another curve, a number in the unit of Curve.
  /// What is of the other kind is null.
  struct Member {
    void (*copy)(Curve& to, const Curve& from);
    double (*get)(const Curve&) = nullptr;
    void (*put)(Curve&, double) = nullptr;
  };

  std::string path;  ///< as in the study's file
  AxisKind kind;
  std::string unit;  ///< of a number as users read it; empty for none
  Member member;
  int sets = 0;           ///< of an amplitude: AmplitudeField bits
  bool solvable = false;  ///< whether `reach` can ask for it

  bool choice() const { return !member.get; }
  /// A number of Curve in `unit`.
  double in_unit(double value) const;
  /// Sets a curve's, and that of all its detectors, to a number in the unit of Curve, or in `unit`.
  void put(Curve& curve, double value) const;
  void set(Curve& curve, double number) const;
};

/// As the column of a table: "threshold_keV".
std::string column_name(const AxisField& field);

/// All of them. A setting that sets others as well (background) stands before those it sets.
const std::vector<AxisField>& axis_fields();
/// Null for a path that cannot be an axis.
const AxisField* find_axis_field(const std::string& path);

/// An axis of a study, the same for each curve.
struct Axis {
  const AxisField* field = nullptr;
  std::string text;                ///< the values as YAML
  std::vector<double> values;      ///< of a number, in the unit of Curve
  std::vector<std::string> words;  ///< of a choice, as in the file
  std::vector<Curve> chosen;       ///< of a choice: for each word a curve that has it

  std::size_t size() const { return field->choice() ? words.size() : values.size(); }
  /// Gives a curve, and all its detectors, the i-th value.
  void put(Curve& curve, std::size_t i) const {
    if (!field->choice()) return field->put(curve, values[i]);
    field->member.copy(curve, chosen[i]);
    for (auto& detector : curve.together) field->member.copy(detector, chosen[i]);
  }
  /// The i-th number in the field's unit.
  double number(std::size_t i) const { return field->in_unit(values[i]); }
  /// The i-th value as a reader knows it: "0.3 keV", "stepping".
  std::string label(std::size_t i) const;
};

/// The inverse question: what of one setting a detector needs for its limit to be `mu_eff`.
struct Reach {
  double mu_eff = 0;  ///< mu_B
  Axis range;         ///< of that setting: the least and the largest value
  double from() const { return range.number(0); }
  double to() const { return range.number(1); }
};

/// The grid of a study: curves times axes, in the order of storage (by kind, the dearest first,
/// then as in the file).
class Grid {
 public:
  Grid() = default;
  Grid(std::vector<Curve> curves, std::vector<Axis> axes, std::optional<Reach> reach = {});

  const std::vector<Curve>& curves() const { return curves_; }
  const std::vector<Axis>& axes() const { return axes_; }
  /// Null where limits are asked for.
  const Reach* reach() const { return reach_ ? &*reach_ : nullptr; }
  /// Axes of one kind, in storage order.
  std::vector<const Axis*> axes(AxisKind kind) const;
  /// Points of one kind, for one curve.
  std::size_t points(AxisKind kind) const;
  /// Detectors: curves times all axes.
  std::size_t size() const;
  /// What is found for each detector: a limit, or what was asked for, comes first.
  std::vector<ResultQuantity> quantities() const;
  /// Detectors of one curve.
  std::size_t per_curve() const { return size() / curves_.size(); }

  /// Where a detector stands.
  struct Place {
    std::size_t curve;
    std::vector<std::size_t> index;  ///< [axes], into their values
  };
  /// Of the i-th detector in storage order.
  Place place(std::size_t i) const;
  Curve at(const Place& place) const;
  Curve at(std::size_t i) const { return at(place(i)); }
  /// As a reader would find it again: "electron at threshold 1 keV, exposure 40 tonne year".
  std::string name_of(std::size_t i) const;

 private:
  std::vector<Curve> curves_;
  std::vector<Axis> axes_;
  std::optional<Reach> reach_;
};

}  // namespace magnu
