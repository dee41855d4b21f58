#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "magnu/scan/curve.hpp"

namespace magnu {

/// What a point of an axis costs: a new flux, or new survival probabilities (shape axes both: a new
/// convolution over neutrino energy), new coefficients, a new binning, or a few multiply-adds per
/// bin.
enum class AxisKind { flux, oscillation, coefficient, response, amplitude };

std::string to_string(AxisKind kind);

/// A setting that may be an axis: how its value gets from one curve to another.
struct AxisField {
  std::string path;  ///< as in the study's file
  AxisKind kind;
  std::string unit;  ///< of `number`; empty for none
  bool choice;       ///< a word instead of a number
  void (*copy)(Curve& to, const Curve& from);
  double (*number)(const Curve&);  ///< in `unit`; null for a choice
  int sets = 0;                    ///< of an amplitude: AmplitudeField bits
  /// Null where `reach` cannot ask for it. In the unit of `number`.
  void (*set)(Curve&, double) = nullptr;
};

/// All of them. A setting that sets others as well (background) stands before those it sets.
const std::vector<AxisField>& axis_fields();
/// Null for a path that cannot be an axis.
const AxisField* find_axis_field(const std::string& path);

/// Curves that nobody changes any more, [curves][values]; copies share them.
class Variants {
 public:
  using Lists = std::vector<std::vector<Curve>>;

  Variants() = default;
  Variants(Lists lists) : lists_(std::make_shared<const Lists>(std::move(lists))) {}

  const std::vector<Curve>& operator[](std::size_t curve) const { return (*lists_)[curve]; }
  const std::vector<Curve>& front() const { return lists_->front(); }
  Lists::const_iterator begin() const { return lists_->begin(); }
  Lists::const_iterator end() const { return lists_->end(); }

 private:
  std::shared_ptr<const Lists> lists_;
};

/// An axis of a study. Every curve is given once with each of the axis's values, read and checked
/// like any curve; a point of the grid takes the fields of its values from those.
struct Axis {
  const AxisField* field = nullptr;
  std::vector<std::string> labels;  ///< [values], as in the file
  std::string text;                 ///< the values as YAML
  Variants variants;

  std::size_t size() const { return labels.size(); }
};

/// The inverse question: what of one setting a detector needs for its limit to be `mu_eff`.
struct Reach {
  double mu_eff = 0;  ///< mu_B
  Axis range;         ///< of that setting: the least and the largest value
  double from() const { return range.field->number(range.variants.front().front()); }
  double to() const { return range.field->number(range.variants.front().back()); }
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

 private:
  std::vector<Curve> curves_;
  std::vector<Axis> axes_;
  std::optional<Reach> reach_;
};

}  // namespace magnu
