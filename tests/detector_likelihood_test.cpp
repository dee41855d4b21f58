#include "magnu/scan/detector_likelihood.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "magnu/io/study/study_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/engine.hpp"
#include "magnu/scan/grid_scan.hpp"
#include "magnu/scan/verification.hpp"
#include "support.hpp"

namespace magnu {
namespace {

class DetectorLikelihood : public testing::Test {
 protected:
  const test::ScratchFolder scratch_;
  const std::unique_ptr<Runner> runner_ = make_cpu_runner(2, best_instruction_set());

  Study read(const std::string& text) { return read_study(scratch_.write("study.yaml", text)); }

  CurveResult run(const std::string& text, Evaluation evaluation = Evaluation::fast) {
    auto study = read("statistic: poisson\nmu_eff: {points: 5}\n" + text);
    return Engine(*runner_, evaluation).run(study.curves.front());
  }

  /// All values of a grid, [detectors][width].
  std::vector<double> scan(const Grid& grid, const DetectorRange& range, std::size_t chunk,
                           int threads = 2, Evaluation evaluation = Evaluation::fast) {
    std::vector<double> values;
    const auto runner = make_cpu_runner(threads, best_instruction_set());
    scan_grid(grid, *runner, evaluation, chunk, range,
              [&](std::span<const double> some, const Counters&) {
                values.insert(values.end(), some.begin(), some.end());
              },
              {});
    return values;
  }
};

// Published with the definition of the likelihood, from two independent minimisers.
struct Reference {
  const char* name;
  const char* study;
  double two_sided, upper;
};
class ReferenceStudies : public DetectorLikelihood,
                         public testing::WithParamInterface<Reference> {};

TEST_P(ReferenceStudies, LimitsOfTwoTests) {
  const std::string common =
      std::string("solar_model: bs05op\nb8_spectrum: bahcall1996\n") + GetParam().study;
  const auto two_sided = run(common);
  EXPECT_NEAR(two_sided.limit / GetParam().two_sided, 1, 1e-3);
  ASSERT_TRUE(two_sided.likelihood);
  EXPECT_TRUE(two_sided.likelihood->converged);
  EXPECT_NEAR(two_sided.likelihood->expected[2] / two_sided.limit, 1, 1e-12);
  EXPECT_EQ(two_sided.likelihood->best_fit, 0);
  const auto upper = run(common + "interval: {test: upper}\n");
  EXPECT_NEAR(upper.limit / GetParam().upper, 1, 1e-3);
  EXPECT_NEAR(upper.curve.delta_chi2(), 1.6424, 1e-4);
}

const char* const twenty =
    "exposure: 20 t yr\nbins: 29\nthreshold: 1 keV\nupper: 30 keV\n"
    "background: [{flat: 8.2, uncertainty: 5 %}, {name: xe136_2nbb, uncertainty: 5 %}]\n";
const char* const twenty_known =
    "exposure: 20 t yr\nbins: 29\nthreshold: 1 keV\nupper: 30 keV\nuncertainties: {flux: none}\n"
    "background: [{flat: 8.2}, {name: xe136_2nbb, uncertainty: none}]\n";
const char* const two_hundred =
    "exposure: 200 t yr\nbins: 50\nthreshold: 0.5 keV\nupper: 50.5 keV\n"
    "background: [{flat: 0.603, uncertainty: 10 %}, {name: xe136_2nbb, uncertainty: 5 %}]\n";
const char* const two_thousand =
    "exposure: 2000 t yr\nbins: 50\nthreshold: 0.5 keV\nupper: 50.5 keV\n"
    "background: [{flat: 0.603, uncertainty: 10 %}, {name: xe136_2nbb, uncertainty: 5 %}]\n";
const char* const nuclear =
    "channel: nuclear\nexposure: 40 t yr\nbins: 12\nthreshold: 0.5 keV\nupper: 3.5 keV\n"
    "background: [{flat: 0.1, uncertainty: 20 %}]\n";

INSTANTIATE_TEST_SUITE_P(
    Published, ReferenceStudies,
    testing::Values(Reference{"twenty", twenty, 3.6663e-12, 3.2296e-12},
                    Reference{"without_uncertainty", twenty_known, 3.2522e-12, 2.8650e-12},
                    Reference{"two_hundred", two_hundred, 1.3021e-12, 1.1477e-12},
                    Reference{"two_thousand", two_thousand, 7.6994e-13, 6.7926e-13},
                    Reference{"nuclear", nuclear, 4.1760e-10, 3.6229e-10}),
    [](const auto& shown) { return std::string(shown.param.name); });

TEST_F(DetectorLikelihood, UncertaintiesNeverImproveAnExpectedLimit) {
  double last = run(twenty_known).limit;
  for (const char* more :
       {"uncertainties: {flux: solar_model}\n",
        "uncertainties: {flux: solar_model, sin2_theta12: 0.018}\n",
        "uncertainties: {flux: solar_model, sin2_theta12: 0.018, dm2_21: 1.8e-6}\n",
        "uncertainties: {flux: solar_model, sin2_theta12: 0.018, dm2_21: 1.8e-6, sin2_theta_w: "
        "0.001}\n",
        "uncertainties: {flux: solar_model, sin2_theta12: 0.018, dm2_21: 1.8e-6, sin2_theta_w: "
        "0.001, efficiency: 3 %}\n",
        "uncertainties: {flux: solar_model, sin2_theta12: 0.018, dm2_21: 1.8e-6, sin2_theta_w: "
        "0.001, efficiency: 3 %, exposure: 2 %}\n"}) {
    const double limit =
        run(std::string("exposure: 20 t yr\nbins: 29\nthreshold: 1 keV\nupper: 30 keV\n"
                        "background: [{flat: 8.2}, {name: xe136_2nbb, uncertainty: none}]\n") +
            more)
            .limit;
    EXPECT_GT(limit, last * (1 + 1e-9)) << more;
    last = limit;
  }
}

TEST_F(DetectorLikelihood, WithoutUncertaintiesTheLimitFallsWithTheFourthRootOfExposure) {
  // Far from few events.
  const auto at = [&](const char* exposure) {
    return run(std::string(
                   "bins: 29\nthreshold: 1 keV\nupper: 30 keV\nuncertainties: {flux: none}\n"
                   "background: [{flat: 1e6}]\nexposure: ") +
               exposure + " t yr\n")
        .limit;
  };
  EXPECT_NEAR(at("1e4") / at("16e4"), 2, 1e-3);
  EXPECT_GT(run(std::string(two_hundred)).limit / run(std::string(two_thousand)).limit,
            1.2);  // and with them less than 10^(1/4)
  EXPECT_LT(run(std::string(two_hundred)).limit / run(std::string(two_thousand)).limit, 1.77);
}

TEST_F(DetectorLikelihood, ShiftsAreHalfTheDifferenceOfTheSpectraAStandardDeviationOff) {
  const auto expected = [&](const std::string& oscillation) {
    auto study = read("statistic: poisson\nbins: 5\n" + oscillation);
    return Engine(*runner_, Evaluation::fast).likelihood(study.curves.front());
  };
  const auto model = expected("uncertainties: {flux: none, sin2_theta12: 0.02}\n");
  ASSERT_EQ(model.nuisances().size(), 1u);
  EXPECT_EQ(model.nuisances()[0].name, "sin2_theta12");
  const auto up = expected("uncertainties: {flux: none}\noscillation: {sin2_theta12: 0.34}\n"),
             down = expected("uncertainties: {flux: none}\noscillation: {sin2_theta12: 0.30}\n");
  const double one[] = {1.0};
  const auto shifted = model.expected(0, one), nominal = model.expected(0);
  for (int b = 0; b < 5; ++b)
    EXPECT_NEAR((shifted[b] - nominal[b]) / (0.5 * (up.expected(0)[b] - down.expected(0)[b])), 1,
                1e-9)
        << b;
}

TEST_F(DetectorLikelihood, AnExcessGivesABestFitAndALowerLimit) {
  // What a moment of 5e-12 would give, to whole events.
  auto study = read(std::string("statistic: poisson\nexposure: 200 t yr\n") +
                    "bins: 20\nthreshold: 1 keV\nupper: 21 keV\nbackground: [{flat: 1}]\n");
  Engine engine(*runner_, Evaluation::fast);
  auto curve = study.curves.front();
  for (const double events : engine.likelihood(curve).expected(0.25))
    curve.counts.push_back(std::round(events));
  const auto result = engine.run(curve);
  ASSERT_TRUE(result.likelihood && result.likelihood->converged);
  EXPECT_NEAR(result.likelihood->best_fit / 5e-12, 1, 0.01);
  EXPECT_GT(result.likelihood->lower, 4e-12);
  EXPECT_LT(result.likelihood->lower, 5e-12);
  EXPECT_GT(result.limit, 5e-12);
  EXPECT_GT(result.likelihood->significance, 3);
  EXPECT_NEAR(result.likelihood->significance * result.likelihood->significance,
              result.likelihood->q0, 1e-9);
  EXPECT_LT(result.likelihood->expected[2], 3e-12);
}

const char* const along_axes =
    "name: s\nstatistic: poisson\nbins: 7\nthreshold: 1 keV\nupper: 15 keV\n"
    "uncertainties: {sin2_theta12: 0.018, exposure: 2 %}\n"
    "curves:\n"
    "  - {name: a, background: [{flat: 2, uncertainty: 10 %}, {name: xe136_2nbb}]}\n"
    "  - {name: b, interval: {test: cls}}\n"
    "  - {name: c, statistic: counts}\n";

TEST_F(DetectorLikelihood, PointsOfAGridAreSingleCurvesAndTheSameBitsHoweverTheyAreMade) {
  const std::string text =
      "name: s\nstatistic: poisson\nbins: 7\nthreshold: 1 keV\nupper: 15 keV\n"
      "uncertainties: {sin2_theta12: 0.018, sin2_theta_w: 0.001, exposure: 2 %}\n"
      "curves:\n"
      "  - {name: a, background: [{flat: 2, uncertainty: 10 %}, {name: xe136_2nbb}]}\n"
      "  - {name: b, interval: {test: cls}}\n"
      "axes: {exposure: [1 t yr, 30 t yr], threshold: [1 keV, 2 keV, 3 keV], background.flat: [1, "
      "5], sin2_theta_w: [0.23, 0.24], oscillation.sin2_theta12: [0.3, 0.32]}\n";
  const auto study = read(text);
  const Grid grid(study.curves, study.axes);
  const std::size_t width = total_width(grid.quantities());
  ASSERT_EQ(width, 10u);
  const auto whole = scan(grid, {0, grid.size()}, 0);
  ASSERT_EQ(whole.size(), grid.size() * width);
  for (const std::size_t chunk : {1, 5, 1000})
    for (const int threads : {1, 2}) {
      auto parts = scan(grid, {0, 13}, chunk, threads);
      const auto rest = scan(grid, {13, grid.size()}, chunk, threads);
      parts.insert(parts.end(), rest.begin(), rest.end());
      ASSERT_EQ(parts.size(), whole.size());
      EXPECT_EQ(std::memcmp(parts.data(), whole.data(), whole.size() * sizeof(double)), 0);
    }
  Engine engine(*runner_, Evaluation::fast);
  for (std::size_t i = 0; i < grid.size(); i += 5) {
    auto curve = grid.at(i);
    curve.mu_eff.points = 2;
    const auto single = LikelihoodResults(study.curves).values(*engine.run(curve).likelihood);
    for (std::size_t k = 0; k < width; ++k) {
      const double found = whole[i * width + k];
      EXPECT_NEAR(found, single[k], 1e-10 * std::abs(single[k])) << i << " " << k;
    }
  }
}

TEST_F(DetectorLikelihood, TheDirectEvaluationGivesTheSame) {
  const auto study = read(
      "name: s\nstatistic: poisson\nbins: 3\nthreshold: 1 keV\nupper: 4 keV\n"
      "components: [pp, be7]\nuncertainties: {dm2_21: 1.8e-6, sin2_theta_w: 0.001}\n"
      "axes: {exposure: [1 t yr, 30 t yr]}\n");
  const Grid grid(study.curves, study.axes);
  const auto fast = scan(grid, {0, grid.size()}, 0),
             direct = scan(grid, {0, grid.size()}, 0, 2, Evaluation::direct);
  ASSERT_EQ(fast.size(), direct.size());
  for (std::size_t i = 0; i < fast.size(); ++i)
    EXPECT_NEAR(fast[i], direct[i], 1e-9 * std::abs(direct[i])) << i;
}

TEST_F(DetectorLikelihood, OtherStatisticsInTheSameStudyHaveALimitAndNothingElse) {
  const auto study = read(along_axes + std::string("axes: {exposure: [1 t yr, 2 t yr]}\n"));
  const Grid grid(study.curves, study.axes);
  const auto values = scan(grid, {0, grid.size()}, 0);
  ASSERT_EQ(values.size(), 60u);
  EXPECT_GT(values[40], 0);
  for (int k = 1; k < 10; ++k) EXPECT_TRUE(std::isnan(values[40 + k])) << k;
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(std::isfinite(values[i])) << i;
}

TEST_F(DetectorLikelihood, AnEffectiveStudyReadsBackAsItself) {
  const auto study = read(
      "statistic: poisson\nbins: 3\ncounts: [3, 0, 12]\ninterval: {test: upper}\n"
      "background: [{flat: 1, uncertainty: 7.3 %}, {name: xenonnt, uncertainty: free}, darwin, "
      "{fraction: 0.25, uncertainty: none}]\n"
      "uncertainties: {flux: {pp: 1.1 %, b8: free}, sin2_theta12: 0.018, dm2_21: 1.8e-6, exposure: "
      "2.7 %, efficiency: 1 %}\n");
  const auto text = effective_yaml(study);
  const auto again = read_study(scratch_.write("again.yaml", text));
  EXPECT_EQ(effective_yaml(again), text);
  EXPECT_EQ(study_hash(again), study_hash(study));
  const auto &a = study.curves.front(), &b = again.curves.front();
  EXPECT_EQ(a.uncertainties, b.uncertainties);
  EXPECT_EQ(a.counts, b.counts);
  EXPECT_EQ(a.background, b.background);
  EXPECT_EQ(a.test, b.test);
  EXPECT_EQ(a.background[2].relative_uncertainty(), 0.1);
}

TEST_F(DetectorLikelihood, ToysAreReadAndWritten) {
  const auto study = read(
      "statistic: poisson\nbins: 3\nexposure: 0.1 t yr\n"
      "interval: {test: feldman-cousins, method: toys, toys: 500, seed: 9}\n");
  const auto& curve = study.curves.front();
  EXPECT_EQ(curve.test, IntervalTest::feldman_cousins);
  ASSERT_TRUE(curve.toys);
  EXPECT_EQ(curve.toys->toys, 500U);
  EXPECT_EQ(curve.toys->seed, 9U);
  const auto again = read_study(scratch_.write("again.yaml", effective_yaml(study)));
  EXPECT_EQ(again.curves.front().toys, curve.toys);
  EXPECT_EQ(study_hash(again), study_hash(study));
  EXPECT_FALSE(read("statistic: poisson\n").curves.front().toys);
}

TEST_F(DetectorLikelihood, ToysGiveTheSameBitsForAnyThreadsAndChunks) {
  const auto study = read(
      "statistic: poisson\nbins: 5\nbackground: [{flat: 8, uncertainty: 5 %}]\n"
      "interval: {test: feldman-cousins, toys: 700}\n"
      "axes: {exposure: [0.05 t yr, 0.2 t yr, 3 t yr]}\n");
  const Grid grid(study.curves, study.axes);
  const auto one = scan(grid, {0, grid.size()}, 0, 1);
  for (const auto& [threads, chunk] : {std::pair{2, 1}, std::pair{3, 2}}) {
    const auto other = scan(grid, {0, grid.size()}, static_cast<std::size_t>(chunk), threads);
    ASSERT_EQ(other.size(), one.size());
    EXPECT_EQ(std::memcmp(one.data(), other.data(), one.size() * sizeof(double)), 0) << threads;
  }
  const std::size_t width = total_width(grid.quantities());
  EXPECT_GT(one[0], one[2 * width]);  // more exposure, a lower limit
}

const char* const two_detectors =
    "name: s\nstatistic: poisson\nuncertainties: {sin2_theta12: 0.018, exposure: 2 %}\n"
    "curves:\n"
    "  - {name: er, channel: electron, threshold: 1 keV, upper: 15 keV, bins: 7, background: "
    "[{flat: 2, uncertainty: 10 %}]}\n"
    "  - {name: nr, channel: nuclear, threshold: 0.5 keV, upper: 3.5 keV, bins: 6, background: "
    "[{flat: 0.1, uncertainty: 20 %}]}\n"
    "joint: [{name: both, of: [er, nr]}, {name: one-sided, of: [nr, er], interval: {test: "
    "upper}}]\n";

TEST_F(DetectorLikelihood, DetectorsFittedTogetherShareMomentFluxesAndOscillation) {
  const auto study = read(two_detectors);
  ASSERT_EQ(study.curves.size(), 4u);
  Engine engine(*runner_, Evaluation::fast);
  const auto er = engine.likelihood(study.curves[0]), nr = engine.likelihood(study.curves[1]),
             both = engine.likelihood(study.curves[2]);
  ASSERT_EQ(both.bins(), 13u);
  std::vector<std::string> names;
  for (const auto& nuisance : both.nuisances()) names.push_back(nuisance.name);
  for (const char* once : {"flux b8", "sin2_theta12", "er: exposure", "nr: exposure"})
    EXPECT_EQ(std::count(names.begin(), names.end(), once), 1) << once;
  for (const char* own : {"er: background", "nr: background"})
    EXPECT_EQ(std::count_if(names.begin(), names.end(),
                            [&](const auto& name) { return name.starts_with(own); }),
              1);
  // Of both detectors, by hand.
  for (const double s : {0.0, 0.7}) {
    auto apart = er.expected(s);
    const auto more = nr.expected(s);
    apart.insert(apart.end(), more.begin(), more.end());
    const auto together = both.expected(s);
    for (std::size_t i = 0; i < apart.size(); ++i)
      EXPECT_NEAR(together[i], apart[i], 1e-12 * apart[i]) << i;
  }
  const double alone_er = engine.run(study.curves[0]).limit,
               alone_nr = engine.run(study.curves[1]).limit,
               joint = engine.run(study.curves[2]).limit,
               one_sided = engine.run(study.curves[3]).limit;
  EXPECT_LT(joint, std::min(alone_er, alone_nr));
  EXPECT_LT(one_sided, joint);
  const auto again = read_study(scratch_.write("again.yaml", effective_yaml(study)));
  EXPECT_EQ(effective_yaml(again), effective_yaml(study));
  EXPECT_EQ(study_hash(again), study_hash(study));
  EXPECT_EQ(again.curves[3].test, IntervalTest::upper);
}

TEST_F(DetectorLikelihood, JointFitsAlongAxesAreTheSameBitsHoweverTheyAreMade) {
  const auto study = read(two_detectors + std::string("axes: {exposure: [1 t yr, 30 t yr], "
                                                      "threshold: [0.5 keV, 1 keV, 2 keV], "
                                                      "oscillation.sin2_theta12: [0.3, 0.32]}\n"));
  const Grid grid(study.curves, study.axes);
  const std::size_t width = total_width(grid.quantities());
  const auto whole = scan(grid, {0, grid.size()}, 0);
  for (const std::size_t chunk : {1, 5})
    for (const int threads : {1, 2}) {
      auto parts = scan(grid, {0, 29}, chunk, threads);
      const auto rest = scan(grid, {29, grid.size()}, chunk, threads);
      parts.insert(parts.end(), rest.begin(), rest.end());
      ASSERT_EQ(parts.size(), whole.size());
      EXPECT_EQ(std::memcmp(parts.data(), whole.data(), whole.size() * sizeof(double)), 0);
    }
  Engine engine(*runner_, Evaluation::fast);
  for (std::size_t i = 2 * grid.per_curve(); i < grid.size(); i += 3) {
    const double single = engine.run(grid.at(i)).limit;
    EXPECT_NEAR(whole[i * width], single, 1e-10 * single) << grid.name_of(i);
  }
}

TEST_F(DetectorLikelihood, ReachFindsWhatALimitTakes) {
  for (const char* by :
       {"exposure, from: 1 t yr, to: 1e4 t yr", "background.flat, from: 0, to: 100",
        "threshold, from: 0.3 keV, to: 3 keV"}) {
    const auto study = read(two_detectors + std::string("reach: {mu_eff: 6e-12 mu_B, by: ") + by +
                            "}\naxes: {sin2_theta_w: [0.23, 0.24]}\n");
    const Grid grid(study.curves, study.axes, study.reach);
    const auto found = scan(grid, {0, grid.size()}, 0);
    ASSERT_EQ(found.size(), grid.size());
    const auto other = scan(grid, {0, grid.size()}, 1, 1);
    EXPECT_EQ(std::memcmp(found.data(), other.data(), found.size() * sizeof(double)), 0);
    Engine engine(*runner_, Evaluation::fast);
    std::size_t between = 0;
    for (std::size_t i = 0; i < grid.size(); ++i) {
      if (std::isnan(found[i]) || found[i] == study.reach->from() || found[i] == study.reach->to())
        continue;
      ++between;
      auto curve = grid.at(i);
      study.reach->range.field->set(curve, found[i]);
      EXPECT_NEAR(engine.run(curve).limit, 6e-12, 1e-9 * 6e-12) << by;
    }
    EXPECT_GT(between, 0u) << by;
  }
}

TEST_F(DetectorLikelihood, APowerConstraintHoldsALimitAtTheBandsEdge) {
  // Far fewer counts than expected: a limit that is too good.
  const std::string few =
      "exposure: 2 t yr\nbins: 4\nthreshold: 1 keV\nupper: 9 keV\ncounts: [5, 6, 7, 8]\n"
      "background: [{flat: 5}]\n";
  for (const char* test : {"two-sided", "upper"}) {
    const auto free = run(few + "interval: {test: " + test + "}\n");
    const auto held = run(few + "interval: {test: " + test + ", power_constraint: 0.16}\n");
    EXPECT_EQ(held.likelihood->unconstrained, free.limit);
    EXPECT_GT(held.limit, free.limit);
    EXPECT_NEAR(held.limit / held.likelihood->expected[1], 1, 0.01);
  }
  const auto study = read("statistic: poisson\ninterval: {power_constraint: 0.16}\n");
  const auto quantities = LikelihoodResults(study.curves).quantities();
  EXPECT_EQ(quantities.back().name, "unconstrained");
  const auto again = read_study(scratch_.write("again.yaml", effective_yaml(study)));
  EXPECT_EQ(again.curves.front().power_constraint, 0.16);
}

TEST_F(DetectorLikelihood, ToysHaveAPowerConstraintToo) {
  const auto held =
      run("exposure: 0.3 t yr\nbins: 4\nthreshold: 1 keV\nupper: 9 keV\ncounts: [0, 0, 1, 0]\n"
          "background: [{flat: 5}]\n"
          "interval: {test: upper, method: toys, toys: 2000, power_constraint: 0.16}\n");
  EXPECT_GT(held.limit, held.likelihood->unconstrained);
  EXPECT_NEAR(held.limit / held.likelihood->expected[1], 1, 0.02);
  EXPECT_TRUE(std::isfinite(held.likelihood->asymptotic));
  EXPECT_GT(held.likelihood->asymptotic_coverage, 0.8);
}

// Far out, all expectations can be taken off at the price of the constraint: t ends below 2.7055.
TEST_F(DetectorLikelihood, NothingIsExcludedWhereAnUncertaintyCanTakeAllOff) {
  for (const char* test : {"two-sided", "upper", "cls"}) {
    const auto result = run(std::string("components: [b8]\ninterval: {test: ") + test +
                            "}\nuncertainties: {flux: none, exposure: 80 %}\n");
    EXPECT_TRUE(result.likelihood->converged) << test;
    EXPECT_TRUE(std::isnan(result.limit)) << test;
  }
  const auto study = read(
      "statistic: poisson\ncomponents: [b8]\nuncertainties: {flux: none, exposure: 80 %}\n"
      "mu_eff: {points: 3}\n");
  EXPECT_TRUE(verify(study, {runner_.get()}, {}).passed());
}

// A pull of 30 % and data that no small moment explains: the fit would run away.
TEST_F(DetectorLikelihood, AFitThatRunsAwayHasNoLimit) {
  const auto result = run(
      "threshold: 6 keV\nupper: 62 keV\nbins: 4\nexposure: 0.2 tonne year\n"
      "uncertainties: {flux: {pp: 100 %, be7: 100 %}, exposure: 30 %}\ncounts: [40, 40, 40, 40]\n");
  EXPECT_FALSE(result.likelihood->converged);
  EXPECT_TRUE(std::isnan(result.limit));
}

TEST_F(DetectorLikelihood, ClsOfAFreeBackgroundHasALimit) {
  for (const char* uncertainty : {"free", "50 %", "5 %"}) {
    const auto result =
        run(std::string("bins: 1\nexposure: 100 tonne year\ninterval: {test: cls}\nbackground: "
                        "[{flat: 10, uncertainty: ") +
            uncertainty + "}]\n");
    EXPECT_TRUE(result.likelihood->converged) << uncertainty;
    EXPECT_GT(result.limit, 1e-12) << uncertainty;
  }
}

TEST_F(DetectorLikelihood, ToysKnowTheBandBesideALargeExcess) {
  const auto result =
      run("threshold: 1 keV\nupper: 11 keV\nbins: 2\nbackground: [{flat: 1}]\ncounts: [100000, "
          "100000]\ninterval: {test: two-sided, method: toys, toys: 1000}\n");
  ASSERT_TRUE(result.likelihood->converged);
  const auto& band = result.likelihood->expected;
  for (int k = 1; k < band_members; ++k) EXPECT_GT(band[k], 1.05 * band[k - 1]) << k;
  EXPECT_LT(band[4], 1.2e-11);
  EXPECT_GT(result.likelihood->lower, 1e-10);
}

// Too few for any toy: with signal and without the part of them that are like the data is nothing.
TEST_F(DetectorLikelihood, ClsBeyondAllToysIsUnknown) {
  const auto result =
      run("threshold: 1 keV\nupper: 11 keV\nbins: 2\nbackground: [{flat: 20}]\ncounts: [0, 0]\n"
          "interval: {test: cls, method: toys, toys: 500}\n");
  EXPECT_FALSE(result.likelihood->converged);
  EXPECT_TRUE(std::isnan(result.limit));
  EXPECT_TRUE(std::isnan(result.likelihood->q0));
  EXPECT_TRUE(std::isnan(result.likelihood->significance));
}

TEST_F(DetectorLikelihood, AnUnboundedFitFindsADeficit) {
  const std::string few =
      "exposure: 20 t yr\nbins: 4\nthreshold: 1 keV\nupper: 9 keV\n"
      "counts: [180, 200, 225, 240]\nbackground: [{flat: 5, uncertainty: none}]\n"
      "uncertainties: {flux: none}\n";
  const auto bounded = run(few);
  const auto unbounded = run(few + "interval: {unbounded: true}\n");
  EXPECT_EQ(bounded.likelihood->best_fit, 0);
  EXPECT_LT(unbounded.likelihood->best_fit, 0);
  EXPECT_LT(unbounded.likelihood->lower, unbounded.likelihood->best_fit);
  EXPECT_LT(unbounded.limit, bounded.limit);
  EXPECT_EQ(unbounded.likelihood->q0, 0);
}

struct Bad {
  const char* text;
  const char* says;
};
class BadLikelihoods : public DetectorLikelihood, public testing::WithParamInterface<Bad> {};

TEST_P(BadLikelihoods, AreRefusedWithTheReason) {
  try {
    read(GetParam().text);
    FAIL() << GetParam().text;
  } catch (const InputError& problem) {
    EXPECT_NE(std::string(problem.what()).find(GetParam().says), std::string::npos)
        << problem.what();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Inference, BadLikelihoods,
    testing::Values(
        Bad{"uncertainties: {flux: none}", "the statistic is Gaussian"},
        Bad{"counts: [1]\nbins: 1", "the statistic is Gaussian"},
        Bad{"interval: {test: upper}", "the statistic is Gaussian"},
        Bad{"background: [{flat: 1, uncertainty: 5 %}]", "with a Gaussian statistic"},
        Bad{"statistic: poisson\nsigma_scale: 2", "has no effect on statistic: poisson"},
        Bad{"statistic: poisson\nbins: 3\ncounts: [1, 2]", "2 counts for 3 bins"},
        Bad{"statistic: poisson\nbins: 1\ncounts: [1.5]", "not a number of events"},
        Bad{"statistic: poisson\nbins: 1\ncounts: [-1]", "not a number of events"},
        Bad{"statistic: poisson\nbackground: [{flat: 1, uncertainty: 5}]",
            "not a relative uncertainty"},
        Bad{"statistic: poisson\nbackground: [{flat: 1, uncertainty: -5 %}]", "cannot be negative"},
        Bad{"statistic: poisson\nuncertainties: {sin2_theta12: 5 %}",
            "a per cent where a standard deviation"},
        Bad{"statistic: poisson\nuncertainties: {sin2_theta12: 0.4}", "leaves the range"},
        Bad{"statistic: poisson\nuncertainties: {flux: {be8: 1 %}}", "be8"},
        Bad{"statistic: poisson\ninterval: {method: exact}", "unknown method"},
        Bad{"statistic: poisson\ninterval: {test: feldman-cousins, method: asymptotic}",
            "no asymptotic critical values"},
        Bad{"statistic: poisson\ninterval: {method: toys, toys: 0}", "out of range"},
        Bad{"statistic: poisson\ninterval: {method: toys, seed: -1}", "out of range"},
        Bad{"statistic: poisson\ninterval: {toys: 1000}", "without effect on method: asymptotic"},
        Bad{"statistic: poisson\naxes: {sigma_scale: [1, 2]}", "has no effect"},
        Bad{"axes: {statistic: [counts, poisson]}", "cannot be a value among others"},
        Bad{"statistic: poisson\ninterval: {method: toys}\nreach: {mu_eff: 1e-12 mu_B, by: "
            "exposure, from: 1 t yr, to: 9 t yr}",
            "with limits from toys"},
        Bad{"statistic: poisson\nbins: 1\ncounts: [3]\nreach: {mu_eff: 1e-12 mu_B, by: exposure, "
            "from: 1 t yr, to: 9 t yr}",
            "observed counts beside reach"},
        Bad{"statistic: poisson\ninterval: {power_constraint: 0.9}", "out of range"},
        Bad{"statistic: poisson\ninterval: {power_constraint: 1e-3, method: toys, toys: 5000}",
            "fewer than ten of the toys"},
        Bad{"statistic: poisson\ninterval: {test: upper}\nconfidence_level: 0.5",
            "a level of test"},
        Bad{"statistic: poisson\ninterval: {test: cls}\naxes: {confidence_level: [0.4, 0.9]}",
            "a level of test"},
        Bad{"statistic: poisson\nbins: 1\ncounts: []", "an empty list"},
        Bad{"statistic: poisson\ncurves: [{name: a}, {name: b}]\njoint: [{name: c, of: [a, b], "
            "interval: {test: upper}}]\naxes: {confidence_level: [0.4, 0.9]}",
            "a level of test"},
        Bad{"statistic: poisson\ninterval: {test: cls, power_constraint: 0.16}",
            "beside test: cls"},
        Bad{"statistic: poisson\ninterval: {method: toys, unbounded: true}", "physical range"},
        Bad{"statistic: poisson\ninterval: {unbounded: 1}", "neither true nor false"},
        Bad{"statistic: poisson\ncurves: [{name: a}, {name: b}]\njoint: [{name: c, of: [a, d]}]",
            "no curve has this name"},
        Bad{"statistic: poisson\ncurves: [{name: a}, {name: b}]\njoint: [{name: c, of: [a]}]",
            "two curves or more"},
        Bad{"statistic: poisson\ncurves: [{name: a}, {name: b}]\njoint: [{name: b, of: [a, b]}]",
            "a curve has this name"},
        Bad{"statistic: poisson\ncurves: [{name: a}, {name: b}]\njoint: [{name: c, of: [a, a]}]",
            "given twice"},
        Bad{"statistic: poisson\ncurves: [{name: a}, {name: b, statistic: counts}]\n"
            "joint: [{name: c, of: [a, b]}]",
            "is no likelihood"},
        Bad{"statistic: poisson\ncurves: [{name: a}, {name: b, solar_model: b16agss09}]\n"
            "joint: [{name: c, of: [a, b]}]",
            "different solar_model"},
        Bad{"statistic: poisson\ncurves: [{name: a}, {name: b, uncertainties: {flux: none}}]\n"
            "joint: [{name: c, of: [a, b]}]",
            "different uncertainties.flux"},
        Bad{"statistic: poisson\nbins: 1\ncurves: [{name: a, counts: [1]}, {name: b}]\n"
            "joint: [{name: c, of: [a, b]}]",
            "some of the curves have observed counts"}),
    [](const auto& shown) { return "case_" + std::to_string(shown.index); });

TEST_F(DetectorLikelihood, CountsComeFromATableWithTheBinsEdges) {
  scratch_.write("counts.csv", "low_keV,high_keV,counts\n1,2,5\n2,3,7\n");
  const std::string text =
      "statistic: poisson\nbins: 2\nthreshold: 1 keV\ncounts: {table: counts.csv}\n";
  EXPECT_EQ(read(text + "upper: 3 keV\n").curves.front().counts, (std::vector<double>{5, 7}));
  EXPECT_THROW(read(text + "upper: 4 keV\n"), InputError);
}

}  // namespace
}  // namespace magnu
