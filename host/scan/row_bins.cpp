#include "magnu/scan/row_bins.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "magnu/experiment/targets.hpp"

namespace magnu {

CurveRows::CurveRows(const Grid& of, std::size_t index)
    : grid(of),
      curve(index),
      oscillations(of.points(AxisKind::oscillation)),
      coefficients(of.points(AxisKind::coefficient)),
      responses(of.points(AxisKind::response)),
      detectors(of.points(AxisKind::amplitude)) {}

Curve CurveRows::at(std::size_t shape, std::size_t coefficient, std::size_t response) const {
  const std::size_t row = (shape * coefficients + coefficient) * responses + response;
  return grid.at(curve * grid.per_curve() + row * detectors);
}

Curve widest_response(const Grid& grid, const Curve& detector) {
  auto widest = detector;
  for (const auto* axis : grid.axes(AxisKind::response)) {
    auto variant = detector;
    for (std::size_t i = 0; i < axis->size(); ++i) {
      axis->put(variant, i);
      widest.threshold = std::min(widest.threshold, variant.threshold);
      widest.upper = std::max(widest.upper, variant.upper);
      widest.bins = std::max(widest.bins, variant.bins);
      widest.resolution.a = std::max(widest.resolution.a, variant.resolution.a);
      widest.resolution.b = std::max(widest.resolution.b, variant.resolution.b);
    }
  }
  if (const auto* reach = grid.reach(); reach && reach->range.field->path == "threshold")
    widest.threshold = reach->range.values[0];
  return widest;
}

RecoilRange recoil_range(const Grid& grid, const Curve& detector) {
  auto widest = widest_response(grid, detector);
  widest.bins = 1;
  widest.statistic = Statistic::counts;
  const Response response(widest);
  // A perfect resolution on the axis needs the threshold itself.
  return {std::min(response.lowest(), widest.threshold),
          std::max(response.highest(), widest.upper)};
}

RowBins::RowBins(const CurveRows& rows, const Amplitudes& amplitudes)
    : rows_(rows), amplitudes_(amplitudes) {
  const auto& curve = rows.grid.curves()[rows.curve];
  row_bytes_ = sizeof(double) * static_cast<std::size_t>(widest_response(rows.grid, curve).bins) *
               (3 + amplitudes.shapes());
  range_ = recoil_range(rows.grid, curve);
  find_media();
}

RowBins::Kept::Kept(const CurveRows& rows)
    : grids(rows.oscillations > 1 ? std::size_t{64} << 20 : 0),
      binned(rows.oscillations > 1 || rows.coefficients > 1 ? std::size_t{256} << 20 : 0) {}

/// Coefficient points that share target and electrons share their recoil panels.
void RowBins::find_media() {
  std::map<std::pair<std::string, bool>, std::size_t> known;
  for (std::size_t c = 0; c < rows_.coefficients; ++c) {
    const auto curve = rows_.at(0, c, 0);
    media_.push_back(
        known.try_emplace({curve.target, curve.couplings.stepping_electrons}, known.size())
            .first->second);
  }
}

std::shared_ptr<const RecoilGrid> RowBins::recoil_grid(Kept& kept, const SolarFlux& flux,
                                                       std::size_t shape,
                                                       std::size_t coefficient) const {
  return kept.grids.get(coefficient, [&] {
    const auto curve = rows_.at(shape, coefficient, 0);
    return recoil_grid(curve, flux);
  });
}

RecoilGrid RowBins::recoil_grid(const Curve& curve, const SolarFlux& flux) const {
  return make_recoil_grid(curve, load_target(curve.target), flux, range_.lower, range_.upper);
}

std::shared_ptr<const Binned> RowBins::binned(Kept& kept, const RecoilGrid& recoils,
                                              std::size_t shape, std::size_t coefficient,
                                              std::size_t response, const double* threshold) const {
  const auto make = [&](const Curve& curve) {
    return Binned{make_binning(recoils, Response(curve)), bins(curve)};
  };
  if (threshold) {
    auto curve = rows_.at(shape, coefficient, response);
    curve.threshold = *threshold;
    return std::make_shared<const Binned>(make(curve));
  }
  return kept.binned.get(media_[coefficient] * rows_.responses + response,
                         [&] { return make(rows_.at(shape, coefficient, response)); });
}

std::shared_ptr<const Bins> RowBins::bins(const Curve& curve) const {
  Bins bins;
  for (int b = 0; b < curve.bins; ++b)
    bins.width.push_back(curve.statistic == Statistic::density
                             ? 1
                             : (curve.lower_edge(b + 1) - curve.lower_edge(b)) / constants::keV);
  bins.background = amplitudes_.backgrounds(curve, load_target(curve.target));
  return std::make_shared<const Bins>(std::move(bins));
}

}  // namespace magnu
