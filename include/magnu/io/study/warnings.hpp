#pragma once

#include <spdlog/common.h>

#include <cstddef>
#include <span>
#include <vector>

#include "magnu/scan/engine.hpp"
#include "magnu/scan/study.hpp"

/// What a user should know about a study and its limits, on the log.
namespace magnu {

/// Settings without effect and tables too short as warnings; the rest, which `check` tells too, at
/// a level of its own.
void warn_about(const Study& study, spdlog::level::level_enum level_of_the_rest);

/// Limits that rest on so few events of magnetic signal that a chi^2 with Gaussian errors means
/// little.
void warn_of_few_events(const std::vector<CurveResult>& results);
/// The same of a grid, from detectors drawn at random.
void warn_of_few_events(const Grid& grid, const Runner& runner);

/// Curves whose limit would gain noticeably from narrower bins.
void tell_of_coarse_bins(const std::vector<CurveResult>& results, const Runner& runner);
/// The same of a grid, from detectors drawn at random.
void tell_of_coarse_bins(const Grid& grid, const Runner& runner);

/// Counts how values stand to the range that was scanned for them: limits outside of their curve's
/// mu_eff, and detectors that exclude nothing; of a reach study those without an answer, and those
/// whose answer is an end of the range.
class RangeTally {
 public:
  explicit RangeTally(const Grid& grid) : grid_(grid) {}

  void see(std::size_t first, std::span<const double> values);
  /// Limits outside of it.
  std::size_t count() const { return outside_; }
  void warn() const;

 private:
  const Grid& grid_;
  std::size_t outside_ = 0, none_ = 0, at_end_ = 0;
};

/// Warns where a free parameter has the shape of a moment's signal.
void warn_of_degenerate(const Curve& curve, const Likelihood& likelihood);

/// Says of some likelihoods that never reach what is asked for what keeps them from it. `values`:
/// [detectors], what was found.
void explain_unreached(const Grid& grid, const std::vector<double>& values, const Runner& runner);

}  // namespace magnu
