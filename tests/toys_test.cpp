#include "magnu/statistics/toys.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace magnu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

using Rows = std::vector<std::vector<double>>;

Likelihood model(const Rows& base, const Rows& slope, const std::vector<double>& sigma) {
  Likelihood likelihood(base[0].size());
  for (std::size_t p = 0; p < base.size(); ++p)
    likelihood.add({"p" + std::to_string(p), 1, sigma[p], true}, base[p], slope[p]);
  return likelihood;
}

const std::vector<double> six(6), five(5);

Likelihood model_a() {
  return model({{12, 9, 7, 6, 5, 4}, {20, 20, 20, 20, 20, 20}, {.5, 1, 2, 4, 8, 16}},
               {{6, 3, 1.5, .8, .5, .3}, six, six}, {.1, .05, infinity});
}
Likelihood model_b() {
  return model({{.8, .5, .3, .2, .1}, {.5, .5, .5, .5, .5}}, {{1.2, .4, .2, .1, .05}, five},
               {.12, .2});
}
const std::vector<double> counts_a{36, 33, 30, 27, 41, 45}, counts_b{2, 0, 1, 0, 0};

/// An executor of one thread, for the processor that everyone has.
template <class Real>
void fit_toys_in(const ToyTask& task, std::size_t toys) {
  constexpr int lanes = 8;
  using Fit = ToyFit<Real, lanes, 16 / sizeof(Real)>;
  std::vector<double> scratch(Fit::scratch(task.likelihood.parameters, task.likelihood.bins));
  Fit fit(task, scratch.data());
  for (std::size_t group = 0; group * lanes < toys; ++group) fit(group, toys);
}
void fit_toys_plainly(const ToyTask& task, std::size_t toys) {
  if (task.single)
    fit_toys_in<float>(task, toys);
  else
    fit_toys_in<double>(task, toys);
}

/// Counts of one bin with a known background.
Likelihood counting(double background, double slope) {
  return model({{background}, {0}}, {{0}, {slope}}, {0, 0});
}

std::vector<double> theta_at(const Likelihood& likelihood, const std::vector<double>& counts,
                             double s) {
  const Data data(likelihood, counts);
  Analysis analysis(likelihood, data);
  EXPECT_TRUE(analysis.profile().at(s).converged);
  const auto theta = analysis.profile().theta();
  return {theta.data, theta.data + theta.size};
}

// The known answers of the generator's authors.
TEST(Toys, PhiloxGivesTheKnownAnswers) {
  struct Known {
    std::uint32_t counter[4];
    std::uint64_t key;
    std::uint32_t bits[4];
  };
  for (const auto& known :
       {Known{{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        Known{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
              0xffffffffffffffff,
              {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        Known{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
              0x299f31d0a4093822,
              {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}}) {
    Philox<2> philox;
    for (int k = 0; k < 4; ++k) philox.word[k][0] = philox.word[k][1] = known.counter[k];
    philox.mix(known.key);
    for (int k = 0; k < 4; ++k) {
      EXPECT_EQ(philox.word[k][0], known.bits[k]) << k;
      EXPECT_EQ(philox.word[k][1], known.bits[k]) << k;
    }
  }
}

TEST(Toys, StreamsAreTheSameForAnyNumberOfLanes) {
  ToyStream<8> eight(7, 3, 16);
  for (int draw = 0; draw < 5; ++draw) {
    const std::uint32_t* words = eight.next();
    for (std::uint64_t toy = 0; toy < 8; ++toy) {
      ToyStream<1> one(7, 3, 16 + toy);
      std::uint32_t word = 0;
      for (int n = 0; n <= draw; ++n) word = *one.next();
      EXPECT_EQ(word, words[toy]);
      EXPECT_EQ(one.behind(0), eight.behind(static_cast<int>(toy)));
      EXPECT_NE(one.behind(0), word);
    }
  }
}

class PoissonCounts : public testing::TestWithParam<double> {};

TEST_P(PoissonCounts, HaveTheirDistribution) {
  const double mean = GetParam();
  const PoissonTables tables({&mean, 1});
  constexpr int n = 200'000;
  double sum = 0, squares = 0;
  std::vector<int> histogram;
  ToyStream<1> stream(1, 1, 0);
  for (int i = 0; i < n; ++i) {
    const std::uint32_t word = *stream.next();
    const double count = tables.view().draw(0, word, [&] { return stream.behind(0); });
    sum += count - mean;
    squares += (count - mean) * (count - mean);
    if (mean > 200) continue;
    const auto at = static_cast<std::size_t>(count);
    if (at >= histogram.size()) histogram.resize(at + 1);
    ++histogram[at];
  }
  EXPECT_NEAR(sum / n, 0, 4 * std::sqrt(mean / n));
  // The variance of squares is 2 mean^2 + mean.
  EXPECT_NEAR(squares / n, mean, 4 * std::sqrt((2 * mean * mean + mean) / n));
  double chi_squared = 0, degrees = 0;
  for (std::size_t k = 0; k < histogram.size(); ++k) {
    const double count = static_cast<double>(k);
    const double expected = n * std::exp(count * std::log(mean) - mean - std::lgamma(count + 1));
    if (expected < 10) continue;
    chi_squared += (histogram[k] - expected) * (histogram[k] - expected) / expected;
    degrees += 1;
  }
  EXPECT_LE(chi_squared, degrees + 4 * std::sqrt(2 * degrees));
}
INSTANTIATE_TEST_SUITE_P(Toys, PoissonCounts,
                         testing::Values(1e-3, 0.1, 1, 4, 17.3, 150, 1e4, 1e6));

TEST(Toys, ABinWithoutExpectationStaysEmpty) {
  const double means[] = {0, 1e8};
  const PoissonTables tables(means);
  for (const std::uint32_t word : {0U, ~0U})
    for (const std::uint32_t behind : {0U, ~0U}) {
      const auto more = [behind] { return behind; };
      EXPECT_EQ(tables.view().draw(0, word, more), 0);
      EXPECT_NEAR(tables.view().draw(1, word, more), 1e8, 1e5);
    }
}

// A word on an edge of the cumulative distribution, e^-mean, is decided by what is behind it.
TEST(Toys, AWordOnAnEdgeIsDecidedByTheBitsBehind) {
  const double mean = 0.3, edge = std::ldexp(std::exp(-mean), 32);
  const PoissonTables tables({&mean, 1});
  const auto word = static_cast<std::uint32_t>(edge);
  const double rest = std::ldexp(edge - word, 32);
  for (const double away : {-4096.0, 4096.0}) {
    const auto behind = static_cast<std::uint32_t>(rest + away);
    EXPECT_EQ(tables.view().draw(0, word, [=] { return behind; }), away < 0 ? 0 : 1);
  }
  const auto none = [] {
    ADD_FAILURE() << "nothing to decide";
    return 0U;
  };
  EXPECT_EQ(tables.view().draw(0, word - 1, none), 0);
  EXPECT_EQ(tables.view().draw(0, word + 1, none), 1);
}

TEST(Toys, NormalNumbersAreTheQuantiles) {
  const auto table = normal_table();
  for (const std::uint32_t behind : {0U, 12345U, ~0U})
    for (const double u : {0.0, 1e-9, 1e-5, 0.001, 0.1, 0.25, 0.3, 0.4, 0.4999}) {
      const auto word = static_cast<std::uint32_t>(std::ldexp(u, 32));
      const bool far = word < 1 << 16;
      const double tail = std::ldexp(word + (far ? std::ldexp(behind + 0.5, -32) : 0.5), -32);
      const auto more = [&] {
        EXPECT_TRUE(far);
        return behind;
      };
      EXPECT_NEAR(table.draw(word, more), -normal_quantile(tail), 1e-9) << u;
      EXPECT_EQ(table.draw(~word, more), -table.draw(word, more)) << u;
    }
}

TEST(Toys, NormalNumbersHaveTheirDistribution) {
  const auto table = normal_table();
  constexpr int n = 400'000;
  double sum[5] = {};
  ToyStream<1> stream(4, 1, 0);
  for (int i = 0; i < n; ++i) {
    const double x = table.draw(*stream.next(), [&] { return stream.behind(0); });
    for (int power = 1; power < 5; ++power) sum[power] += std::pow(x, power) / n;
  }
  const double known[] = {0, 0, 1, 0, 3}, variance[] = {0, 1, 2, 15, 96};
  for (int power = 1; power < 5; ++power)
    EXPECT_NEAR(sum[power], known[power], 4 * std::sqrt(variance[power] / n)) << power;
}

// Critical values of 20 000 toys by another program, with their errors.
TEST(Toys, CriticalValuesAreThoseOfAnotherProgram) {
  struct Known {
    double s, value, error;
  };
  const auto check = [](const Likelihood& likelihood, const std::vector<double>& counts,
                        const std::vector<Known>& known) {
    for (std::size_t k = 0; k < known.size(); ++k) {
      const auto sample =
          sample_toys(likelihood, theta_at(likelihood, counts, known[k].s), known[k].s,
                      {20'000, 5, 0}, static_cast<std::uint32_t>(k), 1, fit_toys_plainly);
      ToyDistribution distribution;
      for (const double t : sample.t) {
        ASSERT_GE(t, -1e-6);
        distribution.add(t);
      }
      EXPECT_NEAR(distribution.quantile(0.9), known[k].value, 4.5 * known[k].error) << known[k].s;
      EXPECT_LT(sample.by_hand, 400U) << known[k].s;
    }
  };
  check(
      model_a(), counts_a,
      {{.1, 1.567, .022}, {.5, 1.949, .019}, {1, 2.495, .022}, {2, 2.718, .033}, {4, 2.683, .027}});
  check(
      model_b(), counts_b,
      {{.2, 1.515, .030}, {.5, 1.719, .017}, {1, 2.360, .020}, {2, 2.764, .036}, {4, 2.739, .029}});
}

TEST(Toys, TheFastFitsAreThoseOfTheGeneralMethod) {
  for (const double s : {0.0, 0.3, 2.0})
    for (const auto& likelihood : {model_a(), model_b()}) {
      const auto theta = likelihood.nominal();
      const auto sample = [&](const ToyExecutor& executor) {
        return sample_toys(likelihood, theta, s, {400, 3, 0}, 9, 1, executor);
      };
      const auto general = sample([](const ToyTask& task, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) task.s_hat[i] = std::nan("");
      });
      EXPECT_EQ(general.by_hand, 400U);
      for (const auto& fast : {sample(fit_toys_in<double>), sample(fit_toys_in<float>)}) {
        EXPECT_LT(fast.by_hand, 20U);
        for (std::size_t i = 0; i < fast.t.size(); ++i) {
          EXPECT_NEAR(fast.t[i], general.t[i], 1e-6 * (1 + general.t[i])) << s << " toy " << i;
          EXPECT_NEAR(fast.s_hat[i], general.s_hat[i], 1e-3 * (1 + general.s_hat[i])) << i;
        }
      }
    }
}

// Backgrounds known to a half are at 0 in one toy of forty each.
TEST(Toys, ParametersAreHeldAtTheirBound) {
  const auto likelihood = model({{12, 9, 7, 6, 5, 4}, {2, 2, 2, 2, 2, 2}, {.5, 1, 2, 4, 8, 16}},
                                {{6, 3, 1.5, .8, .5, .3}, six, six}, {.1, .5, .5});
  for (const double s : {0.0, 0.5}) {
    const auto sample = [&](const ToyExecutor& executor) {
      return sample_toys(likelihood, likelihood.nominal(), s, {4000, 3, 0}, 9, 1, executor);
    };
    const auto general = sample([](const ToyTask& task, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) task.s_hat[i] = std::nan("");
    });
    for (const auto& fast : {sample(fit_toys_in<double>), sample(fit_toys_in<float>)}) {
      EXPECT_LT(fast.by_hand, 20U);
      for (std::size_t i = 0; i < fast.t.size(); ++i)
        EXPECT_NEAR(fast.t[i], general.t[i], 1e-6 * (1 + general.t[i])) << s << " toy " << i;
    }
  }
}

ToyInterval interval_of(const Likelihood& likelihood, const ToyQuestion& question) {
  return toy_interval(likelihood, question, 1, fit_toys_plainly);
}

// G. Feldman, R. Cousins, PRD 57 (1998) 3873: tables IV and X.
struct Published {
  double n, lower, upper;
};
class PoissonBelt : public testing::TestWithParam<Published> {};

TEST_P(PoissonBelt, IsThatOfFeldmanAndCousins) {
  const auto& known = GetParam();
  const auto found = interval_of(
      counting(3, 1), {{known.n}, false, IntervalTest::feldman_cousins, 0.9, 0, {30'000, 1, 21}});
  ASSERT_TRUE(found.interval.converged);
  EXPECT_NEAR(found.interval.upper, known.upper, 0.04);
  EXPECT_NEAR(found.interval.lower, known.lower, 0.04);
  EXPECT_EQ(found.failed, 0U);
}
// For n = 0 the published 1.08 is lengthened, so that limits fall with the background.
INSTANTIATE_TEST_SUITE_P(Toys, PoissonBelt,
                         testing::Values(Published{0, 0, 0.95}, Published{3, 0, 4.42},
                                         Published{6, 0.15, 8.47}, Published{10, 2.63, 13.50}));

class GaussianBelt : public testing::TestWithParam<Published> {};

TEST_P(GaussianBelt, IsThatOfFeldmanAndCousins) {
  const auto& known = GetParam();
  const auto found = interval_of(
      counting(1e8, 1e4),
      {{1e8 + 1e4 * known.n}, false, IntervalTest::feldman_cousins, 0.9, 0, {30'000, 1, 21}});
  ASSERT_TRUE(found.interval.converged);
  EXPECT_NEAR(found.interval.upper, known.upper, 0.04);
  EXPECT_NEAR(found.interval.lower, known.lower, 0.04);
}
INSTANTIATE_TEST_SUITE_P(Toys, GaussianBelt,
                         testing::Values(Published{-1, 0, 0.81}, Published{0, 0, 1.64},
                                         Published{1.3, 0.02, 2.94}, Published{3, 1.37, 4.64}));

// Whatever the background: the statistic has steps, and equal ones count.
TEST(Toys, ClsWithoutCountsIsTheLogarithmOfTen) {
  const auto found =
      interval_of(counting(3, 1), {{0}, false, IntervalTest::cls, 0.9, 0, {50'000, 1, 21}});
  ASSERT_TRUE(found.interval.converged);
  EXPECT_NEAR(found.interval.upper, std::log(10), 0.05);
}

TEST(Toys, LimitsTendToTheFormulaeOfLargeSamples) {
  const auto likelihood =
      model({{4000, 3000, 2000}, {9000, 9000, 9000}}, {{800, 300, 100}, {0, 0, 0}}, {.01, .01});
  for (const auto test : {IntervalTest::two_sided, IntervalTest::upper, IntervalTest::cls}) {
    const auto counts = likelihood.expected(1.5);
    const Data data(likelihood, counts);
    Analysis analysis(likelihood, data);
    const auto formula = analysis.interval(test, 0.9);
    const auto found = interval_of(likelihood, {counts, false, test, 0.9, 0.16, {8'000, 2, 21}});
    ASSERT_TRUE(found.interval.converged);
    EXPECT_NEAR(found.interval.upper, formula.upper, 0.03 * formula.upper) << to_string(test);
    EXPECT_NEAR(found.interval.lower, formula.lower, 0.03 * formula.upper) << to_string(test);
    const Data asimov(likelihood, likelihood.expected(0));
    const auto median = Analysis(likelihood, asimov).interval(test, 0.9, BestFit{0, 0, true}).upper;
    // Below the median the bound at zero lowers the critical values of t~.
    for (int member = two_ended(test) ? 2 : 1; member < band_members; ++member)
      EXPECT_NEAR(found.expected[static_cast<std::size_t>(member)],
                  band_member(test, median, 0.9, member), 0.06 * median)
          << to_string(test) << member;
    EXPECT_NEAR(found.power_edge, found.expected[1], 0.02 * median) << to_string(test);
  }
}

// An exposure known to 2 % scales the signal, and is a pull of one: no reason to go the slow way.
TEST(Toys, APullThatScalesLittleIsFittedInBatches) {
  Likelihood likelihood(5);
  likelihood.add({"flux", 1, 0.1, true}, std::vector<double>{12, 9, 7, 6, 5},
                 std::vector<double>{6, 3, 1.5, 0.8, 0.5});
  likelihood.add({"exposure", 0, 1, false}, std::vector<double>{0.24, 0.18, 0.14, 0.12, 0.1},
                 std::vector<double>{0.12, 0.06, 0.03, 0.016, 0.01});
  const auto sample =
      sample_toys(likelihood, likelihood.nominal(), 1, {2'000, 1, 21}, 0, 1, fit_toys_plainly);
  EXPECT_LT(sample.by_hand, 100U);
}

TEST(Toys, FeldmanAndCousinsCoverAndTheFormulaeDoNot) {
  const auto likelihood = model_b();
  const auto belt = interval_of(
      likelihood, {counts_b, true, IntervalTest::feldman_cousins, 0.9, 0, {20'000, 1, 21}});
  ASSERT_TRUE(belt.interval.converged);
  for (const std::size_t k : {std::size_t{0}, std::size_t{8}, std::size_t{16}}) {
    const auto& point = belt.belt[k];
    const auto other = sample_toys(likelihood, likelihood.nominal(), point.s, {20'000, 77, 0}, 1, 1,
                                   fit_toys_plainly);
    double covered = 0, by_formula = 0;
    for (const double t : other.t) {
      covered += t <= point.critical;
      by_formula += t <= critical_value(IntervalTest::two_sided, 0.9);
    }
    EXPECT_NEAR(covered / 20'000, 0.9, 0.012) << point.s;
    EXPECT_NEAR(by_formula / 20'000, point.asymptotic_coverage, 0.01) << point.s;
    if (k == 0) {
      EXPECT_GT(by_formula / 20'000, 0.94);
    }
  }
}

TEST(Toys, HardDataAreFittedOrCounted) {
  // Bins without expectation, a flux that is hardly known, more parameters than bins.
  const auto likelihood = model({{0, 3}, {0, .5}, {.1, .1}, {0, 2}},
                                {{2, 1}, {0, 0}, {0, 0}, {0, 0}}, {1.0, infinity, 1.8, .3});
  for (const double s : {0.0, 0.5, 30.0}) {
    const auto sample =
        sample_toys(likelihood, likelihood.nominal(), s, {2000, 1, 0}, 1, 1, fit_toys_plainly);
    int failed = 0;
    for (const double t : sample.t) {
      failed += std::isnan(t);
      EXPECT_FALSE(t < 0) << s;
    }
    EXPECT_LE(failed, 100) << s;  // of which no best fit exists
  }
}

// A flux measured below nothing costs nothing to be small: the larger s, the better the fit.
TEST(Toys, ABestFitThatRunsAwayIsNone) {
  const auto likelihood = model({{0, 3}, {0, .5}, {.1, .1}, {0, 2}},
                                {{2, 1}, {0, 0}, {0, 0}, {0, 0}}, {1.0, infinity, 1.8, .3});
  const Data data(likelihood, std::vector<double>{57, 29}, {-0.1778, 1, 1.5091, 1.1193});
  Analysis analysis(likelihood, data);
  EXPECT_LT(analysis.profile().at(1e4).nll, analysis.profile().at(1e2).nll);
  EXPECT_FALSE(analysis.profile().best_fit().converged);
}

// The same flux, better known: nothing changes at first.
TEST(Toys, AFlatStretchIsNoEnd) {
  const auto likelihood = model({{5}, {0}}, {{0}, {1}}, {0, .05});
  const Data data(likelihood, std::vector<double>{20}, {-1});
  Analysis analysis(likelihood, data);
  EXPECT_EQ(analysis.profile().at(10).slope, 0);
  EXPECT_LT(analysis.profile().at(1e4).nll, analysis.profile().at(10).nll - 1);
  EXPECT_FALSE(analysis.profile().best_fit().converged);
}

TEST(Toys, ADistributionKnowsItsQuantilesAndTies) {
  ToyDistribution distribution;
  for (int i = 0; i < 1000; ++i) distribution.add(i < 500 ? 0 : 1 + i * 1e-3);
  EXPECT_EQ(distribution.quantile(0.5), 0);
  EXPECT_EQ(distribution.tail(0), 1);
  EXPECT_NEAR(distribution.quantile(0.9), 1.9, 2e-3);
  EXPECT_GE(distribution.quantile(0.9), 1.899);
  EXPECT_NEAR(distribution.tail(1.75), 0.25, 2e-3);
}

}  // namespace
}  // namespace magnu
