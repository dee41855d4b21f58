#pragma once

#include <cstddef>
#include <vector>

#include "magnu/experiment/solar_flux.hpp"
#include "magnu/scan/binning.hpp"
#include "magnu/scan/curve.hpp"
#include "magnu/scan/processes.hpp"
#include "magnu/scan/response.hpp"

namespace magnu {

/// A stretch of recoil energies on which the spectrum off one species is smooth: its values at the
/// Gauss nodes interpolate it.
struct RecoilPanel {
  double lower = 0, upper = 0;  ///< MeV
  std::size_t first_row = 0;
  int nodes = 0;
};

/// The fine grid of true recoil energies that all bins of a process are made of. Where its panels
/// lie depends on flux, target and process alone: detectors that differ in threshold, bins or
/// resolution share them, and each gets the same numbers whatever the others are.
struct RecoilGrid {
  RecoilRows rows;                               ///< species by species, energies ascending
  std::vector<std::vector<RecoilPanel>> panels;  ///< [species]

  std::size_t bytes() const {
    return std::visit([](const auto& r) { return r.size() * (sizeof(double) + sizeof(r[0])); },
                      rows.rows);
  }
};

/// No recoil below it counts [MeV].
inline constexpr double lowest_recoil = 1 * constants::eV;

/// The panels that reach into [lower, upper] MeV, of a curve's process, target and couplings.
RecoilGrid make_recoil_grid(const Curve& curve, const Target& target, const SolarFlux& flux,
                            double lower, double upper);

/// Bins from the values on a grid: interpolated, and integrated with the shares of a response.
Binning make_binning(const RecoilGrid& grid, const Response& response);

/// Recoil rows of one response, bin by bin, with the bins as plain quadrature sums: what the direct
/// evaluation sums, which shares no interpolation with the fast one.
struct RecoilProblem {
  RecoilRows rows;
  Binning binning;
};
RecoilProblem make_recoil_problem(const Curve& curve, const Target& target, const SolarFlux& flux);

/// All species at given recoil energies [MeV]: [energies][species].
RecoilRows make_recoil_rows(const Curve& curve, const Target& target,
                            const std::vector<double>& energies);

}  // namespace magnu
