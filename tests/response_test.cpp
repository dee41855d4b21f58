#include "magnu/scan/response.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "curves.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/engine.hpp"

namespace magnu {
namespace {

using constants::keV;
using test::paper_curve;

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

class ResponseTest : public testing::Test {
 protected:
  CurveResult run(const Curve& curve) { return engine_.run(curve); }

  std::unique_ptr<Runner> runner_ = make_cpu_runner(1, best_instruction_set());
  Engine engine_{*runner_, Evaluation::fast};
};

TEST_F(ResponseTest, SharesAreGaussianProbabilities) {
  auto curve = paper_curve("electron", Statistic::counts);
  curve.threshold = 1 * keV;
  curve.upper = 5 * keV;
  curve.bins = 4;
  curve.resolution = {0.3, 0.02};
  const double energy = 2.2 * keV, sigma = (0.3 * std::sqrt(2.2) + 0.02 * 2.2) * keV;
  EXPECT_NEAR(curve.resolution.sigma(energy) / sigma, 1, 1e-14);
  std::vector<double> shares(4);
  Response(curve).shares(energy, [&](std::size_t bin, double share) { shares[bin] += share; });
  const auto below = [&](double e) {
    return 0.5 * (1 + std::erf((e * keV - energy) / (std::sqrt(2.0) * sigma)));
  };
  for (int b = 0; b < 4; ++b) EXPECT_NEAR(shares[b], below(b + 2) - below(b + 1), 1e-15) << b;
  double lost = 0;
  Response::below_zero(curve.resolution).shares(0.05 * keV, [&](std::size_t, double s) {
    lost += s;
  });
  EXPECT_NEAR(lost,
              0.5 * std::erfc(0.05 * keV / std::sqrt(2.0) / curve.resolution.sigma(0.05 * keV)),
              1e-15);
}

TEST_F(ResponseTest, CountsAreConserved) {
  for (const char* channel : {"electron", "nuclear"}) {
    auto sharp = paper_curve(channel, Statistic::counts);
    sharp.threshold = 1 * keV;
    sharp.upper = 1100 * keV;  // beyond what any neutrino of these components gives
    sharp.flux.components = {channel[0] == 'e' ? "pp" : "b8"};
    sharp.bins = 7;
    auto smeared = sharp;
    smeared.threshold = 0.5 * keV;
    smeared.resolution = {0, 0.02, 1 * keV};
    EXPECT_NEAR(sum(run(smeared).bins.signal) / sum(run(sharp).bins.signal), 1, 1e-12) << channel;
  }
}

// A wide resolution at low energies: what is missing is what is said to be lost, and what lands
// between zero and the threshold.
TEST_F(ResponseTest, WhatIsLostIsReported) {
  auto sharp = paper_curve("nuclear", Statistic::counts);
  sharp.threshold = 0.01 * keV;
  sharp.upper = 30 * keV;
  sharp.bins = 3;
  auto smeared = sharp;
  smeared.threshold = 0.001 * keV;
  smeared.resolution = {0.31, 0.0037};
  const auto seen = run(smeared);
  const double all = sum(run(sharp).bins.signal);
  EXPECT_GT(seen.lost_below_zero / all, 0.01);
  EXPECT_NEAR((sum(seen.bins.signal) + seen.lost_below_zero) / all, 1, 2e-3);
  EXPECT_EQ(Engine(*runner_, Evaluation::direct).run(smeared).lost_below_zero,
            seen.lost_below_zero);
  smeared.threshold = 0.002 * keV;
  const double step = (sum(seen.bins.signal) - sum(run(smeared).bins.signal)) / all;
  EXPECT_NEAR((sum(seen.bins.signal) + seen.lost_below_zero) / all + step, 1, 1e-4)
      << "the bin from zero to the threshold is like the next one";
}

TEST_F(ResponseTest, ANarrowResolutionChangesNothing) {
  for (const auto statistic : {Statistic::counts, Statistic::density}) {
    auto curve = paper_curve("electron", statistic);
    const auto sharp = run(curve);
    curve.resolution = {0, 1e-6};
    EXPECT_NEAR(run(curve).limit / sharp.limit, 1, 1e-9);
  }
}

TEST_F(ResponseTest, EventsCrossTheThresholdFromBelow) {
  auto curve = paper_curve("nuclear", Statistic::counts);
  curve.threshold = 4.4 * keV;  // above the end of the spectrum
  curve.upper = 6 * keV;
  curve.bins = 2;
  const double sharp = sum(run(curve).bins.signal);
  curve.resolution = {0.5, 0};
  EXPECT_GT(sum(run(curve).bins.signal), 100 * sharp);
}

// Bins that cut recoil panels anywhere add up to the same as one bin.
TEST_F(ResponseTest, BinsAddUp) {
  for (const char* channel : {"electron", "nuclear"})
    for (const double a : {0.0, 0.4}) {
      auto curve = paper_curve(channel, Statistic::counts);
      curve.resolution.a = a;
      curve.bins = 1;
      const double whole = run(curve).bins.signal.front();
      for (const int bins : {3, 97, 1013}) {
        curve.bins = bins;
        EXPECT_NEAR(sum(run(curve).bins.signal) / whole, 1, 1e-12) << channel << a << bins;
      }
    }
}

}  // namespace
}  // namespace magnu
