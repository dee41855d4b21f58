#pragma once

#include <span>
#include <string>
#include <vector>

#include "magnu/scan/axis.hpp"
#include "magnu/scan/engine.hpp"

namespace magnu {

inline constexpr double between_evaluations = 1e-9;
/// The same where mixing is less than panels resolve (`sharpest_resonance`).
inline constexpr double at_sharp_resonances = 1e-7;
inline constexpr double between_backends = 1e-12;
/// A scan against single curves: the same sums in another order.
inline constexpr double between_scans = 1e-12;
/// The same with toys: their distribution is known in stretches of 5e-4.
inline constexpr double between_toys = 1e-3;

/// Rates below this part of a curve's largest are not counted: deviations there are measured
/// against it.
inline constexpr double rate_floor = 1e-12;

/// The largest deviation of one comparison and where it was met.
struct Deviation {
  std::string what;
  double value = 0;
  double bound = 0;
  std::string where;

  bool passed() const { return value <= bound; }  // false for NaN
};

struct VerificationReport {
  std::vector<Deviation> deviations;

  bool passed() const;
};

/// Detectors of a grid and what a scan found for them.
struct DrawnDetectors {
  explicit DrawnDetectors(const Grid& grid, std::size_t most = 200);

  /// The values of detectors first, first + 1, ... of the scan.
  void see(std::size_t first, std::span<const double> values);

  std::vector<std::size_t> index;  ///< ascending, at random but for the first and the last one
  std::vector<double> values;
};

/// Verifies that the limit of each drawn detector as a single curve is the scan's, or, where the
/// scan solved for something else, the limit that was asked for; and some of these curves by
/// `verify`.
VerificationReport verify(const Grid& grid, const DrawnDetectors& drawn,
                          const std::vector<const Runner*>& runners,
                          const ProgressCallback& progress);

/// Runs both evaluations of a study on every runner (the CPU's first) and compares them: spectra
/// relative to the sum of |c_k I_k| at each recoil energy, or to `rate_floor` times the largest
/// such sum of the curve where that is more, for mu_eff at 0, both ends and the middle of the grid;
/// delta chi^2 and limits relatively,
/// or, where bins hold less than `rate_floor` of the largest rate, to those of a signal at the
/// floor.
VerificationReport verify(const Study& study, const std::vector<const Runner*>& runners,
                          const ProgressCallback& progress);

}  // namespace magnu
