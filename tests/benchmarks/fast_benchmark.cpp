#include <algorithm>

#include "cases.hpp"
#include "stopwatch.hpp"

/// The fast evaluation: spectra from running integrals, and shape points.
namespace magnu::bench {
namespace {

Spectra spectra_at(const Runner& runner, double accuracy, const RecoilRows& rows) {
  return runner.spectra(*runner.convolve(solar_flux(accuracy)), rows);
}

/// Largest deviation of both templates from those at accuracy 1e-12: of the components' sum, and of
/// a component by itself where it reaches that far.
void report_errors(benchmark::State& state, const Runner& runner, const RecoilRows& rows) {
  const auto here = spectra_at(runner, fast_accuracy, rows);
  const auto there = spectra_at(runner, 1e-12, rows);
  double of_total = 0, of_component = 0;
  const auto largest = [](double& error, const SpectrumPoint& a, const SpectrumPoint& b) {
    if (b.standard_model != 0)
      error = std::max(error, std::abs(a.standard_model / b.standard_model - 1));
    if (b.magnetic != 0) error = std::max(error, std::abs(a.magnetic / b.magnetic - 1));
  };
  for (std::size_t p = 0; p < rows.size(); ++p) largest(of_total, here.total(p), there.total(p));
  for (std::size_t i = 0; i < here.values.size(); ++i)
    largest(of_component, here.values[i], there.values[i]);
  state.counters["error_total"] = of_total;
  state.counters["error_component"] = of_component;
}

/// Spectra with the running integrals, and so Pee, given.
void spectra(benchmark::State& state, const MakeRunner& make, const std::string& channel,
             std::size_t points) {
  const auto runner = make();
  const auto rows = recoil_rows(channel, points);
  const auto convolution = runner->convolve(solar_flux(fast_accuracy));
  for (auto _ : state) {
    auto result = runner->spectra(*convolution, rows);
    benchmark::DoNotOptimize(result.values.data());
  }
  if (points == fast_points) report_errors(state, *runner, rows);
}

/// A shape point: convolution, in which Pee is averaged over the Sun, and spectra.
void shape_point(benchmark::State& state, const MakeRunner& make, const std::string& channel) {
  const auto runner = make();
  const auto rows = recoil_rows(channel, fast_points);
  const auto flux = solar_flux(fast_accuracy);
  for (auto _ : state) {
    auto result = runner->spectra(*runner->convolve(flux), rows);
    benchmark::DoNotOptimize(result.values.data());
  }
}

/// The same by steps: what the bodies take, and the memory around them.
void steps(benchmark::State& state, const std::string& channel) {
  Stopwatch::Times times;
  const Pipeline<Stopwatch> runner{Stopwatch(best_instruction_set(), &times)};
  const auto rows = recoil_rows(channel, fast_points);
  const auto flux = solar_flux(fast_accuracy);
  for (auto _ : state) {
    auto result = runner.spectra(*runner.convolve(flux), rows);
    benchmark::DoNotOptimize(result.values.data());
  }
  for (const auto& [name, seconds] : times)
    state.counters["step " + name] =
        benchmark::Counter(seconds, benchmark::Counter::kAvgIterations);
}

/// The flux of another solar model each time: tables read, beta spectra fitted.
void build_flux(benchmark::State& state) {
  FluxSettings settings;
  settings.accuracy = fast_accuracy;
  for (auto _ : state) {
    settings.solar_model = settings.solar_model == "b16gs98" ? "b16agss09" : "b16gs98";
    benchmark::DoNotOptimize(make_solar_flux(settings).panels.data());
  }
}

/// Shape points of a study.
void shape_points(benchmark::State& state, const MakeRunner& make) {
  const auto runner = make();
  const auto detectors = shape_axis(quick ? 8 : 256);
  for (auto _ : state) scan(detectors, *runner);
  state.counters["points"] = static_cast<double>(detectors.size());
}

}  // namespace

void register_fast() {
  for (const std::string channel : {"electron", "nuclear"}) {
    add("fast/spectra/" + channel, 1, spectra, cpu(1), channel, fast_points);
    add("fast/shape_point/" + channel, 1, shape_point, cpu(1), channel);
    add_cuda("cuda/spectra/" + channel, spectra, channel, fast_points);
    add_cuda("cuda/shape_point/" + channel, shape_point, channel);
    add("fast/steps/" + channel, 1, steps, channel);
  }
  add("fast/build_flux", 1, build_flux);
  for (const int threads : thread_counts()) {
    const auto suffix = "/" + std::to_string(threads);
    add("threads/spectra" + suffix, threads, spectra, cpu(threads), std::string("electron"),
        std::size_t{quick ? 1000u : 100'000u});
    add("threads/shape_points" + suffix, threads, shape_points, cpu(threads));
  }
}

}  // namespace magnu::bench
