#include "magnu/scan/engine.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "curves.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/scan/cpu_runner.hpp"

namespace magnu {
namespace {

using constants::keV;
using test::fraction;
using test::paper_curve;

class EngineTest : public testing::Test {
 protected:
  std::unique_ptr<Runner> runner_ = make_cpu_runner(2, best_instruction_set());
  Engine engine_{*runner_, Evaluation::fast};

  double limit(const Curve& curve) { return engine_.run(curve).limit; }
};

// Section 7 of the physics notes: BS05(OP), bahcall1996, free electrons, natural xenon.
TEST_F(EngineTest, DifferentialRatesMatchTheReferenceValues) {
  struct Reference {
    const char* channel;
    double energy, standard_model, magnetic, mu_squared;
  };
  for (const auto& r : {Reference{"electron", 1, 3.2763, 12.706, 1e-22},
                        Reference{"electron", 10, 3.1694, 1.2161, 1e-22},
                        Reference{"electron", 100, 2.0204, 0.06475, 1e-22},
                        Reference{"nuclear", 0.3, 1091.0, 15.68, 1e-20},
                        Reference{"nuclear", 1, 240.15, 2.010, 1e-20},
                        Reference{"nuclear", 2, 17.64, 0.1682, 1e-20}}) {
    const auto total = engine_.spectra(paper_curve(r.channel), {r.energy * keV}).total(0);
    EXPECT_NEAR(total.standard_model / r.standard_model, 1, 3e-3) << r.channel << r.energy;
    EXPECT_NEAR(total.magnetic * r.mu_squared / r.magnetic, 1, 3e-3) << r.channel << r.energy;
  }
}

double total_events(Engine& engine, Curve curve, double lower, double upper) {
  curve.statistic = Statistic::counts;
  curve.threshold = lower;
  curve.upper = upper;
  curve.bins = 40;
  double sum = 0;
  for (const double n : engine.run(curve).bins.signal) sum += n;
  return sum;
}

TEST_F(EngineTest, EventTotalsMatchPublishedOnes) {
  auto pp = paper_curve("electron");
  pp.flux.components = {"pp"};
  EXPECT_NEAR(total_events(engine_, pp, 1e-6, 0.27) / 363.5, 1, 3e-3);
  auto b8 = paper_curve("nuclear");
  b8.flux.solar_model = "b16gs98";
  EXPECT_NEAR(total_events(engine_, b8, 0.45 * keV, 4.7 * keV) / 336.0, 1, 3e-3);
}

// Section 5: the table of limits, both readings of a fraction.
struct Quoted {
  const char* name;
  const char* channel;
  double exposure;
  std::vector<Background> background;
  double sigma_scale, density, in_error;
};
void PrintTo(const Quoted& quoted, std::ostream* stream) {
  *stream << quoted.name;
}
class QuotedLimits : public testing::TestWithParam<Quoted> {};

TEST_P(QuotedLimits, WithinHalfAPercent) {
  const auto& q = GetParam();
  const auto runner = make_cpu_runner(1, best_instruction_set());
  Engine engine(*runner, Evaluation::fast);
  auto curve = paper_curve(q.channel);
  curve.exposure = q.exposure;
  curve.background = q.background;
  curve.sigma_scale = q.sigma_scale;
  EXPECT_NEAR(engine.run(curve).limit / q.density, 1, 5e-3);
  curve.fraction_in = FractionIn::error;
  if (q.in_error > 0) {
    EXPECT_NEAR(engine.run(curve).limit / q.in_error, 1, 5e-3);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Paper, QuotedLimits,
    testing::Values(Quoted{"nuclear_1t", "nuclear", 1, {fraction(.25)}, 1, 21.33e-11, 22.55e-11},
                    Quoted{"nuclear_40t", "nuclear", 40, {fraction(.25)}, 1, 8.48e-11, 8.97e-11},
                    Quoted{"xenon1t", "electron", 1, {named_background("xenon1t")}, 1, 2.31e-11, 0},
                    Quoted{"darwin", "electron", 40, {named_background("darwin")}, 1, 4.58e-12, 0},
                    Quoted{"large_25", "electron", 2000, {fraction(.25)}, 1, 1.655e-12, 1.75e-12},
                    Quoted{"large_5", "electron", 2000, {fraction(.05)}, 1, 1.584e-12, 1.60e-12},
                    Quoted{
                        "large_sigma", "electron", 2000, {fraction(.05)}, .1, 5.01e-13, 5.07e-13}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST_F(EngineTest, CountsMatchTheReferenceLimits) {
  auto electron = paper_curve("electron", Statistic::counts);
  electron.exposure = 2000;
  electron.bins = 105;
  electron.background = {fraction(0.25)};
  EXPECT_NEAR(limit(electron) / 5.87e-13, 1, 5e-3);
  auto nuclear = paper_curve("nuclear", Statistic::counts);
  nuclear.exposure = 40;
  nuclear.background = {fraction(0.25)};
  EXPECT_NEAR(limit(nuclear) / 11.24e-11, 1, 5e-3);
}

TEST_F(EngineTest, GainFromLessBackground) {
  auto curve = paper_curve("nuclear");
  const auto gain = [&](FractionIn where) {
    curve.fraction_in = where;
    curve.background = {fraction(0.68)};
    const double high = limit(curve);
    curve.background = {fraction(0.25)};
    return high / limit(curve) - 1;
  };
  EXPECT_NEAR(gain(FractionIn::variance), 0.077, 1e-3);
  EXPECT_NEAR(gain(FractionIn::error), 0.159, 1e-3);
}

class Laws : public EngineTest,
             public testing::WithParamInterface<std::pair<const char*, Statistic>> {
 protected:
  Curve curve() const {
    auto c = paper_curve(GetParam().first, GetParam().second);
    c.background = {fraction(0.25), {Background::Kind::flat, 2, "", {}, {}}};
    return c;
  }
};

TEST_P(Laws, ChiSquaredGoesAsTheFourthPowerOfTheMoment) {
  auto c = curve();
  c.mu_eff = {1e-12, 1e-10, 3};
  const auto chi2 = engine_.run(c).delta_chi2;
  EXPECT_NEAR(chi2[1] / chi2[0], 1e4, 1e4 * 1e-12);
  EXPECT_NEAR(chi2[2] / chi2[1], 1e4, 1e4 * 1e-12);
}

TEST_P(Laws, LimitFallsAsTheFourthRootOfTheExposure) {
  auto c = curve();
  const double one = limit(c);
  c.exposure = 40;
  EXPECT_NEAR(one / limit(c), std::pow(40, 0.25), 1e-11);
}

TEST_P(Laws, LimitGoesAsTheRootOfTheSigmaScale) {
  auto c = curve();
  const double one = limit(c);
  c.sigma_scale = 0.1;
  EXPECT_NEAR(limit(c) / one, std::sqrt(0.1), 1e-11);
}

TEST_P(Laws, LimitsGrowWithThresholdAndBackgroundAndConfidence) {
  auto c = curve();
  double last = limit(c);
  for (const double threshold : {0.5, 0.8, 1.5}) {
    c.threshold = threshold * keV;
    EXPECT_GT(limit(c), last);
    last = limit(c);
  }
  for (const double rate : {5.0, 50.0}) {
    c.background[1].value = rate;
    EXPECT_GT(limit(c), last);
    last = limit(c);
  }
  c.confidence_level = 0.95;
  EXPECT_NEAR(limit(c) / last, std::pow(3.841459 / 2.705543, 0.25), 1e-6);
}

TEST_P(Laws, SignalIsBilinearInTheMomentInTheDirectSums) {
  const auto c = curve();
  const auto& problem = engine_.problem(c);
  const std::vector<double> mu{0, 1e-11, 2e-11};
  const auto sums = runner_->direct(engine_.flux(c), problem, mu, true, {});
  for (std::size_t p = 0; p < problem.rows.size(); ++p) {
    const double* r = &sums.spectrum[3 * p];
    EXPECT_NEAR(r[2] - r[0], 4 * (r[1] - r[0]), 1e-12 * r[2]);
  }
}

INSTANTIATE_TEST_SUITE_P(Channels, Laws,
                         testing::Values(std::pair{"electron", Statistic::density},
                                         std::pair{"electron", Statistic::counts},
                                         std::pair{"nuclear", Statistic::density},
                                         std::pair{"nuclear", Statistic::counts}));

TEST_F(EngineTest, BinsWithNothingExpectedAddNothing) {
  auto c = paper_curve("nuclear", Statistic::counts);
  const double inside = limit(c);
  c.upper = c.threshold + 2 * (c.upper - c.threshold);  // the same bins, then as many empty ones
  c.bins *= 2;
  const auto result = engine_.run(c);
  EXPECT_EQ(result.bins.signal.back(), 0);
  EXPECT_EQ(result.bins.inverse_variance.back(), 0);
  EXPECT_NEAR(result.limit / inside, 1, 1e-6);
  c.threshold = 8 * keV;  // nothing anywhere
  EXPECT_TRUE(std::isinf(engine_.run(c).limit));
}

TEST_F(EngineTest, NoBinHoldsLessThanNothingAtTheEndOfASpectrum) {
  auto c = paper_curve("electron", Statistic::counts);
  c.flux.components = {"pp"};
  c.threshold = 264.0646 * keV;
  c.upper = 264.064701 * keV;
  c.bins = 40;
  const auto result = engine_.run(c);
  for (int b = 0; b < c.bins; ++b) {
    EXPECT_GE(result.bins.signal[b], 0);
    EXPECT_GE(result.bins.sigma[b], 0);
  }
}

TEST_F(EngineTest, ALimitOutsideTheGridIsSolvedForAllTheSame) {
  auto c = paper_curve("electron");
  const double inside = limit(c);
  c.mu_eff = {1e-14, 1e-13, 5};
  const auto result = engine_.run(c);
  EXPECT_TRUE(result.limit_outside_grid());
  EXPECT_NEAR(result.limit / inside, 1, 1e-12);
}

TEST_F(EngineTest, SteppingElectronsLowerTheSignalBelowTheKShell) {
  auto c = paper_curve("electron");
  const auto free = engine_.spectra(c, {1 * keV, 40 * keV});
  c.couplings.stepping_electrons = true;
  const auto bound = engine_.spectra(c, {1 * keV, 40 * keV});
  EXPECT_NEAR(bound.total(0).standard_model / free.total(0).standard_model, 40. / 54, 1e-14);
  EXPECT_NEAR(bound.total(0).magnetic / free.total(0).magnetic, 40. / 54, 1e-14);
  EXPECT_EQ(bound.total(1).standard_model, free.total(1).standard_model);
}

TEST_F(EngineTest, HepReachesBeyondB8) {
  auto c = paper_curve("nuclear");
  const auto b8 = engine_.spectra(c, {1 * keV, 3 * keV, 5 * keV});
  c.flux.components = {"hep", "b8"};
  const auto both = engine_.spectra(c, {1 * keV, 3 * keV, 5 * keV});
  const auto gain = [&](int i) {
    return both.total(i).standard_model / b8.total(i).standard_model - 1;
  };
  EXPECT_NEAR(gain(0), 0.004, 1e-3);
  EXPECT_NEAR(gain(1), 0.36, 0.02);
  EXPECT_GT(both.total(2).standard_model, 0);
  EXPECT_EQ(b8.total(2).standard_model, 0);
}

TEST_F(EngineTest, WorkIsSharedBetweenCurves) {
  auto c = paper_curve("nuclear");
  for (const double exposure : {1, 10, 40})
    for (const double f : {0.68, 0.25}) {
      c.exposure = exposure;
      c.background = {fraction(f)};
      engine_.run(c);
    }
  EXPECT_EQ(engine_.counters().convolutions, 1u);
  EXPECT_EQ(engine_.counters().coefficient_evaluations, 1u);
  EXPECT_EQ(engine_.counters().combinations, 6u);
}

// The rows that a curve shares with one before it reach as far as it needs.
TEST_F(EngineTest, AWiderCurveAfterANarrowOne) {
  auto narrow = paper_curve("electron", Statistic::counts), wide = narrow;
  narrow.threshold = 1 * keV;
  narrow.upper = 2 * keV;
  wide.threshold = 0.4 * keV;
  wide.upper = 200 * keV;
  const double alone = Engine(*runner_, Evaluation::fast).run(wide).limit;
  for (const auto& [threshold, upper] :
       {std::pair{1.0, 2.0}, std::pair{0.3, 2.0}, std::pair{1.0, 300.0}}) {
    narrow.threshold = threshold * keV;
    narrow.upper = upper * keV;
    Engine engine(*runner_, Evaluation::fast);
    engine.run(narrow);
    EXPECT_EQ(engine.run(wide).limit, alone) << threshold << " to " << upper;
  }
}

TEST_F(EngineTest, BackgroundsAddUpInEachBin) {
  auto curve = paper_curve("electron", Statistic::counts);
  curve.bins = 5;
  curve.exposure = 3;
  curve.background = {fraction(0.3), {Background::Kind::flat, 2, "", {}, {}}, fraction(0.5)};
  const auto bins = engine_.run(curve).bins;
  const double width = (curve.upper - curve.threshold) / keV / 5;
  for (int b = 0; b < 5; ++b)
    EXPECT_NEAR(bins.background[b] / (0.8 * bins.signal[b] + 3 * 2 * width), 1, 1e-13) << b;
}

TEST(DirectWork, IsThatOfAllGridsThatDiffer) {
  auto a = paper_curve("electron", Statistic::counts), b = a;
  b.mu_eff.points = 2 * a.mu_eff.points;
  const double one = direct_work(Study{.name = "s", .curves = {a}});
  EXPECT_GT(one, 1e6);
  EXPECT_EQ(direct_work(Study{.name = "s", .curves = {a, b}}), 3 * one);
  EXPECT_EQ(direct_work(Study{.name = "s", .curves = {a, a}}), one);
}

TEST(Counters, AddUp) {
  const Counters a{1, 2, 3, 4, 5};
  auto sum = a;
  sum += Counters{10, 20, 30, 40, 50};
  EXPECT_EQ(sum.convolutions, 11u);
  EXPECT_EQ(sum.coefficient_evaluations, 22u);
  EXPECT_EQ(sum.rebinnings, 33u);
  EXPECT_EQ(sum.direct_evaluations, 44u);
  EXPECT_EQ(sum.combinations, 55u);
}

TEST(MuGrid, KeepsBothEndsToTheBit) {
  for (const std::size_t points : {2, 7, 4001}) {
    const auto mu = MuGrid{1e-13, 1e-9, points}.values();
    ASSERT_EQ(mu.size(), points);
    EXPECT_EQ(mu.front(), 1e-13);
    EXPECT_EQ(mu.back(), 1e-9);
  }
  EXPECT_NEAR((MuGrid{1e-13, 1e-9, 5}.values()[1]) / 1e-12, 1, 1e-14);
  EXPECT_EQ((MuGrid{1e-13, 1e-9, 1}.values()), std::vector<double>{1e-13});
}

TEST(DeltaChiSquared, QuantilesOfOneDegreeOfFreedom) {
  EXPECT_NEAR(delta_chi2_for(0.9), 2.7055434540954, 1e-10);
  EXPECT_NEAR(delta_chi2_for(0.95), 3.8414588206941, 1e-10);
  EXPECT_NEAR(delta_chi2_for(0.6826894921370859), 1, 1e-12);
}

}  // namespace
}  // namespace magnu
