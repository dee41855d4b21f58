#pragma once

#include <cmath>

#include "magnu/core/chebyshev.hpp"
#include "magnu/core/divide.hpp"
#include "magnu/experiment/solar_flux.hpp"
#include "magnu/physics/process.hpp"

/// The fast evaluation: what one thread does, as trivially copyable functors over an index. A CPU
/// loop, a CUDA launch and the tests' emulator run these same objects.
namespace magnu {

/// Moments of a flux: of flux E^-k, k = 0, 1, 2, then of flux Pee E^-k. Two places are left over,
/// so that a row fills vector registers.
inline constexpr int moments = 6;
struct alignas(64) Moments {
  double of[8] = {};
};

/// Pee of some parameter sets at a flux's survival nodes: the dense part of a shape point, for each
/// is an average over the Sun's shells. Index: set times nodes plus node.
struct SampleSurvival {
  FluxView flux;
  View<const SurvivalNode> nodes;
  View<const SurvivalProbability> sets;
  View<double> survival;  ///< [sets][nodes]

  MAGNU_HD void operator()(std::size_t i) const {
    const auto [set, n] = divide(i, nodes.size);
    survival[i] = flux.survival(sets[set], nodes[n].component, nodes[n].energy);
  }
};

/// Chebyshev coefficients of Pee. Index: survival panel times survival_terms plus term.
struct FitSurvival {
  View<const double> survival;   ///< at the survival nodes
  View<const double> transform;  ///< chebyshev_transform(survival_terms)
  View<double> coefficients;     ///< [survival panels][survival_terms]

  MAGNU_HD void operator()(std::size_t i) const {
    const double* values = &survival[i / survival_terms * survival_terms];
    const double* row = &transform[i % survival_terms * survival_terms];
    double sum = 0;
    for (int j = 0; j < survival_terms; ++j) sum += row[j] * values[j];
    coefficients[i] = sum;
  }
};

/// Moments of the flux at a panel's Chebyshev nodes, x = -1 at its upper edge. Index: panel.
struct SamplePanel {
  FluxView flux;
  View<const double> nodes;     ///< chebyshev_nodes(fit_nodes)
  View<const double> survival;  ///< coefficients of Pee
  View<Moments> samples;        ///< [panels][fit_nodes]

  MAGNU_HD void operator()(std::size_t p) const {
    const FluxPanel& panel = flux.panels[p];
    const SurvivalPanel& wide = flux.survival_panels[panel.survival];
    const double half = 0.5 * (panel.upper - panel.lower);
    double inverse[fit_nodes], x[fit_nodes], y[fit_nodes], all[fit_nodes], pee[fit_nodes];
    MAGNU_SIMD
    for (int j = 0; j < fit_nodes; ++j) {
      const double below = half * (nodes[j] + 1), energy = panel.upper - below;
      inverse[j] = 1 / energy;
      x[j] = panel.place(below);
      y[j] = (energy - wide.centre) * wide.scale;
    }
    chebyshev_sums<fit_nodes>(&flux.coefficients[panel.first_coefficient], panel.terms, x, all);
    chebyshev_sums<fit_nodes>(&survival[panel.survival * survival_terms], survival_terms, y, pee);
    for (int j = 0; j < fit_nodes; ++j)
      samples[p * fit_nodes + j] = powers(all[j], all[j] * pee[j], inverse[j]);
  }

  /// Times 1, 1/E, 1/E^2.
  MAGNU_HD static Moments powers(double all, double electron, double inverse) {
    return {{all, all * inverse, all * inverse * inverse, electron, electron * inverse,
             electron * inverse * inverse, 0, 0}};
  }
};

/// The running means of a panel below its upper edge, as powers of x. Index: panel.
struct FitPanel {
  FluxView flux;
  View<const Moments> samples;
  View<const double> matrix;  ///< from samples to coefficients, [fit_nodes][fit_nodes]
  View<Moments> fits;         ///< [panels][fit_nodes]
  View<Moments> whole;        ///< [panels]: integrals over the panel

  MAGNU_HD void operator()(std::size_t p) const {
    const Moments* values = &samples[p * fit_nodes];
    const double width = flux.panels[p].upper - flux.panels[p].lower;
    Moments mean;
    for (int m = 0; m < fit_nodes; ++m) {
      const double* weights = &matrix[m * fit_nodes];
      MAGNU_SIMD
      for (int k = 0; k < 8; ++k) {
        double sum = 0;
        MAGNU_UNROLL
        for (int j = 0; j < fit_nodes; ++j) sum += weights[j] * values[j].of[k];
        fits[p * fit_nodes + m].of[k] = sum;
        mean.of[k] += sum;  // x = 1 at the lower edge
      }
    }
    MAGNU_SIMD
    for (int k = 0; k < 8; ++k) whole[p].of[k] = width * mean.of[k];
  }
};

/// From integrals over panels to those above panels, of their component. Index: component.
struct SumPanels {
  FluxView flux;
  View<const Moments> whole;
  View<Moments> above;

  MAGNU_HD void operator()(std::size_t component) const {
    Moments sum;
    for (int p = flux.first_panel[component + 1] - 1; p >= flux.first_panel[component]; --p) {
      above[p] = sum;
      MAGNU_SIMD
      for (int k = 0; k < 8; ++k) sum.of[k] += whole[p].of[k];
    }
  }
};

/// The moments of lines. Index: line.
struct SampleLine {
  FluxView flux;
  View<const double> survival;  ///< [lines]
  View<Moments> lines;

  MAGNU_HD void operator()(std::size_t l) const {
    const FluxLine& line = flux.lines[l];
    lines[l] = SamplePanel::powers(line.flux, line.flux * survival[l], 1 / line.energy);
  }
};

/// Running integrals as bodies read them.
struct RunningIntegrals {
  View<const Moments> fits;   ///< [panels][fit_nodes]: running means as powers of x
  View<const Moments> above;  ///< [panels]: what lies above a panel, of its component
  View<const Moments> lines;

  /// Integrals above an energy of one component; `panel` is where they begin, or -1.
  MAGNU_HD Moments evaluate(const FluxView& flux, int component, int panel, double energy) const {
    Moments integrals;
    if (panel >= 0) integrals = from_panel(flux.panels[panel], panel, energy);
    for (int l = flux.first_line[component]; l < flux.first_line[component + 1]; ++l) {
      if (flux.lines[l].energy <= energy) continue;
      MAGNU_SIMD
      for (int k = 0; k < 8; ++k) integrals.of[k] += lines[l].of[k];
    }
    return integrals;
  }

 private:
  MAGNU_HD Moments from_panel(const FluxPanel& panel, std::size_t index, double energy) const {
    const double rest = panel.upper - (energy > panel.lower ? energy : panel.lower);
    const double x = 2 * panel.inverse_width * rest - 1, x2 = x * x;
    const Moments* fit = &fits[index * fit_nodes];
    Moments integrals;
    MAGNU_SIMD
    for (int k = 0; k < 8; ++k) {
      double even = fit[fit_nodes - 2].of[k], odd = fit[fit_nodes - 1].of[k];
      MAGNU_UNROLL
      for (int m = fit_nodes - 4; m >= 0; m -= 2) {
        even = even * x2 + fit[m].of[k];
        odd = odd * x2 + fit[m + 1].of[k];
      }
      integrals.of[k] = above[index].of[k] + rest * (even + x * odd);
    }
    return integrals;
  }
};

/// One component's share of a spectrum at one recoil energy, per tonne, year and keV.
struct SpectrumPoint {
  double standard_model = 0;
  double magnetic = 0;        ///< at 1 mu_B
  double standard_scale = 0;  ///< sum of |c_k I_k|: what deviations are measured against
  double magnetic_scale = 0;

  MAGNU_HD SpectrumPoint& operator+=(const SpectrumPoint& other) {
    standard_model += other.standard_model;
    magnetic += other.magnetic;
    standard_scale += other.standard_scale;
    magnetic_scale += other.magnetic_scale;
    return *this;
  }
};

/// Where the integrals of a row begin.
struct RowStart {
  double least_energy = 0;  ///< MeV
  int segment = 0;
};

/// One search per row, ahead of its use: searches wait for memory, and several of them at once wait
/// as long as one. Index: row.
template <class Process>
struct LocateRow {
  FluxView flux;
  View<const Process> rows;
  View<RowStart> starts;

  MAGNU_HD void operator()(std::size_t i) const {
    const double least = rows[i].minimum_energy();
    starts[i] = {least, flux.segment(least)};
  }
};

/// Differential rates from coefficients and running integrals, for a group of components. Index:
/// row times groups plus group.
template <class Process>
struct EvaluateSpectrum {
  FluxView flux;
  RunningIntegrals integrals;
  View<const Process> rows;
  View<const RowStart> starts;
  int groups;                    ///< of components: 1 shares what a row needs once
  View<SpectrumPoint> spectrum;  ///< [rows][components]

  MAGNU_HD void operator()(std::size_t i) const {
    const int components = flux.components();
    const std::size_t row = i / groups;
    const int group = static_cast<int>(i % groups);
    const int first = group * components / groups, end = (group + 1) * components / groups;
    SpectrumPoint* sums = &spectrum[row * components];
    const Moments standard = standard_row(rows[row]), magnetic = magnetic_row(rows[row]);
    const RowStart start = starts[row];
    const int* panels = &flux.segment_panel[start.segment * components];
    for (int c = first; c < end; ++c) {
      const Moments integral = integrals.evaluate(flux, c, panels[c], start.least_energy);
      SpectrumPoint sum;
      add(standard, integral, sum.standard_model, sum.standard_scale);
      add(magnetic, integral, sum.magnetic, sum.magnetic_scale);
      sums[c] = sum;
    }
  }

 private:
  /// Coefficients of the moments: all of the flux arrives as another flavour, less what is nu_e.
  MAGNU_HD static Moments standard_row(const Process& process) {
    const QuadraticForm own = process.standard_model_form(Flavour::electron);
    const QuadraticForm other = process.standard_model_form(Flavour::other);
    return {{other.c0, other.c1, other.c2, own.c0 - other.c0, own.c1 - other.c1, own.c2 - other.c2,
             0, 0}};
  }
  MAGNU_HD static Moments magnetic_row(const Process& process) {
    const QuadraticForm form = process.magnetic_form();
    return {{form.c0, form.c1, form.c2, 0, 0, 0, 0, 0}};
  }

  /// Adds the sum of c_k I_k, and that of their sizes.
  MAGNU_HD static void add(const Moments& row, const Moments& integral, double& value,
                           double& scale) {
    Moments term, size;
    MAGNU_SIMD
    for (int k = 0; k < 8; ++k) {
      term.of[k] = row.of[k] * integral.of[k];
      size.of[k] = std::fabs(term.of[k]);
    }
    value += sum(term);
    scale += sum(size);
  }

  /// By halves, as a vector register is summed.
  MAGNU_HD static double sum(const Moments& m) {
    double half[4];
    MAGNU_SIMD
    for (int k = 0; k < 4; ++k) half[k] = m.of[k] + m.of[k + 4];
    return (half[0] + half[2]) + (half[1] + half[3]);
  }
};

/// Signals of many oscillation points through one linear map: signals[set][output] = base[output] +
/// sum over the survival nodes of Pee[set][node] response[node][output], `Lanes` outputs at a time.
/// Index: set times tiles plus tile.
template <int Lanes>
struct RespondToSurvival {
  View<const double> survival;  ///< [sets][nodes]
  std::size_t nodes;
  View<const double> base;      ///< [padded outputs], padded to a multiple of Lanes
  View<const double> response;  ///< [nodes][padded outputs]
  std::size_t outputs;
  View<double> signals;  ///< [sets][outputs]

  MAGNU_HD void operator()(std::size_t i) const {
    const std::size_t tiles = base.size / Lanes, set = i / tiles, first = i % tiles * Lanes;
    double sum[Lanes];
    for (int l = 0; l < Lanes; ++l) sum[l] = base[first + l];
    const double* pee = &survival[set * nodes];
    for (std::size_t n = 0; n < nodes; ++n) {
      const double* row = &response[n * base.size + first];
      MAGNU_SIMD
      for (int l = 0; l < Lanes; ++l) sum[l] += pee[n] * row[l];
    }
    for (int l = 0; l < Lanes && first + l < outputs; ++l)
      signals[set * outputs + first + l] = sum[l];
  }
};

}  // namespace magnu
