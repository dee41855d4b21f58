#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "magnu/scan/detector_likelihood.hpp"
#include "magnu/scan/engine.hpp"

/// Likelihoods: fits of toys, a belt of them, and limits without toys.
namespace magnu::bench {
namespace {

/// Electron recoils in bins of a keV, eight fluxes and two backgrounds not known exactly.
Curve detector(double threshold, int bins, double flat, double flat_uncertainty, double exposure) {
  Curve curve;
  curve.statistic = Statistic::poisson;
  curve.flux.components = solar_components();
  curve.test = IntervalTest::upper;
  curve.threshold = threshold * constants::keV;
  curve.bins = bins;
  curve.upper = curve.threshold + bins * constants::keV;
  curve.exposure = exposure;
  Background even, xenon;
  even.value = flat;
  even.uncertainty = flat_uncertainty;
  xenon.kind = Background::Kind::xe136_2nbb;
  xenon.value = 1;
  xenon.uncertainty = 0.05;
  curve.background = {even, xenon};
  return curve;
}

/// 30 bins that expect `counts` each on average, and two pulls besides: 12 nuisance parameters.
/// Toys have the signal that is the limit expected without.
struct ToyModel {
  explicit ToyModel(double counts) {
    auto curve = detector(1, 30, 8.2, 0.05, 1);
    curve.uncertainties.sin2_theta12 = 0.018;
    curve.uncertainties.dm2_21 = 1.8e-6;
    const auto runner = make_cpu_runner(1, best_instruction_set());
    Engine engine(*runner, Evaluation::fast);
    double expected = 0;
    for (const double events : engine.likelihood(curve).expected(0)) expected += events;
    curve.exposure = counts * curve.bins / expected;
    likelihood = engine.likelihood(curve);
    const Data data(likelihood, likelihood.expected(0));
    s = Analysis(likelihood, data).interval(curve.test, 0.9, BestFit{0, 0, true}).upper;
  }
  ToySample sample(const Runner& runner, std::size_t toys, std::uint32_t point) const {
    return sample_toys(likelihood, likelihood.nominal(), s, {toys, 1, 0}, point, 1,
                       [&](const ToyTask& task, std::size_t n) { runner.fit_toys(task, n); });
  }

  Likelihood likelihood{0};
  double s = 0;
};

double lost(const ToySample& sample) {
  return static_cast<double>(
      std::count_if(sample.t.begin(), sample.t.end(), [](double t) { return std::isnan(t); }));
}

/// From the draw of a toy to its t: two fits.
void toys(benchmark::State& state, const MakeRunner& make, double counts) {
  const ToyModel model(counts);
  const auto runner = make();
  const std::size_t toys = quick ? 64 : 1 << 14;
  std::uint32_t point = 0;
  double by_hand = 0, failed = 0;
  for (auto _ : state) {
    const auto sample = model.sample(*runner, toys, ++point);
    by_hand += static_cast<double>(sample.by_hand);
    failed += lost(sample);
  }
  const double all = static_cast<double>(toys) * static_cast<double>(state.iterations());
  state.counters["fits"] = benchmark::Counter(2 * all, benchmark::Counter::kIsRate);
  state.counters["by_hand"] = by_hand / all;
  state.counters["failed"] = failed / all;
  double expected = 0;
  for (const double events : model.likelihood.expected(0)) expected += events;
  state.counters["counts"] = expected / static_cast<double>(model.likelihood.bins());
  state.counters["s"] = model.s;
  state.counters["parameters"] = static_cast<double>(model.likelihood.nuisances().size());
}

/// An interval by toys, tests for its expected band included.
void belt(benchmark::State& state, int threads) {
  const ToyModel model(40);
  const auto runner = make_cpu_runner(threads, best_instruction_set());
  ToyQuestion question;
  question.counts = model.likelihood.expected(0);
  question.projection = true;
  question.settings = {quick ? std::size_t{64} : 10'000, 1, quick ? 5 : 41};
  double fits = 0;
  ToyInterval found;
  for (auto _ : state) {
    fits = 0;
    found = toy_interval(model.likelihood, question, threads,
                         [&](const ToyTask& task, std::size_t toys) {
                           fits += static_cast<double>(toys * (1 + task.tested.size));
                           runner->fit_toys(task, toys);
                         });
  }
  state.counters["fits"] = fits;
  state.counters["by_hand"] = static_cast<double>(found.by_hand) / static_cast<double>(found.toys);
  state.counters["failed"] = static_cast<double>(found.failed);
}

/// An asymptotic limit with its band, as of one point of a scan over exposures; or its parts.
enum class Part { whole, likelihood, fits };
void limit(benchmark::State& state, Part part) {
  const auto curve = detector(0.5, 50, 0.603, 0.1, 200);
  const auto runner = make_cpu_runner(1, best_instruction_set());
  const auto parts = Engine(*runner, Evaluation::fast).parts(curve);
  auto likelihood = make_likelihood(curve, parts);
  for (auto _ : state) {
    if (part != Part::fits) likelihood = make_likelihood(curve, parts);
    if (part == Part::likelihood)
      benchmark::DoNotOptimize(likelihood.view().base.data);
    else
      benchmark::DoNotOptimize(analyse(curve, likelihood, *runner).limit);
  }
  state.counters["parameters"] = static_cast<double>(likelihood.nuisances().size());
}

}  // namespace

void register_likelihood() {
  for (const double counts : {40.0, 4.0})
    for (const auto isa : instruction_sets()) {
      const auto name = "toys/" + std::to_string(static_cast<int>(counts)) + "/" + to_string(isa);
      add(name, 1, toys, cpu(1, isa), counts);
    }
  for (const int threads : thread_counts())
    benchmark::RegisterBenchmark(("belt/" + std::to_string(threads)).c_str(), belt, threads)
        ->UseRealTime();
  add("limit/whole", 1, limit, Part::whole);
  add("limit/likelihood", 1, limit, Part::likelihood);
  add("limit/fits", 1, limit, Part::fits);
}

void write_toys(const std::string& path) {
  const ToyModel model(40);
  const auto& likelihood = model.likelihood;
  auto json = nlohmann::json{{"s", model.s}, {"counts", nlohmann::json::array()}};
  const auto row = [](std::span<const double> values) {
    return std::vector<double>(values.begin(), values.end());
  };
  for (std::size_t p = 0; p <= likelihood.nuisances().size(); ++p) {
    json["base"].push_back(row(likelihood.base(p)));
    json["slope"].push_back(row(likelihood.slope(p)));
  }
  for (const auto& nuisance : likelihood.nuisances()) {
    json["name"].push_back(nuisance.name);
    json["sigma"].push_back(nuisance.sigma);
    json["nominal"].push_back(nuisance.nominal);
    json["positive"].push_back(nuisance.positive);
  }
  // The general method fits these, of any data and with t to rounding.
  const auto sample =
      sample_toys(likelihood, likelihood.nominal(), model.s, {1000, 1, 0}, 0, 1,
                  [&](const ToyTask& task, std::size_t toys) {
                    std::vector<double> scratch(
                        ToyFit<double, 1, 1>::scratch(task.likelihood.parameters, task.likelihood.bins));
                    ToyFit<double, 1, 1> source(task, scratch.data());
                    for (std::size_t toy = 0; toy < toys; ++toy) {
                      source.draw(task.first + toy);
                      std::vector<double> counts, measured;
                      for (std::size_t i = 0; i < likelihood.bins(); ++i)
                        counts.push_back(source.count(i, 0));
                      for (std::size_t p = 0; p < likelihood.nuisances().size(); ++p)
                        measured.push_back(source.measured(p, 0));
                      json["counts"].push_back(counts);
                      json["measured"].push_back(measured);
                      task.s_hat[toy] = std::numeric_limits<double>::quiet_NaN();
                    }
                  });
  json["s_hat"] = sample.s_hat;
  json["t"] = sample.t;
  std::ofstream(path) << json.dump() << '\n';
}

}  // namespace magnu::bench
