#pragma once

#include <algorithm>
#include <type_traits>

#include "magnu/scan/chi_squared.hpp"
#include "magnu/scan/direct_grid.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {

/// The evaluations in terms of an executor, which owns memory and runs bodies:
///
///     Buffer<T>                          memory of the executor, with view()
///     upload(span<const T>)              a Buffer<T> with these values
///     lend(span<const T>)                something with these values and view(), while they live
///     allocate<T>(n)                     a Buffer<T> of n values
///     download(Buffer<T>)                its values as an Array
///     for_each(n, body, work)            body(i) for every i < n, some `work` operations each
///     sum_segments(count, length, term)  vector of `count` sums of term(segment * length + j)
///     with_lanes(f)                      f(integral_constant): how many mu_eff values a thread of
///                                        the direct sums holds
///     parts(n)                           into how many indices work in n parts is best divided
///     row_by_row                         whether a thread had better finish a recoil row than
///                                        leave its cells to others
///     working_bytes()                    what the blocks of a direct evaluation may take
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
  int concurrent_calls() const override { return executor_.concurrent_calls(); }

  std::vector<double> survival(const SolarFlux& flux,
                               std::span<const Oscillation> parameters) const override {
    const auto values = executor_.download(sampled_survival(flux, parameters));
    return {values.begin(), values.end()};
  }

  Array<double> signals(const SolarFlux& flux, const SurvivalResponse& host,
                        std::span<const Oscillation> parameters) const override {
    const auto pee = sampled_survival(flux, parameters);
    const std::size_t nodes = flux.survival_nodes.size(), outputs = host.outputs();
    auto signals = executor_.template allocate<double>(parameters.size() * outputs);
    executor_.with_lanes([&](auto lanes) {
      const auto base = uploaded(executor_, padded(host.base, outputs, lanes()));
      const auto response = uploaded(executor_, padded(host.per_node, outputs, lanes()));
      executor_.for_each(parameters.size() * (base.view().size / lanes()),
                         RespondToSurvival<lanes()>{const_view(pee), nodes, base.view(),
                                                    response.view(), outputs, signals.view()},
                         nodes * lanes());
    });
    return executor_.download(std::move(signals));
  }

  using Runner::convolve;
  std::unique_ptr<Convolution> convolve(const SolarFlux& flux,
                                        std::span<const double> survival) const override {
    return std::make_unique<Convolved>(executor_, flux, survival);
  }

  Spectra spectra(const Convolution& convolution, const RecoilRows& recoil_rows) const override {
    const auto& convolved = static_cast<const Convolved&>(convolution);
    const std::size_t components = convolved.flux.view().components();
    return std::visit(
        [&](const auto& rows) {
          using Process = typename std::decay_t<decltype(rows)>::value_type;
          const auto row_buffer = lent(rows);
          auto values = executor_.template allocate<SpectrumPoint>(rows.size() * components);
          auto starts = executor_.template allocate<RowStart>(rows.size());
          executor_.for_each(
              rows.size(),
              LocateRow<Process>{convolved.flux.view(), row_buffer.view(), starts.view()}, 50);
          const std::size_t groups = executor_.parts(components);
          executor_.for_each(rows.size() * groups,
                             EvaluateSpectrum<Process>{convolved.flux.view(), convolved.integrals(),
                                                       row_buffer.view(), const_view(starts),
                                                       static_cast<int>(groups), values.view()},
                             100 * components / groups);
          return Spectra{components, executor_.download(std::move(values))};
        },
        recoil_rows.rows);
  }

  DirectSums direct(const SolarFlux& flux, const RecoilProblem& problem,
                    std::span<const double> mu_eff, bool keep_spectrum,
                    const ProgressCallback& progress) const override {
    return std::visit(
        [&](const auto& rows) {
          return direct_sums(flux, problem.binning, rows, mu_eff, keep_spectrum, progress);
        },
        problem.rows.rows);
  }

  std::vector<double> chi_squared(std::span<const double> magnetic,
                                  std::span<const double> inverse_variance, double exposure,
                                  std::span<const double> mu_eff) const override {
    const auto squares = uploaded(executor_, squared(mu_eff, 1));
    const auto template_buffer = executor_.upload(magnetic);
    const auto variance = executor_.upload(inverse_variance);
    return executor_.sum_segments(
        mu_eff.size(), magnetic.size(),
        TemplateTerm{template_buffer.view(), variance.view(), squares.view(), exposure});
  }

  std::vector<double> chi_squared(const DirectSums& sums, std::span<const double> inverse_variance,
                                  double exposure) const override {
    const auto extra = uploaded(executor_, sums.extra);
    const auto variance = executor_.upload(inverse_variance);
    return executor_.sum_segments(sums.extra.size() / inverse_variance.size(),
                                  inverse_variance.size(),
                                  DirectTerm{extra.view(), variance.view(), exposure});
  }

  Array<double> combine(const CombineProblem& problem, std::size_t first,
                        std::size_t count) const override {
    const auto first_bin = lent(problem.first_bin);
    const auto signal = lent(problem.signal);
    const auto magnetic = lent(problem.magnetic);
    const auto width = lent(problem.width);
    const auto background = lent(problem.background);
    std::vector<Buffer<Amplitude>> axis_values;
    std::vector<AmplitudeAxis> axes;
    for (std::size_t a = 0; a < problem.axes.size(); ++a) {
      axis_values.push_back(uploaded(executor_, problem.axes[a]));
      axes.push_back({const_view(axis_values.back()), problem.sets[a]});
    }
    const auto axis_views = uploaded(executor_, axes);
    auto values = executor_.template allocate<double>(count);
    const Detectors detectors{first_bin.view(),  signal.view(),     magnetic.view(),
                              width.view(),      background.view(), problem.shapes,
                              problem.per_row(), axis_views.view(), problem.base};
    const std::size_t work =
        20 * (problem.signal.size() / std::max<std::size_t>(problem.rows(), 1));
    if (problem.reach.by == 0) {
      executor_.for_each(count, SolveLimit{detectors, first, values.view()}, work);
    } else {
      executor_.for_each(count, SolveReach{detectors, problem.reach, first, values.view()},
                         10 * work);
    }
    return executor_.download(std::move(values));
  }

 private:
  template <class T>
  using Buffer = typename Executor::template Buffer<T>;

  template <class T>
  static Buffer<T> uploaded(const Executor& executor, const std::vector<T>& values) {
    return executor.upload(std::span<const T>(values));
  }

  /// For as long as they live.
  template <class T>
  auto lent(const std::vector<T>& values) const {
    return executor_.lend(std::span<const T>(values));
  }

  /// The executor's copy of a flux.
  struct FluxBuffers {
    FluxBuffers(const Executor& executor, const SolarFlux& flux)
        : panels(uploaded(executor, flux.panels)),
          coefficients(uploaded(executor, flux.coefficients)),
          first_panel(uploaded(executor, flux.first_panel)),
          lines(uploaded(executor, flux.lines)),
          first_line(uploaded(executor, flux.first_line)),
          segment_end(uploaded(executor, flux.segment_end)),
          segment_panel(uploaded(executor, flux.segment_panel)),
          survival_panels(uploaded(executor, flux.survival_panels)),
          shell_density(uploaded(executor, flux.shell_density)),
          shell_fraction(uploaded(executor, flux.shell_fraction)),
          survival(flux.settings.oscillation) {}

    FluxView view() const {
      return {panels.view(),
              coefficients.view(),
              first_panel.view(),
              lines.view(),
              first_line.view(),
              segment_end.view(),
              segment_panel.view(),
              survival_panels.view(),
              shell_density.view(),
              shell_fraction.view(),
              survival};
    }

    Buffer<FluxPanel> panels;
    Buffer<double> coefficients;
    Buffer<int> first_panel;
    Buffer<FluxLine> lines;
    Buffer<int> first_line;
    Buffer<double> segment_end;
    Buffer<int> segment_panel;
    Buffer<SurvivalPanel> survival_panels;
    Buffer<double> shell_density, shell_fraction;
    SurvivalProbability survival;
  };

  struct Convolved : Convolution {
    Convolved(const Executor& executor, const SolarFlux& host, std::span<const double> survival)
        : flux(executor, host),
          fits(executor.template allocate<Moments>(host.panels.size() * fit_nodes)),
          above(executor.template allocate<Moments>(host.panels.size())),
          lines(executor.template allocate<Moments>(host.lines.size())) {
      static const auto host_nodes = chebyshev_nodes(fit_nodes);
      static const auto host_transform = chebyshev_transform(survival_terms);
      static const auto host_matrix =
          product(powers_from_chebyshev(fit_nodes), running_mean_matrix(fit_nodes), fit_nodes);
      const auto nodes = uploaded(executor, host_nodes);
      const auto transform = uploaded(executor, host_transform);
      const auto matrix = uploaded(executor, host_matrix);
      const auto values = executor.upload(survival);
      const std::size_t panels = host.panels.size();
      const std::size_t terms = host.survival_panels.size() * survival_terms;
      auto coefficients = executor.template allocate<double>(terms);
      auto samples = executor.template allocate<Moments>(panels * fit_nodes);
      auto whole = executor.template allocate<Moments>(panels);
      executor.for_each(terms, FitSurvival{values.view(), transform.view(), coefficients.view()},
                        2 * survival_terms);
      executor.for_each(
          panels, SamplePanel{flux.view(), nodes.view(), const_view(coefficients), samples.view()},
          4 * fit_nodes * survival_terms);
      executor.for_each(
          panels,
          FitPanel{flux.view(), const_view(samples), matrix.view(), fits.view(), whole.view()},
          2 * fit_nodes * fit_nodes * moments);
      executor.for_each(host.components.size(),
                        SumPanels{flux.view(), const_view(whole), above.view()}, panels);
      executor.for_each(
          host.lines.size(),
          SampleLine{flux.view(), part(values.view(), terms, host.lines.size()), lines.view()}, 10);
    }

    RunningIntegrals integrals() const {
      return {const_view(fits), const_view(above), const_view(lines)};
    }

    FluxBuffers flux;
    Buffer<Moments> fits, above, lines;
  };

  template <class T>
  static View<const T> const_view(const Buffer<T>& buffer) {
    return buffer.view();
  }

  template <class T>
  static View<T> part(View<T> view, std::size_t from, std::size_t size) {
    return {view.data + from, size};
  }

  /// Pee of parameter sets at the survival nodes, [sets][nodes].
  Buffer<double> sampled_survival(const SolarFlux& flux,
                                  std::span<const Oscillation> parameters) const {
    const FluxBuffers buffers(executor_, flux);
    const auto nodes = uploaded(executor_, flux.survival_nodes);
    const std::vector<SurvivalProbability> host_sets(parameters.begin(), parameters.end());
    const auto sets = uploaded(executor_, host_sets);
    const std::size_t n = parameters.size() * flux.survival_nodes.size();
    auto values = executor_.template allocate<double>(n);
    executor_.for_each(n, SampleSurvival{buffers.view(), nodes.view(), sets.view(), values.view()},
                       10 * flux.shell_density.size());
    return values;
  }

  /// Rows of `length`, each padded with zeros to a multiple of `multiple`.
  static std::vector<double> padded(const std::vector<double>& rows, std::size_t length,
                                    std::size_t multiple) {
    const std::size_t stride = (length + multiple - 1) / multiple * multiple;
    std::vector<double> result(rows.size() / length * stride);
    for (std::size_t row = 0; row < rows.size() / length; ++row)
      std::copy_n(rows.begin() + row * length, length, result.begin() + row * stride);
    return result;
  }

  /// Squares, padded with zeros to a multiple of `multiple`.
  static std::vector<double> squared(std::span<const double> mu_eff, std::size_t multiple) {
    std::vector<double> squares((mu_eff.size() + multiple - 1) / multiple * multiple);
    for (std::size_t i = 0; i < mu_eff.size(); ++i) squares[i] = mu_eff[i] * mu_eff[i];
    return squares;
  }

  struct BinningBuffers {
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
  struct GridBuffers {
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
  struct DirectBlock {
    DirectBlock(const Executor& executor, std::size_t rows, std::size_t nodes_,
                std::size_t padded_mu, bool with_spectrum)
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

  template <class Process>
  DirectSums direct_sums(const SolarFlux& flux, const Binning& binning,
                         const std::vector<Process>& rows, std::span<const double> mu_eff,
                         bool keep_spectrum, const ProgressCallback& progress) const {
    return executor_.with_lanes([&](auto lanes) {
      return keep_spectrum ? direct_sums<lanes(), true>(flux, binning, rows, mu_eff, progress)
                           : direct_sums<lanes(), false>(flux, binning, rows, mu_eff, progress);
    });
  }

  template <int Lanes, bool WithSpectrum, class Process>
  DirectSums direct_sums(const SolarFlux& host_flux, const Binning& binning,
                         const std::vector<Process>& host_rows, std::span<const double> mu_eff,
                         const ProgressCallback& progress) const {
    const DirectGrid host_grid(host_flux);
    std::vector<int> host_first;
    for (const auto& row : host_rows)
      host_first.push_back(host_grid.first_node(row.minimum_energy()));
    const FluxBuffers flux(executor_, host_flux);
    GridBuffers grid(executor_, host_grid, host_flux, flux.view());
    const BinningBuffers bins(executor_, binning);
    const auto rows = lent(host_rows);
    const auto first_node = lent(host_first);
    const auto mu_squared = uploaded(executor_, squared(mu_eff, Lanes));
    const std::size_t nodes = host_grid.nodes.size(), padded_mu = mu_squared.view().size;
    const std::size_t stretches = executor_.parts(nodes);
    const std::size_t stretch = (nodes + stretches - 1) / stretches;
    const auto touched = bins_of_rows(binning, host_rows.size());
    auto binned = executor_.template allocate<double>(padded_mu * binning.bins());
    executor_.for_each(binned.view().size, Clear{binned.view()}, 4);
    DirectSums result;
    if (WithSpectrum) result.spectrum.resize(host_rows.size() * mu_eff.size());
    // Blocks of as many rows as fit; at least one.
    const std::size_t bytes_per_row = (nodes + padded_mu) * (1 + WithSpectrum) * sizeof(double);
    const std::size_t most = std::clamp<std::size_t>(executor_.working_bytes() / bytes_per_row, 1,
                                                     std::max<std::size_t>(1, host_rows.size()));
    DirectBlock block(executor_, most, nodes, padded_mu, WithSpectrum);
    for (std::size_t from = 0; from < host_rows.size(); from += most) {
      const std::size_t here = std::min(most, host_rows.size() - from);
      const auto some_rows = part(rows.view(), from, here);
      const auto first = part(first_node.view(), from, here);
      const FillCells<Process, WithSpectrum> fill{grid.samples(), some_rows, first, stretch,
                                                  block.cells()};
      const CutCells<Process, WithSpectrum> cut{flux.view(), grid.nodes(), some_rows,
                                                block.cells()};
      const SumCells<Lanes, WithSpectrum> sum{block.cells(), first, mu_squared.view(),
                                              block.spectrum.view(), block.extra.view()};
      const std::size_t fills = (nodes + stretch - 1) / stretch;
      const std::size_t cuts = host_flux.components.size(), sums = padded_mu / Lanes;
      if constexpr (Executor::row_by_row) {
        executor_.for_each(here, RowByRow{std::tuple(fill, cut, sum), {fills, cuts, sums}},
                           nodes * padded_mu);
      } else {
        executor_.for_each(here * fills, fill, 10 * stretch);
        executor_.for_each(here * cuts, cut, WithSpectrum ? 10000 : 1000);
        executor_.for_each(here * sums, sum, nodes * Lanes);
      }
      BinSpan some;
      for (std::size_t row = from; row < from + here; ++row) some.cover(touched[row]);
      if (some.first < some.end)
        executor_.for_each(
            (padded_mu / Lanes) * (some.end - some.first),
            AddToBins<Lanes>{bins.view(), const_view(block.extra), from, from + here, some.first,
                             some.end - some.first, padded_mu, binned.view()},
            16 * (here / (some.end - some.first) + 1) * Lanes);
      if (WithSpectrum) {
        const auto spectrum = executor_.download(block.spectrum);
        for (std::size_t row = 0; row < here; ++row)
          std::copy_n(spectrum.begin() + row * padded_mu, mu_eff.size(),
                      result.spectrum.begin() + (from + row) * mu_eff.size());
      }
      if (progress)
        progress(static_cast<double>(here * nodes) * static_cast<double>(mu_eff.size()));
    }
    const auto sums = executor_.download(std::move(binned));  // padded
    result.extra.assign(sums.begin(), sums.begin() + mu_eff.size() * binning.bins());
    return result;
  }

  Executor executor_;
};

}  // namespace magnu
