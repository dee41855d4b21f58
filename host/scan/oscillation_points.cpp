#include "magnu/scan/oscillation_points.hpp"

#include <algorithm>

namespace magnu {

std::vector<Oscillation> oscillation_points(const Grid& grid, std::size_t curve_index, Curve curve,
                                            std::size_t first, std::size_t count) {
  std::vector<Oscillation> points(count);
  const auto axes = grid.axes(AxisKind::oscillation);
  for (std::size_t p = 0; p < count; ++p) {
    for (std::size_t a = axes.size(), i = first + p; a-- > 0; i /= axes[a]->size())
      axes[a]->field->copy(curve, axes[a]->variants[curve_index][i % axes[a]->size()]);
    points[p] = curve.flux.oscillation;
  }
  return points;
}

std::vector<Oscillation> oscillation_corners(const Grid& grid, std::size_t curve_index,
                                             const Curve& curve) {
  std::vector<Curve> corners{curve};
  for (const auto* axis : grid.axes(AxisKind::oscillation)) {
    const auto& values = axis->variants[curve_index];
    const auto [least, most] =
        std::minmax_element(values.begin(), values.end(), [&](const Curve& x, const Curve& y) {
          return axis->field->number(x) < axis->field->number(y);
        });
    for (std::size_t c = corners.size(); c-- > 0;) {
      corners.push_back(corners[c]);
      axis->field->copy(corners[c], *least);
      axis->field->copy(corners.back(), *most);
    }
  }
  std::vector<Oscillation> points;
  for (const auto& corner : corners) points.push_back(corner.flux.oscillation);
  return points;
}

}  // namespace magnu
