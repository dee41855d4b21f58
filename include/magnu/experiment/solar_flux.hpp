#pragma once

#include <span>
#include <string>
#include <vector>

#include "magnu/core/chebyshev.hpp"
#include "magnu/core/view.hpp"
#include "magnu/experiment/beta_end.hpp"
#include "magnu/experiment/singular_rays.hpp"
#include "magnu/physics/oscillation.hpp"

namespace magnu {

/// Chebyshev nodes per panel in the fast evaluation; panels are laid for them.
inline constexpr int fit_nodes = 8;

/// What decides a solar neutrino flux at Earth: the key of a shape point.
struct FluxSettings {
  std::string solar_model = "b16gs98";
  std::string b8_spectrum = "winter2006";
  Oscillation oscillation;
  double accuracy = 1e-9;               ///< relative error allowed to integrals over a panel
  std::vector<std::string> components;  ///< in the order of solar_components(); empty: all

  bool operator==(const FluxSettings&) const = default;
};

/// Chebyshev nodes per panel of Pee; its panels are laid for them.
inline constexpr int survival_terms = 14;

/// A stretch of one component's spectrum on which it is a Chebyshev sum. Neighbours may be parts of
/// one sum. Places are counted from the upper edge: next to the end of a spectrum a distance has
/// digits that an energy lost.
struct FluxPanel {
  double lower = 0, upper = 0;  ///< MeV
  double upper_place = 0;       ///< of the upper edge in the sum, in [-1, 1]
  double scale = 0;             ///< 1/MeV
  double inverse_width = 0;     ///< 1/MeV
  int component = 0;
  int first_coefficient = 0, terms = 0;
  int gauss_nodes = 0;  ///< how many integrate it to machine accuracy
  int survival = 0;     ///< the survival panel it lies in

  /// Where a distance [MeV] below the upper edge lies in the sum.
  MAGNU_HD double place(double below) const { return upper_place - below * scale; }
  /// Moves the upper edge down to an energy.
  void end_at(double energy) {
    upper_place = place(upper - energy);
    upper = energy;
  }
};

/// A stretch of energies on which Pee of a component is a Chebyshev sum in (E - centre) scale.
struct SurvivalPanel {
  double centre = 0;  ///< MeV
  double scale = 0;   ///< 1/MeV
};

/// Where Pee is wanted.
struct SurvivalNode {
  double energy = 0;  ///< MeV
  int component = 0;
};

struct FluxLine {
  double energy = 0;  ///< MeV
  double flux = 0;    ///< 1/(cm^2 s)
  int component = 0;
};

/// The solar neutrino flux as bodies see it.
struct FluxView {
  View<const FluxPanel> panels;     ///< by component, then energy
  View<const double> coefficients;  ///< 1/(cm^2 s MeV)
  View<const int> first_panel;      ///< [components + 1]
  View<const FluxLine> lines;       ///< by component
  View<const int> first_line;       ///< [components + 1]
  View<const double> segment_end;   ///< upper edges of all panels, ascending, MeV
  View<const int> segment_panel;    ///< [segments + 1][components]: the panel in use, or -1
  View<const SurvivalPanel> survival_panels;
  View<const double> shell_density;   ///< [shells], N_A/cm^3
  View<const double> shell_fraction;  ///< [components][shells], each row adds up to 1
  SurvivalProbability survival_probability;

  MAGNU_HD int components() const { return static_cast<int>(first_panel.size) - 1; }

  /// The first segment that ends above an energy: one search gives the panels of all components.
  MAGNU_HD int segment(double energy) const {
    int first = 0;
    for (int left = static_cast<int>(segment_end.size); left > 0;) {  // by halves, no branch
      const int half = (left + 1) / 2;
      first += segment_end[first + half - 1] <= energy ? half : 0;
      left -= half;
    }
    return first;
  }

  /// Differential flux of the panel's component [1/(cm^2 s MeV)] at an energy inside the panel.
  MAGNU_HD double differential(int panel, double energy) const {
    return differential_below(panel, panels[panel].upper - energy);
  }
  /// The same at a distance [MeV] below the panel's upper edge.
  MAGNU_HD double differential_below(int panel, double distance) const {
    const FluxPanel& p = panels[panel];
    return chebyshev_sum(&coefficients[p.first_coefficient], p.terms, 1, p.place(distance));
  }

  /// Pee at an energy, averaged over where the component is made.
  MAGNU_HD double survival(int component, double energy) const {
    return survival(survival_probability, component, energy);
  }
  MAGNU_HD double survival(const SurvivalProbability& probability, int component,
                           double energy) const {
    const std::size_t shells = shell_density.size;
    const double* density = shell_density.data;
    const double* fraction = shell_fraction.data + component * shells;
    double cosine = 0;
    MAGNU_SIMD_SUM(cosine)
    for (std::size_t s = 0; s < shells; ++s)
      cosine += fraction[s] * probability.matter_cosine(density[s], energy);
    return probability.from_cosine(cosine);
  }
};

/// The solar neutrino flux at Earth without oscillation, by component, and where it is made.
struct SolarFlux {
  FluxSettings settings;
  std::vector<std::string> components;
  std::vector<double> total;       ///< [components], 1/(cm^2 s)
  std::vector<double> end_energy;  ///< [components], MeV
  std::vector<FluxPanel> panels;
  std::vector<double> coefficients;
  std::vector<int> first_panel;
  std::vector<FluxLine> lines;
  std::vector<int> first_line;
  std::vector<double> segment_end;
  std::vector<int> segment_panel;
  std::vector<SurvivalPanel> survival_panels;
  std::vector<SurvivalNode> survival_nodes;  ///< [survival panels][survival_terms], then [lines]
  std::vector<double> shell_density, shell_fraction;  ///< padded with shells of no fraction
  std::vector<double> table_nodes;  ///< where a tabulated flux changes its slope, MeV
  std::vector<BetaEnd> beta_ends;
  SingularRays rays;  ///< of all oscillation parameters that it serves

  /// A view of these very vectors.
  FluxView view() const;
  /// Energies [MeV] where the flux or its slope breaks: ends of components, lines, nodes
  /// of tables.
  std::vector<double> break_energies() const;
};

/// No integral reaches below this neutrino energy [MeV]: a recoil of 0.04 eV on an electron.
inline constexpr double lowest_neutrino_energy = 1e-4;

/// Builds the flux; InputError for an unknown solar model, spectrum or component. Its nodes of Pee
/// serve the settings' oscillation and all those `covered`.
SolarFlux make_solar_flux(const FluxSettings& settings, std::span<const Oscillation> covered = {});

/// Relative standard deviation of a component's total flux: of B16 by Vinyoles et al., ApJ 835
/// (2017) 202; of BS05, which gives none by component, that of B16-GS98.
double flux_uncertainty(const std::string& solar_model, const std::string& component);

std::vector<std::string> solar_models();
std::vector<std::string> b8_spectra();
/// The components' names, in their one order.
std::vector<std::string> solar_components();

/// Neutrino energies of a component's lines, or the end of its spectrum; of a table the energy from
/// which on it holds nothing but zeros [MeV].
std::vector<double> flux_ends(const std::string& component, const std::string& b8_spectrum);

}  // namespace magnu
