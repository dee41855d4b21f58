#pragma once

#include <algorithm>
#include <type_traits>

#include "magnu/core/chebyshev.hpp"
#include "magnu/scan/buffers.hpp"
#include "magnu/scan/chi_squared.hpp"
#include "magnu/scan/direct_sums.hpp"
#include "magnu/scan/runner.hpp"
#include "magnu/scan/toy_bodies.hpp"

namespace magnu {

/// The evaluations in terms of an executor, which owns memory and runs bodies:
///
///     Buffer<T>                          memory of the executor, with view()
///     upload(span<const T>)              a Buffer<T> with these values
///     lend(span<const T>)                something with these values and view(), while they live
///     allocate<T>(n)                     a Buffer<T> of n values
///     download(Buffer<T>)                its values as an Array
///     download_as_written(Buffer<T>, launch)
///                                        the same, written in parts by launch(first, View<T>); a
///                                        part may be on its way while the next is written
///     for_each(n, body, work, meanwhile)
///                                        body(i) for every i < n, some `work` operations each, and
///                                        beside them what the caller has to do
///     sum_segments(count, length, term)  vector of `count` sums of term(segment * length + j)
///     with_lanes(f)                      f(integral_constant): how many mu_eff values a thread of
///                                        the direct sums holds
///     parts(n)                           into how many indices work in n parts is best divided
///     row_by_row                         whether a thread had better finish a recoil row than
///                                        leave its cells to others
///     chunk()                            how many detectors are best combined at a time
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
  std::size_t chunk() const override { return executor_.chunk(); }
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
  std::unique_ptr<Convolution> convolve(SolarFlux flux,
                                        std::span<const double> survival) const override {
    return std::make_unique<Convolved>(executor_, std::move(flux), survival);
  }

  Spectra spectra(const Convolution& convolution, const RecoilRows& recoil_rows) const override {
    const auto& convolved = static_cast<const Convolved&>(convolution);
    const std::size_t components = convolved.buffers.view().components();
    return std::visit(
        [&](const auto& rows) {
          using Process = typename std::decay_t<decltype(rows)>::value_type;
          const auto row_buffer = lent(executor_, rows);
          auto values = executor_.template allocate<SpectrumPoint>(rows.size() * components);
          auto starts = executor_.template allocate<RowStart>(rows.size());
          executor_.for_each(
              rows.size(),
              LocateRow<Process>{convolved.buffers.view(), row_buffer.view(), starts.view()}, 50);
          const std::size_t groups = executor_.parts(components);
          executor_.for_each(rows.size() * groups,
                             EvaluateSpectrum<Process>{
                                 convolved.buffers.view(), convolved.integrals(), row_buffer.view(),
                                 const_view(starts), static_cast<int>(groups), values.view()},
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
          return executor_.with_lanes([&](auto lanes) {
            return keep_spectrum ? direct_sums<lanes(), true>(executor_, flux, problem.binning,
                                                              rows, mu_eff, progress)
                                 : direct_sums<lanes(), false>(executor_, flux, problem.binning,
                                                               rows, mu_eff, progress);
          });
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

  using Runner::combine;
  Array<double> combine(const CombineProblem& problem, std::size_t first, std::size_t count,
                        const Meanwhile& meanwhile) const override {
    const auto first_bin = lent(executor_, problem.first_bin);
    const auto signal = lent(executor_, problem.signal);
    const auto magnetic = lent(executor_, problem.magnetic);
    const auto width = lent(executor_, problem.width);
    const auto background = lent(executor_, problem.background);
    std::vector<Buffer<Amplitude>> axis_values;
    std::vector<AmplitudeAxis> axes;
    for (std::size_t a = 0; a < problem.axes.size(); ++a) {
      axis_values.push_back(uploaded(executor_, problem.axes[a]));
      axes.push_back({const_view(axis_values.back()), problem.sets[a]});
    }
    const auto axis_views = uploaded(executor_, axes);
    const Detectors detectors{first_bin.view(),  signal.view(),     magnetic.view(),
                              width.view(),      background.view(), problem.shapes,
                              problem.per_row(), axis_views.view(), problem.base};
    const std::size_t work =
        20 * (problem.signal.size() / std::max<std::size_t>(problem.rows(), 1));
    return executor_.download_as_written(
        executor_.template allocate<double>(count), [&](std::size_t from, View<double> values) {
          const auto beside = from + values.size == count ? meanwhile : Meanwhile();
          if (problem.reach.by == 0) {
            executor_.for_each(values.size, SolveLimit{detectors, first + from, values}, work,
                               beside);
          } else {
            executor_.for_each(values.size,
                               SolveReach{detectors, problem.reach, first + from, values},
                               10 * work, beside);
          }
        });
  }

  void fit_toys(const ToyTask& host, std::size_t toys) const override {
    if (toys == 0) return;
    ToyBuffers<Executor> buffers(executor_, host, toys);
    const std::size_t each = warp_scratch(host.likelihood);
    const std::size_t warps =
        std::clamp<std::size_t>(executor_.working_bytes() / (each * sizeof(double)), 1,
                                (toys + warp_lanes - 1) / warp_lanes);
    auto scratch = executor_.template allocate<double>(warps * each);
    const std::size_t threads = warps * warp_lanes;
    executor_.for_each(threads, FitToys{buffers.task(), toys, threads, scratch.view()}, 100'000);
    const auto s_hat = buffers.s_hat(), t = buffers.t();
    std::copy(s_hat.begin(), s_hat.end(), host.s_hat.data);
    for (std::size_t k = 0; k < host.tested.size; ++k)
      std::copy_n(t.begin() + k * toys, toys, host.t.data + k * host.stride);
  }

 private:
  template <class T>
  using Buffer = typename Executor::template Buffer<T>;

  struct Convolved : Convolution {
    Convolved(const Executor& executor, SolarFlux of, std::span<const double> survival)
        : Convolution(std::move(of)),
          buffers(executor, flux),
          fits(executor.template allocate<Moments>(flux.panels.size() * fit_nodes)),
          above(executor.template allocate<Moments>(flux.panels.size())),
          lines(executor.template allocate<Moments>(flux.lines.size())) {
      static const auto host_nodes = chebyshev_nodes(fit_nodes);
      static const auto host_transform = chebyshev_transform(survival_terms);
      static const auto host_matrix =
          product(powers_from_chebyshev(fit_nodes), running_mean_matrix(fit_nodes), fit_nodes);
      const auto nodes = uploaded(executor, host_nodes);
      const auto transform = uploaded(executor, host_transform);
      const auto matrix = uploaded(executor, host_matrix);
      const auto values = executor.upload(survival);
      const std::size_t panels = flux.panels.size();
      const std::size_t terms = flux.survival_panels.size() * survival_terms;
      auto coefficients = executor.template allocate<double>(terms);
      auto samples = executor.template allocate<Moments>(panels * fit_nodes);
      auto whole = executor.template allocate<Moments>(panels);
      executor.for_each(terms, FitSurvival{values.view(), transform.view(), coefficients.view()},
                        2 * survival_terms);
      executor.for_each(
          panels,
          SamplePanel{buffers.view(), nodes.view(), const_view(coefficients), samples.view()},
          4 * fit_nodes * survival_terms);
      executor.for_each(
          panels,
          FitPanel{buffers.view(), const_view(samples), matrix.view(), fits.view(), whole.view()},
          2 * fit_nodes * fit_nodes * moments);
      executor.for_each(flux.components.size(),
                        SumPanels{buffers.view(), const_view(whole), above.view()}, panels);
      executor.for_each(
          flux.lines.size(),
          SampleLine{buffers.view(), part(values.view(), terms, flux.lines.size()), lines.view()},
          10);
    }

    RunningIntegrals integrals() const {
      return {const_view(fits), const_view(above), const_view(lines)};
    }

    FluxBuffers<Executor> buffers;  ///< of `flux`
    Buffer<Moments> fits, above, lines;
  };

  /// Pee of parameter sets at the survival nodes, [sets][nodes].
  Buffer<double> sampled_survival(const SolarFlux& flux,
                                  std::span<const Oscillation> parameters) const {
    const FluxBuffers<Executor> buffers(executor_, flux);
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

  Executor executor_;
};

}  // namespace magnu
