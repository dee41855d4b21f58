#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "magnu/core/cache.hpp"
#include "magnu/scan/amplitudes.hpp"
#include "magnu/scan/axis.hpp"
#include "magnu/scan/recoil_grid.hpp"

namespace magnu {

/// The rows of one curve of a grid: the points of all axes but the amplitudes', in storage order:
/// flux, oscillation (together the shape), coefficient, response.
struct CurveRows {
  CurveRows(const Grid& grid, std::size_t curve);

  /// The curve at a row, with the first amplitudes.
  Curve at(std::size_t shape, std::size_t coefficient, std::size_t response) const;
  std::size_t per_shape() const { return coefficients * responses; }
  /// Detectors of a shape.
  std::size_t shape_detectors() const { return per_shape() * detectors; }

  const Grid& grid;
  std::size_t curve;
  std::size_t oscillations, coefficients, responses;  ///< points of each kind
  std::size_t detectors;                              ///< of a row
};

/// A detector of a grid's curve with the lowest threshold, highest upper end, most bins and worst
/// resolution that any point of the grid gives it.
Curve widest_response(const Grid& grid, const Curve& detector);

/// Recoil energies [MeV] that matter to any of these points.
struct RecoilRange {
  double lower = 0, upper = 0;
};
RecoilRange recoil_range(const Grid& grid, const Curve& detector);

/// What the bins of a row have besides signals.
struct Bins {
  std::vector<double> width;       ///< [bins], keV; 1 for the density statistic
  std::vector<double> background;  ///< [shapes][bins]
};

/// The same, and how the bins are made: that is large, and not needed once they are.
struct Binned {
  Binning binning;
  std::shared_ptr<const Bins> bins;

  std::size_t bytes() const {
    return binning.bytes() + (bins->width.size() + bins->background.size()) * sizeof(double);
  }
};

/// Makes the recoil energies and the bins of a curve's rows, once for all that share them. Many
/// threads may ask.
class RowBins {
 public:
  RowBins(const CurveRows& rows, const Amplitudes& amplitudes);

  /// What is kept for the shapes of one flux, where there are several.
  struct Kept {
    explicit Kept(const CurveRows& rows);
    Cache<RecoilGrid> grids;  ///< by coefficient point
    Cache<Binned> binned;     ///< by medium and response point
  };

  /// The recoil energies that any response of a shape and coefficient point needs.
  std::shared_ptr<const RecoilGrid> recoil_grid(Kept& kept, const SolarFlux& flux,
                                                std::size_t shape, std::size_t coefficient) const;
  /// The same of a curve whose couplings no point has.
  RecoilGrid recoil_grid(const Curve& curve, const SolarFlux& flux) const;
  /// The bins of a row; with another `threshold` [MeV] where one is given.
  std::shared_ptr<const Binned> binned(Kept& kept, const RecoilGrid& recoils, std::size_t shape,
                                       std::size_t coefficient, std::size_t response,
                                       const double* threshold) const;
  /// Of a curve whose bins are summed directly.
  std::shared_ptr<const Bins> bins(const Curve& curve) const;
  /// Of signals, widths and backgrounds of a row, at most.
  std::size_t row_bytes() const { return row_bytes_; }

 private:
  void find_media();

  const CurveRows& rows_;
  const Amplitudes& amplitudes_;
  std::size_t row_bytes_ = 0;
  RecoilRange range_;
  std::vector<std::size_t> media_;  ///< [coefficients]: points of one number share recoil panels
};

}  // namespace magnu
