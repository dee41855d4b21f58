#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "magnu/statistics/fit_report.hpp"
#include "magnu/statistics/intervals.hpp"

namespace magnu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

using Rows = std::vector<std::vector<double>>;

/// Templates at s = 0 and per unit of s, sizes of one, and what was counted.
struct Problem {
  Rows base, slope;
  std::vector<double> sigma, counts;

  Likelihood likelihood() const {
    Likelihood model(counts.size());
    for (std::size_t p = 0; p < base.size(); ++p)
      model.add({"p" + std::to_string(p), 1, sigma[p], true}, base[p], slope[p]);
    return model;
  }
};

const std::vector<double> six(6), five(5), four(4);

// Two independent minimisers agree on what the tests below expect of these four.
const Problem problem_a{{{12, 9, 7, 6, 5, 4}, {20, 20, 20, 20, 20, 20}, {.5, 1, 2, 4, 8, 16}},
                        {{6, 3, 1.5, .8, .5, .3}, six, six},
                        {.1, .05, infinity},
                        {36, 33, 30, 27, 41, 45}};
const Problem problem_b{{{.8, .5, .3, .2, .1}, {.5, .5, .5, .5, .5}},
                        {{1.2, .4, .2, .1, .05}, five},
                        {.12, .2},
                        {2, 0, 1, 0, 0}};
const Problem problem_c{{{12, 9, 7, 6, 5, 4}, {20, 20, 20, 20, 20, 20}},
                        {{6, 3, 1.5, .8, .5, .3}, six},
                        {.1, .05},
                        {57, 41, 33, 25, 27, 22}};
const Problem problem_d{
    {{0, 3, 2, 1}, {0, 2, 2, 2}}, {{2, 1, .5, .2}, four}, {.1, .3}, {0, 2, 5, 3}};

// One bin, a known background b and n counts: s_hat = n - b, and t is that of a Poisson mean.
TEST(Unbounded, OneBinIsTheClosedForm) {
  Likelihood model(1);
  const std::vector<double> base{50}, slope{1}, none{0}, counts{38};
  model.add({"background", 1, 0, true}, base, none);
  model.add({"signal", 1, 0, true}, none, slope);
  const Data data(model, counts);
  Analysis analysis(model, data, Range::unbounded);
  EXPECT_NEAR(analysis.profile().least(), -50, 1e-4);
  const auto interval = analysis.interval(IntervalTest::two_sided, 0.9);
  ASSERT_TRUE(interval.converged);
  EXPECT_NEAR(interval.best.s, -12, 1e-9);
  const auto t = [](double s) { return 2 * ((50 + s) - 38 + 38 * std::log(38 / (50 + s))); };
  EXPECT_NEAR(t(interval.upper), 2.705543454, 1e-8);
  EXPECT_NEAR(t(interval.lower), 2.705543454, 1e-8);
  EXPECT_LT(interval.lower, interval.best.s);
  EXPECT_EQ(interval.q0, 0);
  const auto bounded = Analysis(model, data).interval(IntervalTest::two_sided, 0.9);
  EXPECT_EQ(bounded.best.s, 0);
  EXPECT_GT(bounded.upper, interval.upper);
}

// Where nothing at all was counted the fit ends where nothing is expected.
TEST(Unbounded, EndsWhereABinExpectsNothing) {
  Likelihood model(1);
  const std::vector<double> base{4}, slope{2}, none{0}, counts{0};
  model.add({"background", 1, 0.1, true}, base, none);
  model.add({"signal", 1, 0, true}, none, slope);
  const Data data(model, counts);
  const auto interval =
      Analysis(model, data, Range::unbounded).interval(IntervalTest::two_sided, 0.9);
  ASSERT_TRUE(interval.converged);
  EXPECT_NEAR(interval.best.s, -2, 1e-4);
  EXPECT_EQ(interval.lower, interval.best.s);
}

TEST(ParameterLikeSignal, IsTheFreeOneOfItsShape) {
  const std::vector<double> flat{10, 10, 10}, signal{6, 3, 1}, other{1, 2, 4}, none(3);
  const auto found = [&](const std::vector<double>& shape, double sigma) {
    Likelihood likelihood(3);
    likelihood.add({"flat", 1, 0.1, true}, flat, none);
    likelihood.add({"hidden", 1, sigma, true}, shape, none);
    likelihood.add({"moment", 1, 0, true}, none, signal);
    return parameter_like_signal(likelihood);
  };
  EXPECT_EQ(found(signal, infinity), "hidden");
  EXPECT_EQ(found({12, 6, 2}, infinity), "hidden");
  EXPECT_EQ(found(other, infinity), "");
  EXPECT_EQ(found(signal, 0.1), "");
}

struct Expected {
  const char* name;
  const Problem* problem;
  double best, q0, two_sided, lower, upper, cls;
  std::vector<double> theta;
  double goodness;
};

class TypedProblems : public testing::TestWithParam<Expected> {};

TEST_P(TypedProblems, LimitsOfAllTests) {
  const auto& expected = GetParam();
  const auto model = expected.problem->likelihood();
  const Data data(model, expected.problem->counts);
  Analysis analysis(model, data);
  const auto two_sided = analysis.interval(IntervalTest::two_sided, 0.9);
  ASSERT_TRUE(two_sided.converged);
  EXPECT_NEAR(two_sided.best.s, expected.best, 1e-5);
  EXPECT_NEAR(two_sided.q0, expected.q0, 1e-6);
  EXPECT_NEAR(two_sided.upper, expected.two_sided, 1e-6);
  EXPECT_NEAR(two_sided.lower, expected.lower, 1e-6);
  EXPECT_NEAR(2 * two_sided.best.nll, expected.goodness, 1e-6);
  EXPECT_TRUE(analysis.profile().at(two_sided.best.s).converged);
  for (std::size_t p = 0; p < expected.theta.size(); ++p)
    EXPECT_NEAR(analysis.profile().theta()[p], expected.theta[p], 2e-6) << p;
  const auto upper = analysis.interval(IntervalTest::upper, 0.9);
  ASSERT_TRUE(upper.converged);
  EXPECT_NEAR(upper.upper, expected.upper, 1e-6);
  EXPECT_EQ(upper.lower, 0);
  const auto cls = analysis.interval(IntervalTest::cls, 0.9);
  ASSERT_TRUE(cls.converged);
  EXPECT_NEAR(cls.upper, expected.cls, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Statistics, TypedProblems,
                         testing::Values(Expected{"A",
                                                  &problem_a,
                                                  0.56331,
                                                  0.392149,
                                                  2.289148,
                                                  0,
                                                  1.872270,
                                                  2.072334,
                                                  {0.997739, 0.998137, 1.380613},
                                                  1.465084},
                                         Expected{"B",
                                                  &problem_b,
                                                  0.11734,
                                                  0.021320,
                                                  2.061288,
                                                  0,
                                                  1.524709,
                                                  2.062777,
                                                  {0.994366, 0.953377},
                                                  4.899532},
                                         Expected{"C",
                                                  &problem_c,
                                                  4.07728,
                                                  17.950389,
                                                  6.411121,
                                                  2.241364,
                                                  5.841105,
                                                  5.841197,
                                                  {0.990717, 0.989222},
                                                  1.014365},
                                         Expected{"D",
                                                  &problem_d,
                                                  0,
                                                  0,
                                                  0.557924,
                                                  0,
                                                  0.339419,
                                                  0.596501,
                                                  {0.988450, 0.952414},
                                                  2.517843}),
                         [](const auto& shown) { return std::string(shown.param.name); });

Likelihood one_bin(double slope, double flux_sigma, double background, double background_sigma) {
  Likelihood model(1);
  const double none = 0;
  model.add({"flux", 1, flux_sigma, true}, {&none, 1}, {&slope, 1});
  model.add({"background", 1, background_sigma, true}, {&background, 1}, {&none, 1});
  return model;
}

TEST(Intervals, NothingCountedAboveAKnownBackground) {
  const auto model = one_bin(1, 0, 3, 0);
  const double none = 0;
  const Data data(model, {&none, 1});
  Analysis analysis(model, data);
  EXPECT_NEAR(analysis.interval(IntervalTest::two_sided, 0.9).upper, 1.352772, 1e-6);
  EXPECT_NEAR(analysis.interval(IntervalTest::upper, 0.9).upper, 0.821187, 1e-6);
  EXPECT_NEAR(analysis.interval(IntervalTest::cls, 0.9).upper, 1.953413, 1e-6);
}

TEST(Intervals, ALikelihoodThatIsBoundedExcludesNothing) {
  const auto model = one_bin(4.167, 1, 0.11, 1.8);
  const double none = 0;
  const Data data(model, {&none, 1});
  Analysis analysis(model, data);
  const auto interval = analysis.interval(IntervalTest::two_sided, 0.9);
  ASSERT_TRUE(interval.converged);
  EXPECT_EQ(interval.upper, infinity);
  const auto far = analysis.profile().at(1e6);
  ASSERT_TRUE(far.converged);
  EXPECT_NEAR(2 * (far.nll - interval.best.nll), 1, 1e-3);
}

TEST(Intervals, DataWhereOnlySignalIsExpectedExcludeNone) {
  auto problem = problem_d;
  problem.counts[0] = 2;
  const auto model = problem.likelihood();
  const Data data(model, problem.counts);
  Analysis analysis(model, data);
  EXPECT_TRUE(analysis.profile().at(0).impossible());
  const auto interval = analysis.interval(IntervalTest::two_sided, 0.9);
  ASSERT_TRUE(interval.converged);
  EXPECT_EQ(interval.q0, infinity);
  EXPECT_GT(interval.best.s, 0.5);
  EXPECT_GT(interval.lower, 0);
  EXPECT_GT(interval.upper, interval.best.s);
}

TEST(Intervals, DataWhereNothingIsExpectedAreImpossible) {
  auto problem = problem_d;
  problem.slope[0][0] = 0;
  problem.counts[0] = 1;
  const auto model = problem.likelihood();
  const Data data(model, problem.counts);
  Analysis analysis(model, data);
  EXPECT_FALSE(analysis.interval(IntervalTest::upper, 0.9).converged);
}

TEST(ConditionalFits, EndWhereABinWithoutCountsExpectsNothing) {
  // Without the condition lambda_1 >= 0 the pull would go below -2.
  Likelihood model(2);
  const std::vector<double> base{10, 30}, pulled{5, 1}, zeros(2), slope{0, 2}, counts{0, 33};
  model.add({"fixed", 1, 0, true}, base, slope);
  model.add({"pull", 0, 1, false}, pulled, zeros);
  const Data data(model, counts);
  Analysis analysis(model, data);
  const auto minimum = analysis.profile().at(0);
  ASSERT_TRUE(minimum.converged);
  EXPECT_NEAR(analysis.profile().theta()[0], -2, 1e-9);
  const double x = (28. - 33) / 33;
  EXPECT_NEAR(minimum.nll, 33 * (x - std::log1p(x)) + 2, 1e-9);
  EXPECT_NEAR(minimum.slope, 2 * (1 - 33. / 28), 1e-9);
}

TEST(ConditionalFits, PullsMoveAgainstCountsBehindThatBin) {
  // One parameter ends at its bound of the bin without counts, the other is where its counts say.
  Likelihood model(3);
  const std::vector<double> base{10, 30, 0}, pulled{5, 1, 0}, zeros(3), other{0, 0, 20},
      counts{0, 33, 25};
  model.add({"fixed", 1, 0, true}, base, zeros);
  model.add({"pull", 0, 1, false}, pulled, zeros);
  model.add({"free", 1, infinity, true}, other, zeros);
  const Data data(model, counts);
  Analysis analysis(model, data);
  ASSERT_TRUE(analysis.profile().at(0).converged);
  EXPECT_NEAR(analysis.profile().theta()[0], -2, 1e-9);
  EXPECT_NEAR(analysis.profile().theta()[1], 1.25, 1e-8);
}

TEST(Intervals, BandsOfAMedianOfOne) {
  const double z = normal_quantile(0.05), up = normal_quantile(0.1);
  const auto member = [](IntervalTest test, int m) { return band_member(test, 1, 0.9, m); };
  EXPECT_NEAR(member(IntervalTest::two_sided, 4), (z + 2) / z, 1e-12);
  EXPECT_NEAR(member(IntervalTest::two_sided, 1), (std::sqrt(1 + z * z) - 1) / z, 1e-12);
  EXPECT_NEAR(member(IntervalTest::upper, 1), (up - 1) / up, 1e-12);
  EXPECT_EQ(member(IntervalTest::upper, 0), 0);
  for (const auto test : {IntervalTest::two_sided, IntervalTest::upper, IntervalTest::cls})
    EXPECT_NEAR(member(test, 2), 1, 1e-12);
  // CLs of x: (1 - Phi(s - x))/Phi(x) = 0.1 with x one standard deviation up.
  const double s = member(IntervalTest::cls, 3) * z;
  EXPECT_NEAR(normal_tail(s - 1) / normal_tail(-1), 0.1, 1e-12);
}

// q0 of the Asimov set of one bin is 2 [(s + b) ln(1 + s/b) - s] (CCGV 97). With a background that
// is measured with a variance v, b without signal is the root of a square.
TEST(FitReport, WhatIsDiscoveredFollowsTheFormulaOfOneBin) {
  const double b = 7;
  const std::vector<double> base{b}, slope{1}, none{0};
  for (const double relative : {0.0, 0.2}) {
    Likelihood model(1);
    model.add({"background", 1, relative, true}, base, none);
    model.add({"signal", 1, 0, true}, none, slope);
    for (const double part : {0.5, 0.9}) {
      const double s = discovery_reach(model, 3, part), n = s + b, v = relative * relative * b * b;
      const double at_zero = v > 0 ? 0.5 * (b - v + std::sqrt((b - v) * (b - v) + 4 * n * v)) : b;
      const double pull = v > 0 ? (at_zero - b) * (at_zero - b) / v : 0;
      const double q = 2 * (at_zero - n + n * std::log(n / at_zero)) + pull;
      EXPECT_NEAR(std::sqrt(q), 3 + (part > 0.5 ? 1.2815515655446 : 0), 1e-9) << relative;
    }
  }
}

// All that would be seen is hidden by a free background of its shape, which its bound does not
// stop.
TEST(FitReport, NothingIsDiscoveredThatABackgroundMayBe) {
  const std::vector<double> base{5, 3}, slope{5, 3}, zeros(2);
  Likelihood model(2);
  model.add({"free", 1, infinity, true}, base, zeros);
  model.add({"signal", 1, 0, true}, zeros, slope);
  EXPECT_EQ(discovery_reach(model, 3, 0.5), infinity);
  // And where nothing else is expected the Asimov set has no answer.
  Likelihood alone(1);
  alone.add({"signal", 1, 0, true}, std::vector<double>{0}, std::vector<double>{1});
  EXPECT_TRUE(std::isnan(discovery_reach(alone, 3, 0.5)));
}

TEST(FitReport, UncertaintiesAreTheProfilesCurvature) {
  auto two_fluxes = problem_c;  // both of which scale the signal
  two_fluxes.slope[1] = {2, 2, 1, 1, .5, .5};
  for (const auto* problem : {&problem_a, &problem_c, &std::as_const(two_fluxes)}) {
    const auto model = problem->likelihood();
    const auto report = fit_report(model, problem->counts, IntervalTest::two_sided, 0.9);
    ASSERT_TRUE(report.interval.converged);
    const Data data(model, problem->counts);
    Analysis analysis(model, data);
    const double s = report.interval.best.s, h = 1e-4 * s;
    const double curvature =
        (analysis.profile().at(s + h).slope - analysis.profile().at(s - h).slope) / (2 * h);
    EXPECT_NEAR(report.s_uncertainty * std::sqrt(curvature), 1, 1e-5);
    EXPECT_NEAR(report.p0, normal_tail(std::sqrt(report.interval.q0)), 1e-15);
    for (std::size_t i = 0; i < report.names.size(); ++i) {
      EXPECT_NEAR(report.correlation[i][i], 1, 1e-12);
      for (std::size_t j = 0; j < i; ++j)
        EXPECT_NEAR(report.correlation[i][j], report.correlation[j][i], 1e-12) << i << j;
    }
    // More flux leaves less room for a moment; the pulls' own limits say so.
    EXPECT_GT(report.pulls[0].limit_below, report.pulls[0].limit_above);
    EXPECT_NEAR(report.pulls[0].shift, (report.pulls[0].fitted - 1) / problem->sigma[0], 1e-12);
  }
}

// The last significant digits of tables.
TEST(Normal, QuantilesInvertTails) {
  EXPECT_NEAR(normal_quantile(0.05), 1.6448536269514722, 1e-14);
  EXPECT_NEAR(normal_quantile(0.9), -1.2815515655446004, 1e-14);
  for (const double tail : {1e-300, 1e-20, 1e-3, 0.3, 0.5, 0.7, 1 - 1e-10})
    EXPECT_NEAR(normal_tail(normal_quantile(tail)) / tail, 1, 1e-12) << tail;
  EXPECT_NEAR(critical_value(IntervalTest::two_sided, 0.9), 2.705543454, 1e-8);
  EXPECT_NEAR(critical_value(IntervalTest::upper, 0.9), 1.642374415, 1e-8);
}

}  // namespace
}  // namespace magnu
