#pragma once

#include <span>
#include <vector>

#include "magnu/scan/recoil_grid.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {

/// Whether a sum is over all components of the flux, or there is one for each: a likelihood with
/// uncertain fluxes needs them apart.
enum class Grouping { together, by_component };

/// The two spectra every signal is made of, R(mu) = standard_model + mu^2 magnetic, per tonne and
/// year: in rows of recoil energies (per keV), or binned.
struct Templates {
  std::size_t groups = 1;              ///< all components together, or each of them
  std::vector<double> standard_model;  ///< [groups][rows or bins]
  std::vector<double> magnetic;        ///< likewise, at 1 mu_B
  /// [shifts_of(curve)][rows or bins]: half of what the standard model's sum changes from a
  /// standard deviation below to one above.
  std::vector<std::vector<double>> shifts;

  std::size_t size() const { return standard_model.size() / groups; }
  /// Summed over the groups, [rows or bins].
  std::vector<double> total_standard_model() const { return total(standard_model); }
  std::vector<double> total_magnetic() const { return total(magnetic); }

 private:
  std::vector<double> total(const std::vector<double>& of) const {
    std::vector<double> sum(of.begin(), of.begin() + size());
    for (std::size_t i = size(); i < of.size(); ++i) sum[i % size()] += of[i];
    return sum;
  }
};

/// [groups][rows]
Templates grouped(const Spectra& spectra, Grouping grouping);

/// [groups][bins]
Templates bin(const Binning& binning, const Templates& rows);

/// Binned templates by the direct evaluation, of all components together.
Templates direct_templates(const Runner& runner, const SolarFlux& flux,
                           const RecoilProblem& problem);

}  // namespace magnu
