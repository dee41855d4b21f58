#pragma once

#include "magnu/core/chebyshev.hpp"
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
    const SurvivalNode& node = nodes[i % nodes.size];
    survival[i] = flux.survival(sets[i / nodes.size], node.component, node.energy);
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
    MAGNU_SIMD
    for (int j = 0; j < fit_nodes; ++j) {
      const double energy = panel.upper - half * (nodes[j] + 1), inverse = 1 / energy;
      const double all = flux.differential(static_cast<int>(p), energy);
      const double electron =
          all * chebyshev_sum(&survival[panel.survival * survival_terms], survival_terms, 1,
                              (energy - wide.centre) * wide.scale);
      samples[p * fit_nodes + j] = powers(all, electron, inverse);
    }
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
      Moments sum;
      for (int j = 0; j < fit_nodes; ++j) {
        const double weight = matrix[m * fit_nodes + j];
        MAGNU_SIMD
        for (int k = 0; k < 8; ++k) sum.of[k] += weight * values[j].of[k];
      }
      fits[p * fit_nodes + m] = sum;
      MAGNU_SIMD
      for (int k = 0; k < 8; ++k) mean.of[k] += sum.of[k];  // x = 1 at the lower edge
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

  /// Integrals above an energy of one component.
  MAGNU_HD Moments evaluate(const FluxView& flux, int component, double energy) const {
    Moments integrals;
    const int end = flux.first_panel[component + 1];
    int first = flux.first_panel[component];
    if (first < end && energy < flux.panels[end - 1].upper) {
      // The first panel whose upper edge lies above the energy, by halves without a branch.
      for (int left = end - first; left > 1; left -= left / 2)
        first += flux.panels[first + left / 2 - 1].upper <= energy ? left / 2 : 0;
      integrals = panel_integrals(flux.panels[first], first, energy);
    }
    for (std::size_t l = 0; l < lines.size; ++l) {
      if (flux.lines[l].component != component || flux.lines[l].energy <= energy) continue;
      MAGNU_SIMD
      for (int k = 0; k < 8; ++k) integrals.of[k] += lines[l].of[k];
    }
    return integrals;
  }

  MAGNU_HD Moments panel_integrals(const FluxPanel& panel, int index, double energy) const {
    const double rest = panel.upper - (energy > panel.lower ? energy : panel.lower);
    const double x = 2 * rest / (panel.upper - panel.lower) - 1, x2 = x * x;
    const Moments* fit = &fits[static_cast<std::size_t>(index) * fit_nodes];
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
};

/// Differential rates from coefficients and running integrals. Index: point times components plus
/// component.
template <class Process>
struct EvaluateSpectrum {
  FluxView flux;
  RunningIntegrals integrals;
  View<const Process> rows;  ///< [points][species]
  int species;
  View<SpectrumPoint> spectrum;  ///< [points][components]

  MAGNU_HD void operator()(std::size_t i) const {
    const int components = flux.components();
    const std::size_t point = i / components;
    const int component = static_cast<int>(i % components);
    SpectrumPoint sum;
    for (int s = 0; s < species; ++s) {
      const Process& process = rows[point * species + s];
      const Moments integral = integrals.evaluate(flux, component, process.minimum_energy());
      const double* all = integral.of;
      add(process.standard_model_form(Flavour::electron), all[3], all[4], all[5],
          sum.standard_model, sum.standard_scale);
      add(process.standard_model_form(Flavour::other), all[0] - all[3], all[1] - all[4],
          all[2] - all[5], sum.standard_model, sum.standard_scale);
      add(process.magnetic_form(), all[0], all[1], all[2], sum.magnetic, sum.magnetic_scale);
    }
    spectrum[i] = sum;
  }

  MAGNU_HD static void add(const QuadraticForm& form, double i0, double i1, double i2,
                           double& value, double& scale) {
    const double t0 = form.c0 * i0, t1 = form.c1 * i1, t2 = form.c2 * i2;
    value += t0 + t1 + t2;
    scale += (t0 < 0 ? -t0 : t0) + (t1 < 0 ? -t1 : t1) + (t2 < 0 ? -t2 : t2);
  }
};

}  // namespace magnu
