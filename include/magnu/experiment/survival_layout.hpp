#pragma once

#include "magnu/experiment/solar_flux.hpp"

namespace magnu {

/// Relative error allowed to Gauss sums over a panel of the flux: none that shows.
inline constexpr double flux_gauss_accuracy = 1e-15;

/// Lays the panels of Pee over each component's spectrum, and cuts the panels of the flux at their
/// edges and where Pee would not converge on them.
void lay_survival(SolarFlux& flux);

}  // namespace magnu
