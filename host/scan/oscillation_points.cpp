#include "magnu/scan/oscillation_points.hpp"

#include <algorithm>

namespace magnu {

std::vector<Oscillation> oscillation_points(const Grid& grid, Curve curve, std::size_t first,
                                            std::size_t count) {
  std::vector<Oscillation> points(count);
  const auto axes = grid.axes(AxisKind::oscillation);
  for (std::size_t p = 0; p < count; ++p) {
    for (std::size_t a = axes.size(), i = first + p; a-- > 0; i /= axes[a]->size())
      axes[a]->put(curve, i % axes[a]->size());
    points[p] = curve.flux.oscillation;
  }
  return points;
}

std::vector<Oscillation> oscillation_corners(const Grid& grid, const Curve& curve) {
  std::vector<Curve> corners{curve};
  for (const auto* axis : grid.axes(AxisKind::oscillation)) {
    const auto [least, most] = std::minmax_element(axis->values.begin(), axis->values.end());
    for (std::size_t c = corners.size(); c-- > 0;) {
      corners.push_back(corners[c]);
      axis->field->member.put(corners[c], *least);
      axis->field->member.put(corners.back(), *most);
    }
  }
  std::vector<Oscillation> points;
  for (const auto& corner : corners) points.push_back(corner.flux.oscillation);
  return points;
}

}  // namespace magnu
