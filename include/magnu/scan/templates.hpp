#pragma once

#include <vector>

#include "magnu/scan/recoil_grid.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {

/// The two spectra every signal is made of, R(mu) = standard_model + mu^2 magnetic, per tonne and
/// year: in rows of recoil energies (per keV), or binned.
struct Templates {
  std::vector<double> standard_model, magnetic;  ///< magnetic at 1 mu_B
};

/// Summed over the components, [rows].
Templates total(const Spectra& spectra);

/// [bins]
inline Templates bin(const Binning& binning, const Templates& rows) {
  return {binning.sums(rows.standard_model), binning.sums(rows.magnetic)};
}

/// Binned templates by the direct evaluation.
Templates direct_templates(const Runner& runner, const SolarFlux& flux,
                           const RecoilProblem& problem);

}  // namespace magnu
