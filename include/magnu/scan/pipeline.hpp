#pragma once

#include <algorithm>
#include <type_traits>

#include "magnu/scan/chi_squared.hpp"
#include "magnu/scan/direct_grid.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {

/// The evaluations in terms of an executor, which owns memory and runs bodies:
///
///     Buffer<T>                             memory of the executor, with view() and size()
///     Buffer<T> upload(span<const T>)       Buffer<T> allocate<T>(n)      vector<T>
///     download(Buffer<T>) for_each(n, body, work)               body(i) for every i < n, each some
///     `work` operations sum_segments(count, length, term)     vector of count sums of term(segment
///     * length + j) lanes                                 mu_eff values a thread of the direct
///     sums holds working_bytes()                       how much the blocks of the direct
///     evaluation may take
///
/// OpenMP, CUDA, Thrust's host policies and the tests' emulator are executors; the algorithm is
/// here once.
template <class Executor>
class Pipeline : public Runner {
 public:
  explicit Pipeline(Executor executor) : executor_(std::move(executor)) {}

  std::string name() const override { return executor_.name(); }
  std::string device() const override { return executor_.device(); }
  std::string instruction_set() const override { return executor_.instruction_set(); }
  int threads() const override { return executor_.threads(); }

  std::unique_ptr<Convolution> convolve(const SolarFlux& flux) const override {
    return std::make_unique<Convolved>(executor_, flux);
  }

  Spectra spectra(const Convolution& convolution, const RecoilProblem& problem) const override {
    const auto& convolved = static_cast<const Convolved&>(convolution);
    const std::size_t components = convolved.flux.view().components();
    return std::visit(
        [&](const auto& rows) {
          using Process = typename std::decay_t<decltype(rows)>::value_type;
          const auto row_buffer = executor_.upload(std::span(rows));
          auto values = executor_.template allocate<SpectrumPoint>(problem.points() * components);
          executor_.for_each(problem.points() * components,
                             EvaluateSpectrum<Process>{
                                 convolved.flux.view(), convolved.integrals(), row_buffer.view(),
                                 static_cast<int>(problem.species), values.view()},
                             200 * problem.species);
          return Spectra{components, executor_.download(values)};
        },
        problem.rows);
  }

  DirectSums direct(const SolarFlux& flux, const RecoilProblem& problem,
                    std::span<const double> mu_eff, bool keep_spectrum,
                    const ProgressCallback& progress) const override {
    return std::visit(
        [&](const auto& rows) {
          return direct_sums(flux, problem, rows, mu_eff, keep_spectrum, progress);
        },
        problem.rows);
  }

  std::vector<double> chi_squared(std::span<const double> magnetic,
                                  std::span<const double> inverse_variance, double exposure,
                                  std::span<const double> mu_eff) const override {
    const auto squares = executor_.upload(std::span<const double>(squared(mu_eff, 1)));
    const auto template_buffer = executor_.upload(magnetic);
    const auto variance = executor_.upload(inverse_variance);
    return executor_.sum_segments(
        mu_eff.size(), magnetic.size(),
        TemplateTerm{template_buffer.view(), variance.view(), squares.view(), exposure});
  }

  std::vector<double> chi_squared(const DirectSums& sums, std::span<const double> inverse_variance,
                                  double exposure) const override {
    const auto extra = executor_.upload(std::span<const double>(sums.extra));
    const auto variance = executor_.upload(inverse_variance);
    return executor_.sum_segments(sums.extra.size() / inverse_variance.size(),
                                  inverse_variance.size(),
                                  DirectTerm{extra.view(), variance.view(), exposure});
  }

 private:
  template <class T>
  using Buffer = typename Executor::template Buffer<T>;

  /// The executor's copy of a flux.
  struct FluxBuffers {
    FluxBuffers(const Executor& executor, const SolarFlux& flux)
        : panels(executor.upload(std::span(flux.panels))),
          coefficients(executor.upload(std::span(flux.coefficients))),
          first_panel(executor.upload(std::span(flux.first_panel))),
          lines(executor.upload(std::span(flux.lines))),
          shell_density(executor.upload(std::span(flux.shell_density))),
          shell_fraction(executor.upload(std::span(flux.shell_fraction))),
          survival(flux.settings.oscillation) {}

    FluxView view() const {
      return {panels.view(), coefficients.view(),  first_panel.view(),
              lines.view(),  shell_density.view(), shell_fraction.view(),
              survival};
    }

    Buffer<FluxPanel> panels;
    Buffer<double> coefficients;
    Buffer<int> first_panel;
    Buffer<FluxLine> lines;
    Buffer<double> shell_density, shell_fraction;
    SurvivalProbability survival;
  };

  struct Convolved : Convolution {
    Convolved(const Executor& executor, const SolarFlux& host)
        : flux(executor, host),
          panels(host.panels.size()),
          samples(executor.template allocate<FluxSample>(panels * fit_nodes + host.lines.size())),
          fits(executor.template allocate<double>(panels * fit_nodes * moments)),
          above(executor.template allocate<double>(panels * moments)) {
      const auto host_nodes = fit_flux_nodes(host);
      const auto nodes = executor.upload(std::span(host_nodes));
      const auto host_matrix = running_mean_matrix(fit_nodes);
      const auto matrix = executor.upload(std::span(host_matrix));
      executor.for_each(host_nodes.size(), SampleFlux{flux.view(), nodes.view(), samples.view()},
                        10 * host.shell_density.size());
      executor.for_each(panels * moments, FitPanel{const_view(samples), matrix.view(), fits.view()},
                        fit_nodes * fit_nodes);
      executor.for_each(host.components.size() * moments,
                        SumPanels{flux.view(), const_view(fits), above.view()}, panels);
    }

    RunningIntegrals integrals() const {
      const auto all = const_view(samples);
      return {const_view(fits),
              const_view(above),
              {all.data + panels * fit_nodes, all.size - panels * fit_nodes}};
    }

    FluxBuffers flux;
    std::size_t panels;
    Buffer<FluxSample> samples;
    Buffer<double> fits, above;
  };

  template <class T>
  static View<const T> const_view(const Buffer<T>& buffer) {
    return buffer.view();
  }

  /// Squares, padded with zeros to a multiple of `multiple`.
  static std::vector<double> squared(std::span<const double> mu_eff, std::size_t multiple) {
    std::vector<double> squares((mu_eff.size() + multiple - 1) / multiple * multiple);
    for (std::size_t i = 0; i < mu_eff.size(); ++i) squares[i] = mu_eff[i] * mu_eff[i];
    return squares;
  }

  template <class Process>
  DirectSums direct_sums(const SolarFlux& flux, const RecoilProblem& problem,
                         const std::vector<Process>& rows, std::span<const double> mu_eff,
                         bool keep_spectrum, const ProgressCallback& progress) const {
    const DirectGrid grid(flux);
    const std::size_t nodes = grid.nodes.size();
    std::vector<int> host_first(rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r)
      host_first[r] = grid.first_node(rows[r].minimum_energy());

    const FluxBuffers flux_buffers(executor_, flux);
    const auto places = executor_.upload(std::span(grid.flux_nodes));
    auto samples = executor_.template allocate<FluxSample>(nodes);
    executor_.for_each(nodes, SampleFlux{flux_buffers.view(), places.view(), samples.view()},
                       10 * flux.shell_density.size());

    const auto grid_buffer = executor_.upload(std::span(grid.nodes));
    const auto row_buffer = executor_.upload(std::span(rows));
    const auto first_node = executor_.upload(std::span<const int>(host_first));
    const auto weights = executor_.upload(std::span(problem.weights));
    const auto first_point = executor_.upload(std::span(problem.first_point));
    const auto host_squares = squared(mu_eff, Executor::lanes);
    const auto squares = executor_.upload(std::span<const double>(host_squares));
    const std::size_t padded = host_squares.size(), species = problem.species;
    auto binned = executor_.template allocate<double>(mu_eff.size() * problem.bins());

    DirectSums result;
    if (keep_spectrum) result.spectrum.resize(problem.points() * mu_eff.size());
    // Blocks are whole bins, as many as fit; at least one.
    const std::size_t point_bytes = species * nodes * sizeof(Cell) + 2 * padded * sizeof(double);
    for (std::size_t bin = 0; bin < problem.bins();) {
      const std::size_t from = problem.first_point[bin];
      std::size_t end = bin + 1;
      while (end < problem.bins() &&
             (problem.first_point[end + 1] - from) * point_bytes <= executor_.working_bytes())
        ++end;
      const std::size_t points = problem.first_point[end] - from;

      auto cells = executor_.template allocate<Cell>(points * species * nodes);
      auto spectrum = executor_.template allocate<double>(points * padded);
      auto extra = executor_.template allocate<double>(points * padded);
      const View<const Process> block_rows{row_buffer.view().data + from * species,
                                           points * species};
      executor_.for_each(points * species * nodes,
                         FillCells<Process>{flux_buffers.view(), grid_buffer.view(),
                                            const_view(samples), block_rows, cells.view()},
                         30);
      executor_.for_each(
          points * (padded / Executor::lanes),
          SumCells<Executor::lanes>{const_view(cells),
                                    {first_node.view().data + from * species, points * species},
                                    nodes,
                                    static_cast<int>(species),
                                    squares.view(),
                                    spectrum.view(),
                                    extra.view()},
          species * nodes * Executor::lanes);
      executor_.for_each(mu_eff.size() * (end - bin),
                         SumBins{const_view(extra), weights.view(), first_point.view(), bin,
                                 end - bin, padded, binned.view()},
                         points / (end - bin));
      if (keep_spectrum) {
        const auto block = executor_.download(spectrum);
        for (std::size_t p = 0; p < points; ++p)
          std::copy_n(block.begin() + p * padded, mu_eff.size(),
                      result.spectrum.begin() + (from + p) * mu_eff.size());
      }
      if (progress)
        progress(static_cast<double>(points * species * nodes) *
                 static_cast<double>(mu_eff.size()));
      bin = end;
    }
    result.extra = executor_.download(binned);
    return result;
  }

  Executor executor_;
};

}  // namespace magnu
