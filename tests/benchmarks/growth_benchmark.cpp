#include "cases.hpp"
#include "magnu/scan/direct_grid.hpp"

/// Time against size, one axis at a time. The last part of a benchmark's name is the size.
namespace magnu::bench {
namespace {

void recoil_energies(benchmark::State& state, std::size_t points) {
  const auto runner = make_cpu_runner(1, best_instruction_set());
  const auto rows = recoil_rows("electron", points);
  const auto convolution = runner->convolve(solar_flux(fast_accuracy));
  for (auto _ : state) {
    auto result = runner->spectra(*convolution, rows);
    benchmark::DoNotOptimize(result.values.data());
  }
}

/// The beta spectra, whose panels narrow with the accuracy; beyond that of doubles for size alone.
SolarFlux beta_flux(double accuracy) {
  return solar_flux(accuracy, {"pp", "hep", "n13", "o15", "f17"});
}

void convolution(benchmark::State& state, double accuracy) {
  const auto runner = make_cpu_runner(1, best_instruction_set());
  const auto flux = beta_flux(accuracy);
  for (auto _ : state) {
    auto result = runner->convolve(flux);
    benchmark::DoNotOptimize(result.get());
  }
}

void axis(benchmark::State& state, const Grid& detectors) {
  const auto runner = make_cpu_runner(1, best_instruction_set());
  for (auto _ : state) scan(detectors, *runner);
}

void chi_squared(benchmark::State& state, std::size_t mu_points) {
  const auto runner = make_cpu_runner(1, best_instruction_set());
  const std::vector<double> magnetic(11, 1e20), inverse_variance(11, 1);
  const auto mu = mu_values(mu_points);
  for (auto _ : state) {
    auto result = runner->chi_squared(magnetic, inverse_variance, 1, mu);
    benchmark::DoNotOptimize(result.data());
  }
}

/// The dense grid along one of its axes.
void direct(benchmark::State& state, std::size_t points, double accuracy, std::size_t mu_points,
            int threads) {
  const auto runner = make_cpu_runner(threads, best_instruction_set());
  const auto flux = beta_flux(accuracy);
  const auto problem = recoil_problem("electron", points);
  const auto mu = mu_values(mu_points);
  for (auto _ : state) {
    const auto sums = runner->direct(flux, problem, mu, false, {});
    benchmark::DoNotOptimize(sums.extra.data());
  }
}

template <class... Arguments>
void grow(const std::string& axis, std::size_t size, Arguments... arguments) {
  add("growth/" + axis + "/" + std::to_string(size), 1, arguments...);
}

}  // namespace

void register_growth() {
  const std::vector<std::size_t> sizes =
      quick ? std::vector<std::size_t>{4, 40} : std::vector<std::size_t>{100, 1000, 10'000};
  const std::vector<double> accuracies =
      quick ? std::vector<double>{1e-2, 1e-6} : std::vector<double>{1e-6, 1e-16, 1e-30};
  for (const auto n : sizes) {
    grow("recoil energies, fast", n, recoil_energies, n);
    grow("recoil energies, direct", n / 4, direct, n / 4, 1e-6, std::size_t{64}, 1);
    grow("mu points, fast", n, chi_squared, n);
    grow("mu points, direct", n, direct, std::size_t{20}, 1e-6, n, 1);
  }
  for (const std::size_t n : {1, 10, quick ? 20 : 100}) {
    grow("shape points", n, axis, shape_axis(n));
    grow("thresholds", n, axis,
         grid("threshold", n, [](Curve& c, double x) { c.threshold *= 1 + x; }));
    grow("exposures", 1000 * n, axis,
         grid("exposure", 1000 * n, [](Curve& c, double x) { c.exposure *= 1 + x; }));
  }
  for (const double accuracy : accuracies) {
    const auto flux = beta_flux(accuracy);
    grow("neutrino nodes, fast", flux.panels.size() * fit_nodes, convolution, accuracy);
    grow("neutrino nodes, direct", DirectGrid(flux).nodes.size(), direct, std::size_t{100},
         accuracy, std::size_t{64}, 1);
  }
  for (int threads = 1; threads <= available_processors(); threads *= 2)
    add("growth/threads, direct/" + std::to_string(threads), 2, direct,
        std::size_t{quick ? 10u : 1000u}, 1e-6, std::size_t{quick ? 64u : 256u}, threads);
}

}  // namespace magnu::bench
