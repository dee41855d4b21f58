#include <gtest/gtest.h>

#include <cmath>

#include "curves.hpp"
#include "emulator.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/cuda_runner.hpp"
#include "magnu/scan/engine.hpp"
#include "magnu/scan/verification.hpp"
#include "magnu/statistics/toys.hpp"

/// One suite for every backend: each must give the CPU's numbers (baseline instructions, one
/// thread) for both evaluations, both channels and both statistics.
namespace magnu {
namespace {

using test::paper_curve;

struct Backend {
  std::string name;
  std::function<std::unique_ptr<Runner>()> make;  ///< null where it is not there
};

void PrintTo(const Backend& backend, std::ostream* stream) {
  *stream << backend.name;
}

std::vector<Backend> backends() {
  std::vector<Backend> list;
  for (const auto isa : {InstructionSet::baseline, InstructionSet::v3, InstructionSet::v4})
    for (const int threads : {1, 2, 7})
      list.push_back({"cpu_" + to_string(isa) + "_" + std::to_string(threads),
                      [=] { return supported(isa) ? make_cpu_runner(threads, isa) : nullptr; }});
  for (const std::size_t block : {1, 7, 61})
    for (const std::size_t bytes : {1, 1 << 20})
      list.push_back({"emulator_" + std::to_string(block) + "_" + std::to_string(bytes), [=] {
                        return std::make_unique<Pipeline<test::Emulator>>(
                            test::Emulator(block, bytes));
                      }});
  list.push_back({"cuda", [] { return cuda_status().usable() ? make_cuda_runner() : nullptr; }});
  return list;
}

class Conformance : public testing::TestWithParam<std::tuple<Backend, std::string, Statistic>> {
 protected:
  void SetUp() override {
    const auto& [backend, channel, statistic] = GetParam();
    runner_ = backend.make();
    if (!runner_)
      GTEST_SKIP() << backend.name << ": not on this machine ("
                   << (backend.name == "cuda" ? cuda_status().reason : "instruction set") << ")";
    curve_ = paper_curve(channel, statistic);
    curve_.bins = 5;
    curve_.couplings.stepping_electrons = true;
    curve_.background = {test::fraction(0.25)};
  }

  static constexpr double bound = between_backends;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<Runner> reference_ = make_cpu_runner(1, InstructionSet::baseline);
  Curve curve_;
};

TEST_P(Conformance, SpectraOfBothEvaluations) {
  Engine here(*runner_, Evaluation::fast), there(*reference_, Evaluation::fast);
  const auto& problem = there.problem(curve_);
  const auto a = here.spectra(curve_, problem.rows), b = there.spectra(curve_, problem.rows);
  ASSERT_EQ(a.values.size(), b.values.size());
  const std::vector<double> mu{0, 1e-13, 1e-11, 1e-9};
  const auto direct = runner_->direct(here.flux(curve_), problem, mu, true, {});
  for (std::size_t p = 0; p < problem.rows.size(); ++p) {
    const auto x = a.total(p), y = b.total(p);
    EXPECT_NEAR(x.standard_model, y.standard_model, bound * y.standard_scale);
    EXPECT_NEAR(x.magnetic, y.magnetic, bound * y.magnetic_scale);
    for (std::size_t m = 0; m < mu.size(); ++m) {
      const double mu2 = mu[m] * mu[m];
      EXPECT_NEAR(direct.spectrum[p * mu.size() + m], y.standard_model + mu2 * y.magnetic,
                  between_evaluations * (y.standard_scale + mu2 * y.magnetic_scale));
    }
  }
}

TEST_P(Conformance, DeltaChiSquaredAndLimits) {
  for (const auto evaluation : {Evaluation::fast, Evaluation::direct}) {
    const auto a = Engine(*runner_, evaluation).run(curve_);
    const auto b = Engine(*reference_, evaluation).run(curve_);
    ASSERT_EQ(a.delta_chi2.size(), curve_.mu_eff.points);
    for (std::size_t m = 0; m < a.delta_chi2.size(); ++m)
      EXPECT_NEAR(a.delta_chi2[m] / b.delta_chi2[m], 1, bound);
    EXPECT_NEAR(a.limit / b.limit, 1, bound);
    EXPECT_NEAR(a.delta_chi2.front() / 1e-16 / (a.delta_chi2.back()), 1, 1e-11)
        << "no digits lost at the smallest moment";
  }
}

/// A likelihood of the paper's detector: which statistic it had is not told.
class ConformanceOfToys : public Conformance {};

TEST_P(ConformanceOfToys, TestStatisticsOfTheSameToys) {
  curve_.statistic = Statistic::poisson;
  curve_.exposure = 0.3;
  curve_.background = {test::fraction(0.25)};
  curve_.background.front().uncertainty = 0.1;
  Engine engine(*reference_, Evaluation::fast);
  const auto likelihood = engine.likelihood(curve_);
  const std::size_t toys = 150;
  for (const double s : {0.0, 2.0}) {
    const auto sample = [&](const Runner& runner) {
      return sample_toys(likelihood, likelihood.nominal(), s, {toys, 5, 21}, 2, 1,
                         [&](const ToyTask& task, std::size_t n) { runner.fit_toys(task, n); });
    };
    const auto here = sample(*runner_), there = sample(*reference_);
    ASSERT_EQ(here.t.size(), toys);
    EXPECT_LT(here.by_hand, toys / 3) << "or the backend fits nothing";
    double largest = 0;
    for (std::size_t i = 0; i < toys; ++i) {
      EXPECT_NEAR(here.t[i], there.t[i], 1e-6) << i;
      EXPECT_NEAR(here.s_hat[i], there.s_hat[i], 1e-3 * (1 + there.s_hat[i])) << i;
      largest = std::max(largest, there.t[i]);
    }
    EXPECT_GT(largest, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, ConformanceOfToys,
                         testing::Combine(testing::ValuesIn(backends()),
                                          testing::ValuesIn(process_names()),
                                          testing::Values(Statistic::poisson)),
                         [](const auto& param_info) {
                           return std::get<0>(param_info.param).name + "_" +
                                  std::get<1>(param_info.param);
                         });

INSTANTIATE_TEST_SUITE_P(Backends, Conformance,
                         testing::Combine(testing::ValuesIn(backends()),
                                          testing::ValuesIn(process_names()),
                                          testing::Values(Statistic::counts, Statistic::density)),
                         [](const auto& param_info) {
                           return std::get<0>(param_info.param).name + "_" +
                                  std::get<1>(param_info.param) +
                                  (std::get<2>(param_info.param) == Statistic::counts ? "_counts"
                                                                                      : "_density");
                         });

TEST(Convolution, IsLinearInTheSurvivalProbability) {
  const auto runner = make_cpu_runner(1, best_instruction_set());
  const auto curve = paper_curve("electron", Statistic::density);
  Engine engine(*runner, Evaluation::fast);
  const auto& flux = engine.flux(curve);
  const auto& problem = engine.problem(curve);
  const std::vector<Oscillation> sets{flux.settings.oscillation, {0.2, 0.03, 6e-5}};
  const auto both = runner->survival(flux, sets);
  const std::size_t nodes = flux.survival_nodes.size();
  ASSERT_EQ(both.size(), 2 * nodes);
  const std::vector<double> a(both.begin(), both.begin() + nodes),
      b(both.begin() + nodes, both.end());
  std::vector<double> mixed(nodes), none(nodes);
  for (std::size_t n = 0; n < nodes; ++n) mixed[n] = 3 * a[n] - 2 * b[n];
  const auto spectra = [&](std::span<const double> survival) {
    return runner->spectra(*runner->convolve(flux, survival), problem.rows);
  };
  const auto of_a = spectra(a), of_b = spectra(b), of_mixed = spectra(mixed),
             of_none = spectra(none);
  for (std::size_t i = 0; i < of_a.values.size(); ++i) {
    EXPECT_NEAR(of_mixed.values[i].standard_model,
                3 * of_a.values[i].standard_model - 2 * of_b.values[i].standard_model,
                1e-14 * 6 * of_a.values[i].standard_scale);
    EXPECT_EQ(of_mixed.values[i].magnetic, of_none.values[i].magnetic);
  }

  // One node at a time: the nodes' shares add up to the whole.
  std::vector<double> sum(of_a.values.size());
  for (std::size_t n = 0; n < nodes; ++n) {
    std::vector<double> unit(nodes);
    unit[n] = 1;
    const auto share = spectra(unit);
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] += a[n] * (share.values[i].standard_model - of_none.values[i].standard_model);
  }
  for (std::size_t i = 0; i < sum.size(); ++i)
    EXPECT_NEAR(of_none.values[i].standard_model + sum[i], of_a.values[i].standard_model,
                1e-12 * of_a.values[i].standard_scale);
}

TEST(Threads, DoNotChangeABit) {
  for (const auto isa : {InstructionSet::baseline, InstructionSet::v3, InstructionSet::v4}) {
    if (!supported(isa)) continue;
    auto curve = paper_curve("electron", Statistic::counts);
    curve.bins = 3;
    curve.mu_eff.points = 101;
    for (const auto evaluation : {Evaluation::fast, Evaluation::direct}) {
      const auto one = make_cpu_runner(1, isa);
      const auto expected = Engine(*one, evaluation).run(curve);
      for (const int threads : {2, 7}) {
        const auto runner = make_cpu_runner(threads, isa);
        const auto result = Engine(*runner, evaluation).run(curve);
        EXPECT_EQ(result.delta_chi2, expected.delta_chi2);
        EXPECT_EQ(result.limit, expected.limit);
      }
    }
  }
}

/// A runner whose fast evaluation sees one panel of the flux changed by a millionth.
class Perturbed : public Runner {
 public:
  explicit Perturbed(const Runner& runner) : runner_(runner) {}
  std::string name() const override { return runner_.name(); }
  std::string device() const override { return runner_.device(); }
  std::string instruction_set() const override { return runner_.instruction_set(); }
  int threads() const override { return runner_.threads(); }
  std::size_t chunk() const override { return runner_.chunk(); }
  int concurrent_calls() const override { return runner_.concurrent_calls(); }
  std::vector<double> survival(const SolarFlux& flux,
                               std::span<const Oscillation> parameters) const override {
    return runner_.survival(flux, parameters);
  }
  std::unique_ptr<Convolution> convolve(SolarFlux changed,
                                        std::span<const double> survival) const override {
    const auto& panel = changed.panels[changed.panels.size() / 2];
    for (int i = 0; i < panel.terms; ++i)
      changed.coefficients[panel.first_coefficient + i] *= 1 + 1e-6;
    return runner_.convolve(std::move(changed), survival);
  }
  Array<double> signals(const SolarFlux& flux, const SurvivalResponse& response,
                        std::span<const Oscillation> parameters) const override {
    return runner_.signals(flux, response, parameters);
  }
  Spectra spectra(const Convolution& c, const RecoilRows& p) const override {
    return runner_.spectra(c, p);
  }
  DirectSums direct(const SolarFlux& flux, const RecoilProblem& problem, std::span<const double> mu,
                    bool keep, const ProgressCallback& progress) const override {
    return runner_.direct(flux, problem, mu, keep, progress);
  }
  std::vector<double> chi_squared(std::span<const double> m, std::span<const double> v, double x,
                                  std::span<const double> mu) const override {
    return runner_.chi_squared(m, v, x, mu);
  }
  std::vector<double> chi_squared(const DirectSums& sums, std::span<const double> v,
                                  double x) const override {
    return runner_.chi_squared(sums, v, x);
  }
  Array<double> combine(const CombineProblem& problem, std::size_t first, std::size_t count,
                        const Meanwhile& meanwhile) const override {
    return runner_.combine(problem, first, count, meanwhile);
  }
  void fit_toys(const ToyTask& task, std::size_t toys) const override {
    runner_.fit_toys(task, toys);
  }

 private:
  const Runner& runner_;
};

TEST(Verification, PassesAndFailsWhenOnePanelIsOffByAMillionth) {
  const auto runner = make_cpu_runner(2, best_instruction_set());
  for (const auto statistic : {Statistic::counts, Statistic::density}) {
    const Study study{"s", {paper_curve("nuclear", statistic)}};
    EXPECT_TRUE(verify(study, {runner.get()}, {}).passed());
    const Perturbed perturbed(*runner);
    const auto report = verify(study, {&perturbed}, {});
    EXPECT_FALSE(report.passed());
    EXPECT_GT(report.deviations.front().value, between_evaluations);
    EXPECT_FALSE(verify(study, {runner.get(), &perturbed}, {}).passed()) << "between backends";
  }
}

TEST(Verification, AllowsWhatTheStudysAccuracyAllows) {
  const auto runner = make_cpu_runner(2, best_instruction_set());
  auto curve = paper_curve("electron", Statistic::counts);
  curve.threshold = 1 * constants::keV;
  curve.upper = 30 * constants::keV;
  curve.bins = 29;
  curve.flux.accuracy = 1e-3;
  const auto report = verify({"s", {curve}}, {runner.get()}, {});
  EXPECT_TRUE(report.passed());
  EXPECT_GT(report.deviations.front().value, between_evaluations) << "a coarse grid, seen";
}

TEST(Verification, NotANumberFails) {
  EXPECT_FALSE((Deviation{"x", std::nan(""), 1, ""}).passed());
}

}  // namespace
}  // namespace magnu
