#pragma once

#include <vector>

#include "magnu/physics/beta_decay.hpp"

namespace magnu {

/// Where a beta+ spectrum ends. It is not smooth there: the positron's momentum has a root, and the
/// Fermi function an essential singularity.
class BetaEnd {
 public:
  explicit BetaEnd(const BetaDecay& decay);

  const BetaDecay& decay() const { return decay_; }
  double energy() const { return decay_.end_energy; }  ///< MeV

  /// The distance [MeV] below the end point from which on the spectrum is taken for zero: it is
  /// 1e-16 of its value at half the end point, and what is left out, with some eV of width, less
  /// than 1e-20 of the whole.
  double last() const { return last_; }

  /// Distances below the end point [MeV] at which to cut, from `from` down to `last`: each is at
  /// most `ratio` times the next one, and in between the Coulomb exponent grows by `step` at most.
  std::vector<double> distances(double from, double ratio, double step) const;

 private:
  BetaDecay decay_;
  double last_ = 0;
};

}  // namespace magnu
