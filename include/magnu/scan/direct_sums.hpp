#pragma once

#include <algorithm>

#include "magnu/scan/buffers.hpp"
#include "magnu/scan/direct_bodies.hpp"
#include "magnu/scan/direct_grid.hpp"
#include "magnu/scan/runner.hpp"

/// The direct evaluation on an executor (see Pipeline).
namespace magnu {

template <class Executor>
struct BinningBuffers {
  template <class T>
  using Buffer = typename Executor::template Buffer<T>;

  BinningBuffers(const Executor& executor, const Binning& host)
      : first_range(uploaded(executor, host.first_range)),
        ranges(uploaded(executor, host.ranges)),
        weights(uploaded(executor, host.weights)) {}

  BinningView view() const { return {first_range.view(), ranges.view(), weights.view()}; }

  Buffer<std::size_t> first_range;
  Buffer<RowRange> ranges;
  Buffer<double> weights;
};

/// The neutrino-energy grid of a direct evaluation and the flux there.
template <class Executor>
struct GridBuffers {
  template <class T>
  using Buffer = typename Executor::template Buffer<T>;

  GridBuffers(const Executor& executor, const DirectGrid& host, const SolarFlux& host_flux,
              const FluxView& flux)
      : first_line(host.rule_nodes.size()),
        first_of_panel(uploaded(executor, host.first_of_panel)),
        rule_nodes(uploaded(executor, host.rule_nodes)),
        rule_weights(uploaded(executor, host.rule_weights)),
        inverse(executor.template allocate<InverseEnergy>(host.nodes.size())),
        all(executor.template allocate<double>(host.nodes.size())),
        electron(executor.template allocate<double>(host.nodes.size())) {
    const auto places = uploaded(executor, host.nodes);
    executor.for_each(host.nodes.size(), SampleFlux{flux, places.view(), samples()},
                      10 * host_flux.shell_density.size());
  }

  GridNodes nodes() const {
    return {first_of_panel.view(), first_line, rule_nodes.view(), rule_weights.view()};
  }
  FluxSamples samples() { return {inverse.view(), all.view(), electron.view()}; }

  std::size_t first_line;
  Buffer<int> first_of_panel;
  Buffer<double> rule_nodes, rule_weights;
  Buffer<InverseEnergy> inverse;
  Buffer<double> all, electron;
};

/// A block of rows of a direct evaluation: cells and sums.
template <class Executor>
struct DirectBlock {
  template <class T>
  using Buffer = typename Executor::template Buffer<T>;

  DirectBlock(const Executor& executor, std::size_t rows, std::size_t nodes_, std::size_t padded_mu,
              bool with_spectrum)
      : nodes(nodes_),
        standard_model(executor.template allocate<double>(with_spectrum ? rows * nodes : 0)),
        magnetic(executor.template allocate<double>(rows * nodes)),
        spectrum(executor.template allocate<double>(with_spectrum ? rows * padded_mu : 0)),
        extra(executor.template allocate<double>(rows * padded_mu)) {}

  Cells cells() { return {nodes, standard_model.view(), magnetic.view()}; }

  std::size_t nodes;
  Buffer<double> standard_model, magnetic;  ///< [rows][nodes]
  Buffer<double> spectrum, extra;           ///< [rows][padded mu]
};

/// A block of rows at a time: cells, then their sums for every mu_eff, then those into the bins.
template <int Lanes, bool WithSpectrum, class Executor, class Process>
DirectSums direct_sums(const Executor& executor, const SolarFlux& host_flux, const Binning& binning,
                       const std::vector<Process>& host_rows, std::span<const double> mu_eff,
                       const ProgressCallback& progress) {
  const DirectGrid host_grid(host_flux);
  std::vector<int> host_first;
  for (const auto& row : host_rows)
    host_first.push_back(host_grid.first_node(row.minimum_energy()));
  const FluxBuffers<Executor> flux(executor, host_flux);
  GridBuffers<Executor> grid(executor, host_grid, host_flux, flux.view());
  const BinningBuffers<Executor> bins(executor, binning);
  const auto rows = lent(executor, host_rows);
  const auto first_node = lent(executor, host_first);
  const auto mu_squared = uploaded(executor, squared(mu_eff, Lanes));
  const std::size_t nodes = host_grid.nodes.size(), padded_mu = mu_squared.view().size;
  const std::size_t stretches = executor.parts(nodes);
  const std::size_t stretch = (nodes + stretches - 1) / stretches;
  const auto touched = bins_of_rows(binning, host_rows.size());
  auto binned = executor.template allocate<double>(padded_mu * binning.bins());
  executor.for_each(binned.view().size, Clear{binned.view()}, 4);
  DirectSums result;
  if (WithSpectrum) result.spectrum.resize(host_rows.size() * mu_eff.size());
  // Blocks of as many rows as fit; at least one.
  const std::size_t bytes_per_row = (nodes + padded_mu) * (1 + WithSpectrum) * sizeof(double);
  const std::size_t most = std::clamp<std::size_t>(executor.working_bytes() / bytes_per_row, 1,
                                                   std::max<std::size_t>(1, host_rows.size()));
  DirectBlock<Executor> block(executor, most, nodes, padded_mu, WithSpectrum);
  for (std::size_t from = 0; from < host_rows.size(); from += most) {
    const std::size_t here = std::min(most, host_rows.size() - from);
    const auto some_rows = part(rows.view(), from, here);
    const auto first = part(first_node.view(), from, here);
    const FillCells<Process, WithSpectrum> fill{grid.samples(), some_rows, first, stretch,
                                                block.cells()};
    const CutCells<Process, WithSpectrum> cut{flux.view(), grid.nodes(), some_rows, block.cells()};
    const SumCells<Lanes, WithSpectrum> sum{block.cells(), first, mu_squared.view(),
                                            block.spectrum.view(), block.extra.view()};
    const std::size_t fills = (nodes + stretch - 1) / stretch;
    const std::size_t cuts = host_flux.components.size(), sums = padded_mu / Lanes;
    if constexpr (Executor::row_by_row) {
      executor.for_each(here, RowByRow{std::tuple(fill, cut, sum), {fills, cuts, sums}},
                        nodes * padded_mu);
    } else {
      executor.for_each(here * fills, fill, 10 * stretch);
      executor.for_each(here * cuts, cut, WithSpectrum ? 10000 : 1000);
      executor.for_each(here * sums, sum, nodes * Lanes);
    }
    BinSpan some;
    for (std::size_t row = from; row < from + here; ++row) some.cover(touched[row]);
    if (some.first < some.end)
      executor.for_each(
          (padded_mu / Lanes) * (some.end - some.first),
          AddToBins<Lanes>{bins.view(), const_view(block.extra), from, from + here, some.first,
                           some.end - some.first, padded_mu, binned.view()},
          16 * (here / (some.end - some.first) + 1) * Lanes);
    if (WithSpectrum) {
      const auto spectrum = executor.download(block.spectrum);
      for (std::size_t row = 0; row < here; ++row)
        std::copy_n(spectrum.begin() + row * padded_mu, mu_eff.size(),
                    result.spectrum.begin() + (from + row) * mu_eff.size());
    }
    if (progress) progress(static_cast<double>(here * nodes) * static_cast<double>(mu_eff.size()));
  }
  const auto sums = executor.download(std::move(binned));  // padded
  result.extra.assign(sums.begin(), sums.begin() + mu_eff.size() * binning.bins());
  return result;
}

}  // namespace magnu
