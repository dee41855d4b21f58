#pragma once

#include "magnu/core/chebyshev.hpp"
#include "magnu/experiment/solar_flux.hpp"
#include "magnu/physics/process.hpp"

/// The fast evaluation: what one thread does, as trivially copyable functors over an index. A CPU
/// loop, a CUDA launch and the tests' emulator run these same objects.
namespace magnu {

/// Running integrals of flux E^-k, k = 0, 1, 2, and of flux Pee E^-k.
inline constexpr int moments = 6;

/// Flux and flux times Pee at one neutrino energy.
struct FluxSample {
  double energy = 0;    ///< MeV
  double all = 0;       ///< 1/(cm^2 s MeV), or times a weight
  double electron = 0;  ///< times Pee
};

/// Where a flux is to be sampled: an energy inside a panel, or a line (panel -1 - line).
struct FluxNode {
  double energy = 0;
  double weight = 1;
  int panel = 0;
};

/// samples[i] = weight times flux at nodes[i]. The dense part of a shape point: Pee averaged over
/// the Sun's shells at every node.
struct SampleFlux {
  FluxView flux;
  View<const FluxNode> nodes;
  View<FluxSample> samples;

  MAGNU_HD static FluxSample at(const FluxView& flux, const FluxNode& node) {
    const bool line = node.panel < 0;
    const int component =
        line ? flux.lines[-1 - node.panel].component : flux.panels[node.panel].component;
    const double all = node.weight * (line ? flux.lines[-1 - node.panel].flux
                                           : flux.differential(node.panel, node.energy));
    return {node.energy, all, all * flux.survival(component, node.energy)};
  }

  MAGNU_HD void operator()(std::size_t i) const { samples[i] = at(flux, nodes[i]); }
};

/// Running integrals as bodies read them.
struct RunningIntegrals {
  View<const double> fits;   ///< [panels][fit_nodes][moments]: Chebyshev sums of running means
  View<const double> above;  ///< [panels][moments]: what lies above a panel, of its component
  View<const FluxSample> lines;

  /// I[k] and I[3 + k] = integral above `energy` of flux E'^-k and flux Pee E'^-k, of one
  /// component.
  MAGNU_HD void evaluate(const FluxView& flux, int component, double energy,
                         double (&integrals)[moments]) const {
    for (double& value : integrals) value = 0;
    int low = flux.first_panel[component], high = flux.first_panel[component + 1];
    if (low < high && energy < flux.panels[high - 1].upper) {
      --high;  // the panel looked for is the first whose upper edge lies above the energy
      while (low < high) {
        const int middle = (low + high) / 2;
        if (flux.panels[middle].upper > energy) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      const FluxPanel& panel = flux.panels[low];
      const double from = energy > panel.lower ? energy : panel.lower;
      const double rest = panel.upper - from;
      const double x = 2 * rest / (panel.upper - panel.lower) - 1;
      const double* fit = fits.data + static_cast<std::size_t>(low) * fit_nodes * moments;
      double next[moments] = {}, after[moments] = {};
      for (int m = fit_nodes - 1; m > 0; --m)
        for (int k = 0; k < moments; ++k) {
          const double here = 2 * x * next[k] - after[k] + fit[m * moments + k];
          after[k] = next[k];
          next[k] = here;
        }
      for (int k = 0; k < moments; ++k)
        integrals[k] = above[static_cast<std::size_t>(low) * moments + k] +
                       rest * (x * next[k] - after[k] + fit[k]);
    }
    for (std::size_t l = 0; l < lines.size; ++l) {
      if (flux.lines[l].component != component || lines[l].energy <= energy) continue;
      const double inverse = 1 / lines[l].energy;
      double power = 1;
      for (int k = 0; k < 3; ++k) {
        integrals[k] += lines[l].all * power;
        integrals[3 + k] += lines[l].electron * power;
        power *= inverse;
      }
    }
  }
};

/// For a panel and a moment: the Chebyshev coefficients of the running mean below the panel's upper
/// edge. Index: panel times moments plus moment.
struct FitPanel {
  View<const FluxSample> samples;  ///< [panels][fit_nodes], x descending from the lower edge's side
  View<const double> matrix;       ///< running_mean_matrix(fit_nodes)
  View<double> fits;

  MAGNU_HD void operator()(std::size_t i) const {
    const std::size_t panel = i / moments, moment = i % moments;
    double values[fit_nodes];
    for (int j = 0; j < fit_nodes; ++j) {
      const FluxSample& sample = samples[panel * fit_nodes + j];
      const double inverse = 1 / sample.energy;
      const double power = moment % 3 == 0 ? 1 : moment % 3 == 1 ? inverse : inverse * inverse;
      values[j] = (moment < 3 ? sample.all : sample.electron) * power;
    }
    for (int m = 0; m < fit_nodes; ++m) {
      double sum = 0;
      for (int j = 0; j < fit_nodes; ++j) sum += matrix[m * fit_nodes + j] * values[j];
      fits[(panel * fit_nodes + m) * moments + moment] = sum;
    }
  }
};

/// Suffix sums over the panels of a component. Index: component times moments plus moment.
struct SumPanels {
  FluxView flux;
  View<const double> fits;
  View<double> above;

  MAGNU_HD void operator()(std::size_t i) const {
    const std::size_t component = i / moments, moment = i % moments;
    double sum = 0;
    for (int p = flux.first_panel[component + 1] - 1; p >= flux.first_panel[component]; --p) {
      above[static_cast<std::size_t>(p) * moments + moment] = sum;
      double mean = 0;  // every Chebyshev polynomial is 1 at x = 1, the panel's lower edge
      for (int m = 0; m < fit_nodes; ++m)
        mean += fits[(static_cast<std::size_t>(p) * fit_nodes + m) * moments + moment];
      sum += mean * (flux.panels[p].upper - flux.panels[p].lower);
    }
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

/// Differential rates from coefficients and running integrals. Index: row times components plus
/// component.
template <class Process>
struct EvaluateSpectrum {
  FluxView flux;
  RunningIntegrals integrals;
  View<const Process> rows;
  View<SpectrumPoint> spectrum;  ///< [rows][components]

  MAGNU_HD void operator()(std::size_t i) const {
    const int components = flux.components();
    const Process& process = rows[i / components];
    double all[moments];
    integrals.evaluate(flux, static_cast<int>(i % components), process.minimum_energy(), all);
    SpectrumPoint sum;
    add(process.standard_model_form(Flavour::electron), all[3], all[4], all[5], sum.standard_model,
        sum.standard_scale);
    add(process.standard_model_form(Flavour::other), all[0] - all[3], all[1] - all[4],
        all[2] - all[5], sum.standard_model, sum.standard_scale);
    add(process.magnetic_form(), all[0], all[1], all[2], sum.magnetic, sum.magnetic_scale);
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
