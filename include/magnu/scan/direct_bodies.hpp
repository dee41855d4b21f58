#pragma once

#include <tuple>
#include <utility>

#include "magnu/core/divide.hpp"
#include "magnu/scan/binning.hpp"
#include "magnu/scan/convolution_bodies.hpp"

/// The direct evaluation: every (recoil energy, neutrino energy, mu_eff) cell of the dense grid,
/// summed as it stands. It shares no integral with the fast one and reads the cross sections in
/// their textbook form. Bodies as in convolution_bodies.hpp.
namespace magnu {

/// Where a flux is to be sampled: an energy inside a panel, or a line (panel -1 - line).
struct FluxNode {
  double energy = 0;
  double weight = 1;
  int panel = 0;
  double below = 0;  ///< distance from the panel's upper edge, MeV
};

/// The flux at the nodes of the neutrino-energy grid, an array for each quantity so that the cells
/// of a row are vectors.
struct FluxSamples {
  View<InverseEnergy> inverse;
  View<double> all;       ///< 1/(cm^2 s), weights included
  View<double> electron;  ///< times Pee

  MAGNU_HD static double all_at(const FluxView& flux, const FluxNode& node) {
    return node.weight * (node.panel < 0 ? flux.lines[-1 - node.panel].flux
                                         : flux.differential_below(node.panel, node.below));
  }
  MAGNU_HD static double survival_at(const FluxView& flux, const FluxNode& node) {
    return flux.survival(
        node.panel < 0 ? flux.lines[-1 - node.panel].component : flux.panels[node.panel].component,
        node.energy);
  }
};

/// Samples at every node, with Pee averaged over the Sun's shells at each. Index: node.
struct SampleFlux {
  FluxView flux;
  View<const FluxNode> nodes;
  FluxSamples samples;

  MAGNU_HD void operator()(std::size_t i) const {
    samples.inverse[i] = nodes[i].energy;
    samples.all[i] = FluxSamples::all_at(flux, nodes[i]);
    samples.electron[i] = samples.all[i] * FluxSamples::survival_at(flux, nodes[i]);
  }
};

/// What each neutrino energy adds at each recoil energy of a block, [rows][nodes].
struct Cells {
  std::size_t nodes = 0;
  View<double> standard_model;  ///< empty where no spectrum is asked for
  View<double> magnetic;        ///< at 1 mu_B

  template <bool WithSpectrum, class Process>
  MAGNU_HD void set(std::size_t cell, const Process& process, InverseEnergy energy, double all,
                    double electron) const {
    if (WithSpectrum)
      standard_model[cell] = electron * process.standard_model(energy, Flavour::electron) +
                             (all - electron) * process.standard_model(energy, Flavour::other);
    magnetic[cell] = all * process.magnetic(energy);
  }
};

/// Cells of whole panels and of lines, from a row's first node on. Index: row times stretches of
/// nodes plus stretch.
template <class Process, bool WithSpectrum>
struct FillCells {
  FluxSamples samples;
  View<const Process> rows;    ///< of this block
  View<const int> first_node;  ///< [rows]: those before it lie below
  std::size_t stretch;         ///< nodes in a row: all of them share what is the row's own
  Cells cells;

  MAGNU_HD void operator()(std::size_t i) const {
    const auto place = divide(i, (cells.nodes + stretch - 1) / stretch);
    const std::size_t row = place.quotient, part = place.remainder;
    const Process process = rows[row];  // a copy: no cell that is written can change it
    const std::size_t begin = part * stretch, first = first_node[row];
    const std::size_t end = begin + stretch < cells.nodes ? begin + stretch : cells.nodes;
    MAGNU_SIMD
    for (std::size_t n = begin > first ? begin : first; n < end; ++n)
      cells.template set<WithSpectrum>(row * cells.nodes + n, process, samples.inverse[n],
                                       samples.all[n], WithSpectrum ? samples.electron[n] : 0);
  }
};

/// Where a component's panels begin in the neutrino-energy grid, and the rules on [0, 1] there.
struct GridNodes {
  View<const int> first_of_panel;  ///< [panels]
  std::size_t first_line;
  View<const double> node, weight;  ///< [nodes of panels]
};

/// Cells that the least neutrino energy of a row touches, over those of FillCells: the panel of a
/// component that holds it is cut there and has nodes of its own; lines below it add nothing.
/// Index: row times components plus component.
template <class Process, bool WithSpectrum>
struct CutCells {
  FluxView flux;
  GridNodes grid;
  View<const Process> rows;  ///< of this block
  Cells cells;

  MAGNU_HD void operator()(std::size_t i) const {
    const auto [row, component] = divide(i, flux.components());
    const Process& process = rows[row];
    const double least = process.minimum_energy();
    const std::size_t first = row * cells.nodes;
    for (int l = flux.first_line[component]; l < flux.first_line[component + 1]; ++l)
      if (flux.lines[l].energy <= least)
        cells.template set<WithSpectrum>(first + grid.first_line + l, process, least, 0, 0);
    int held = -1;  // panels of a component do not overlap
    for (int p = flux.first_panel[component]; p < flux.first_panel[component + 1]; ++p)
      if (flux.panels[p].lower < least && least < flux.panels[p].upper) held = p;
    if (held >= 0) cut(first, process, held, least);
  }

 private:
  MAGNU_HD void cut(std::size_t first, const Process& process, int p, double least) const {
    const FluxPanel& panel = flux.panels[p];
    const double width = panel.upper - least;
    const std::size_t from = grid.first_of_panel[p];
    for (std::size_t n = from; n < from + panel.gauss_nodes; ++n) {
      const FluxNode node{least + width * grid.node[n], width * grid.weight[n], p,
                          width * (1 - grid.node[n])};
      const double all = FluxSamples::all_at(flux, node);
      cells.template set<WithSpectrum>(
          first + n, process, node.energy, all,
          WithSpectrum ? all * FluxSamples::survival_at(flux, node) : 0);
    }
  }
};

/// Sums over all cells of a recoil row for `Lanes` values of mu_eff at once: sigma(mu) -
/// sigma(0) in closed form (as a difference of sums it has no digits left at 1e-13 mu_B), one fma a
/// cell, and, where it is asked for, the spectrum. Index: row times tiles plus tile.
template <int Lanes, bool WithSpectrum>
struct SumCells {
  Cells cells;
  View<const int> first_node;     ///< [rows]: cells before it add nothing
  View<const double> mu_squared;  ///< padded to a multiple of Lanes
  View<double> spectrum;          ///< [rows][padded mu]: R(mu); empty without it
  View<double> extra;             ///< [rows][padded mu]: R(mu) - R(0)

  MAGNU_HD void operator()(std::size_t i) const {
    const auto [row, tile] = divide(i, mu_squared.size / Lanes);
    const std::size_t first_mu = tile * Lanes;
    double mu2[Lanes];
    for (int l = 0; l < Lanes; ++l) mu2[l] = mu_squared[first_mu + l];
    // Two sums each, of every other node: twice the fma in flight for the same mu2 in registers.
    Sums even, odd;
    const double* standard_model =
        WithSpectrum ? &cells.standard_model[row * cells.nodes] : nullptr;
    const double* magnetic = &cells.magnetic[row * cells.nodes];
    // 32 bits: a GPU would issue more instructions to count in 64 than to multiply.
    const int end = static_cast<int>(cells.nodes);
    int n = first_node[row];
    for (; n + 1 < end; n += 2) {
      even.add(mu2, WithSpectrum ? standard_model[n] : 0, magnetic[n]);
      odd.add(mu2, WithSpectrum ? standard_model[n + 1] : 0, magnetic[n + 1]);
    }
    if (n < end) even.add(mu2, WithSpectrum ? standard_model[n] : 0, magnetic[n]);
    const std::size_t first = row * mu_squared.size + first_mu;
    for (int l = 0; l < Lanes; ++l) {
      if (WithSpectrum) spectrum[first + l] = even.rate[l] + odd.rate[l];
      extra[first + l] = even.difference[l] + odd.difference[l];
    }
  }

 private:
  struct Sums {
    double rate[Lanes] = {}, difference[Lanes] = {};

    MAGNU_HD void add(const double* mu2, double standard_model, double magnetic) {
      MAGNU_SIMD
      for (int l = 0; l < Lanes; ++l) {
        if (WithSpectrum) rate[l] += standard_model + mu2[l] * magnetic;
        difference[l] += mu2[l] * magnetic;
      }
    }
  };
};

/// Bodies whose index is row times parts plus part, one after the other within a row: what one
/// fills is at hand where the next one reads it. Index: row.
template <class... Bodies>
struct RowByRow {
  std::tuple<Bodies...> bodies;
  std::size_t parts[sizeof...(Bodies)];

  void operator()(std::size_t row) const { run(row, std::index_sequence_for<Bodies...>()); }

 private:
  template <std::size_t... Is>
  void run(std::size_t row, std::index_sequence<Is...>) const {
    const auto all_parts = [&](const auto& body, std::size_t n) {
      for (std::size_t i = row * n; i < (row + 1) * n; ++i) body(i);
    };
    (all_parts(std::get<Is>(bodies), parts[Is]), ...);
  }
};
template <class... Bodies>
RowByRow(std::tuple<Bodies...>, const std::size_t (&)[sizeof...(Bodies)]) -> RowByRow<Bodies...>;

/// Zeros, which the threads that add to them write first. Index: value.
struct Clear {
  View<double> values;

  MAGNU_HD void operator()(std::size_t i) const { values[i] = 0; }
};

/// Adds the weighted sums over a block of rows to the bins they count in, for `Lanes` values of
/// mu_eff that lie side by side in memory. Blocks come in ascending order and a bin adds its rows
/// one by one, so the blocks' size changes no bit. Index: tile times bins of the block plus bin.
template <int Lanes>
struct AddToBins {
  BinningView binning;
  View<const double> extra;          ///< [rows of the block][padded mu]
  std::size_t first_row, end_row;    ///< of the block
  std::size_t first_bin, some_bins;  ///< those the block's rows count in
  std::size_t padded_mu;
  View<double> binned;  ///< [padded mu][bins]

  MAGNU_HD void operator()(std::size_t i) const {
    const auto [tile, place] = divide(i, some_bins);
    const std::size_t bin = first_bin + place, bins = binning.bins(), first_mu = tile * Lanes;
    double sum[Lanes];
    for (int l = 0; l < Lanes; ++l) sum[l] = binned[(first_mu + l) * bins + bin];
    for (std::size_t r = binning.first_range[bin]; r < binning.first_range[bin + 1]; ++r) {
      const RowRange& range = binning.ranges[r];
      const std::size_t end = range.first_row + range.rows;
      for (std::size_t row = range.first_row > first_row ? range.first_row : first_row;
           row < end && row < end_row; ++row) {
        const double weight = binning.weights[range.first_weight + (row - range.first_row)];
        const double* values = &extra[(row - first_row) * padded_mu + first_mu];
        MAGNU_SIMD
        for (int l = 0; l < Lanes; ++l) sum[l] += weight * values[l];
      }
    }
    for (int l = 0; l < Lanes; ++l) binned[(first_mu + l) * bins + bin] = sum[l];
  }
};

}  // namespace magnu
