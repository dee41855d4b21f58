#pragma once

#include <string>
#include <vector>

#include "magnu/scan/engine.hpp"

namespace magnu {

inline constexpr double between_evaluations = 1e-9;
inline constexpr double between_backends = 1e-12;

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

/// Runs both evaluations of a study on every runner (the CPU's first) and compares them: spectra
/// relative to the sum of |c_k I_k| at each recoil energy for mu_eff at 0, both ends and the middle
/// of the grid; delta chi^2 and limits relatively.
VerificationReport verify(const Study& study, const std::vector<const Runner*>& runners,
                          const ProgressCallback& progress);

}  // namespace magnu
