#pragma once

#include "magnu/scan/binning.hpp"
#include "magnu/scan/convolution_bodies.hpp"

/// The direct evaluation: every (recoil energy, neutrino energy, mu_eff) cell of the dense grid,
/// summed as it stands. It shares no integral with the fast one and reads the cross sections in
/// their textbook form. Bodies as in convolution_bodies.hpp.
namespace magnu {

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

/// samples[i] = weight times flux at nodes[i], with Pee averaged over the Sun's shells at each.
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

/// A node of the neutrino-energy grid: Gauss nodes of whole panels, sorted by the panels' upper
/// edges, then lines.
struct GridNode {
  int panel = 0;      ///< -1 - line for a line
  double node = 0;    ///< on [0, 1] within the panel
  double weight = 0;  ///< of the rule on [0, 1]
};

/// What one neutrino energy adds at one recoil energy.
struct Cell {
  double standard_model = 0;
  double magnetic = 0;  ///< at 1 mu_B
};

/// Cells of a block of rows. A panel that holds a row's least neutrino energy is cut there and has
/// nodes of its own. Index: row times nodes plus node.
template <class Process>
struct FillCells {
  FluxView flux;
  View<const GridNode> grid;
  View<const FluxSample> samples;  ///< [nodes]: weight times flux on whole panels
  View<const Process> rows;        ///< of this block
  View<Cell> cells;                ///< [rows][nodes]

  MAGNU_HD void operator()(std::size_t i) const {
    const Process& process = rows[i / grid.size];
    const std::size_t n = i % grid.size;
    const GridNode& node = grid[n];
    const double least = process.minimum_energy();
    FluxSample sample = samples[n];
    if (node.panel >= 0) {
      const FluxPanel& panel = flux.panels[node.panel];
      if (panel.upper <= least) {
        cells[i] = {};
        return;
      }
      if (panel.lower < least) {
        const double width = panel.upper - least;
        sample = SampleFlux::at(flux, {least + width * node.node, width * node.weight, node.panel});
      }
    } else if (sample.energy <= least) {
      cells[i] = {};
      return;
    }
    cells[i] = {
        sample.electron * process.standard_model(sample.energy, Flavour::electron) +
            (sample.all - sample.electron) * process.standard_model(sample.energy, Flavour::other),
        sample.all * process.magnetic(sample.energy)};
  }
};

/// Sums over all cells of a recoil row for `Lanes` values of mu_eff at once: sigma(mu) -
/// sigma(0) in closed form (as a difference of sums it has no digits left at 1e-13 mu_B), one fma a
/// cell, and, where it is asked for, the spectrum. Index: row times tiles plus tile.
template <int Lanes, bool WithSpectrum>
struct SumCells {
  View<const Cell> cells;      ///< [rows][nodes]
  View<const int> first_node;  ///< [rows]: cells before it are zero
  std::size_t nodes;
  View<const double> mu_squared;  ///< padded to a multiple of Lanes
  View<double> spectrum;          ///< [rows][padded mu]: R(mu); empty without it
  View<double> extra;             ///< [rows][padded mu]: R(mu) - R(0)

  MAGNU_HD void operator()(std::size_t i) const {
    const std::size_t tiles = mu_squared.size / Lanes;
    const std::size_t row = i / tiles, first_mu = i % tiles * Lanes;
    double mu2[Lanes], rate[Lanes], difference[Lanes];
    for (int l = 0; l < Lanes; ++l) {
      mu2[l] = mu_squared[first_mu + l];
      rate[l] = difference[l] = 0;
    }
    const Cell* row_cells = cells.data + row * nodes;
    for (std::size_t n = first_node[row]; n < nodes; ++n) {
      const double standard_model = row_cells[n].standard_model;
      const double magnetic = row_cells[n].magnetic;
      MAGNU_SIMD
      for (int l = 0; l < Lanes; ++l) {
        if (WithSpectrum) rate[l] += standard_model + mu2[l] * magnetic;
        difference[l] += mu2[l] * magnetic;
      }
    }
    const std::size_t first = row * mu_squared.size + first_mu;
    for (int l = 0; l < Lanes; ++l) {
      if (WithSpectrum) spectrum[first + l] = rate[l];
      extra[first + l] = difference[l];
    }
  }
};

/// Adds the weighted sums over a block of rows to the bins they count in. Blocks come in ascending
/// order and a bin adds its rows one by one, so the blocks' size changes no bit. Index: mu times
/// bins of the block plus bin.
struct AddToBins {
  BinningView binning;
  View<const double> extra;          ///< [rows of the block][padded mu]
  std::size_t first_row, end_row;    ///< of the block
  std::size_t first_bin, some_bins;  ///< those the block's rows count in
  std::size_t padded_mu;
  View<double> binned;  ///< [mu][bins]

  MAGNU_HD void operator()(std::size_t i) const {
    const std::size_t mu = i / some_bins, bin = first_bin + i % some_bins;
    double sum = binned[mu * binning.bins() + bin];
    for (std::size_t r = binning.first_range[bin]; r < binning.first_range[bin + 1]; ++r) {
      const RowRange& range = binning.ranges[r];
      const std::size_t end = range.first_row + range.rows;
      for (std::size_t row = range.first_row > first_row ? range.first_row : first_row;
           row < end && row < end_row; ++row)
        sum += binning.weights[range.first_weight + (row - range.first_row)] *
               extra[(row - first_row) * padded_mu + mu];
    }
    binned[mu * binning.bins() + bin] = sum;
  }
};

}  // namespace magnu
