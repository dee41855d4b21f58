#pragma once

#include <vector>

#include "magnu/scan/axis.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {

/// The amplitudes of one curve of a grid: the same for all its shapes, coefficients and responses.
class Amplitudes {
 public:
  Amplitudes(const Grid& grid, std::size_t curve);

  /// Different backgrounds of no adjustable size.
  std::size_t shapes() const { return fixed_.size(); }

  /// A problem of these amplitudes, without rows.
  CombineProblem problem() const;

  /// Backgrounds of no adjustable size in the bins of a curve, [shapes][bins].
  std::vector<double> backgrounds(const Curve& curve, const Target& target) const;

 private:
  Amplitude amplitude(const Curve& curve);

  Amplitude base_;
  std::vector<std::vector<Amplitude>> axes_;
  std::vector<int> sets_;
  std::vector<std::vector<Background>> fixed_;  ///< [shapes], no two alike
  AmplitudeReach reach_;
};

}  // namespace magnu
