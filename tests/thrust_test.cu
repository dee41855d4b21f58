// The CUDA runner's memory, iterators, blocks and reductions under Thrust's host policies: what it
// does is compared with the CPU runner, per channel, evaluation and statistic.
#include <gtest/gtest.h>
#include <thrust/for_each.h>
#include <thrust/reduce.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>

#include "curves.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/engine.hpp"
#include "magnu/scan/grid_scan.hpp"
#include "magnu/scan/pipeline.hpp"
#include "magnu/scan/verification.hpp"
#include "magnu/statistics/toys.hpp"
#include "support.hpp"
#include "thrust_executor.cuh"

namespace magnu {
namespace {

/// Calls a body that takes an index; a named functor, for nvcc knows no lambdas here.
template <class Body>
struct Call {
  Body body;
  __host__ __device__ void operator()(std::size_t i) const { body(i); }
};

/// std::allocator with the member that C++20 took away and Thrust asks for.
template <class T>
struct HostAllocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = HostAllocator<U>;
  };
};

/// Copies in the end, as a device may.
class HostCopies {
 public:
  void after_launches(void* to, const void* from, std::size_t bytes) {
    copies_.push_back([=] { std::memcpy(to, from, bytes); });
  }
  void finish() const {
    for (const auto& copy : copies_) copy();
  }

 private:
  std::vector<std::function<void()>> copies_;
};

class HostSpace {
 public:
  static constexpr int lanes = 4;
  using Copies = HostCopies;
  static constexpr std::size_t part = 7;

  template <class T>
  using Allocator = HostAllocator<T>;

  explicit HostSpace(std::size_t bytes) : bytes_(bytes) {}

  std::string name() const { return "thrust host"; }
  std::string device() const { return "host"; }
  std::string instruction_set() const { return "default"; }
  std::size_t working_bytes() const { return bytes_; }

  template <class Body>
  void for_each(std::size_t n, const Body& body) const {
    thrust::for_each_n(thrust::host, thrust::make_counting_iterator(std::size_t{0}), n,
                       Call<Body>{body});
  }

  template <class Iterator>
  void sum_segments(std::size_t count, std::size_t length, Iterator terms, double* sums) const {
    const SegmentBegin begin{length};
    for (std::size_t s = 0; s < count; ++s)
      sums[s] = thrust::reduce(thrust::host, terms + begin(s), terms + begin(s + 1));
  }

 private:
  std::size_t bytes_;
};

class ThrustHost : public testing::TestWithParam<std::tuple<const char*, Statistic, std::size_t>> {
};

Study study_of(const std::string& text) {
  const test::ScratchFolder scratch;
  return read_study(scratch.write("s.yaml", text));
}

std::vector<double> values_of(const Grid& grid, const Runner& runner) {
  std::vector<double> values;
  scan_grid(grid, runner, Evaluation::fast, 0, {0, grid.size()},
            [&](std::span<const double> some, const Counters&) {
              values.insert(values.end(), some.begin(), some.end());
            },
            {});
  return values;
}

TEST_P(ThrustHost, AgreesWithTheCpuRunner) {
  const auto [channel, statistic, bytes] = GetParam();
  const Pipeline<ThrustExecutor<HostSpace>> thrust_runner{
      ThrustExecutor<HostSpace>{HostSpace{bytes}}};
  const auto cpu = make_cpu_runner(1, InstructionSet::baseline);
  auto curve = test::paper_curve(channel, statistic);
  curve.bins = 4;
  curve.background = {test::fraction(0.25)};
  const auto report = verify({"s", {curve}}, {cpu.get(), &thrust_runner}, {});
  for (const auto& d : report.deviations) EXPECT_LE(d.value, d.bound) << d.what << ", " << d.where;
}

// Values leave in parts, of which the last is short.
TEST(ThrustHostGrid, GivesTheLimitsOfTheCpuRunner) {
  const Pipeline<ThrustExecutor<HostSpace>> thrust_runner{
      ThrustExecutor<HostSpace>{HostSpace{std::size_t{1} << 20}}};
  const auto cpu = make_cpu_runner(1, InstructionSet::baseline);
  for (const char* asked :
       {"", "reach: {mu_eff: 1e-11 mu_B, by: background.flat, from: 0, to: 100}\n"}) {
    const auto study =
        study_of(std::string("bins: 3\nbackground: [{fraction: 0.2}]\naxes:\n"
                             "  exposure: {from: 1 t yr, to: 100 t yr, points: 9, spacing: log}\n"
                             "  threshold: [0.3 keV, 1 keV, 2 keV, 4 keV]\n") +
                 asked);
    const Grid grid(study.curves, study.axes, study.reach);
    const auto expected = values_of(grid, *cpu), found = values_of(grid, thrust_runner);
    ASSERT_EQ(found.size(), 36u);
    std::size_t answered = 0;
    for (std::size_t i = 0; i < found.size(); ++i)
      if (std::isnan(expected[i])) {
        EXPECT_TRUE(std::isnan(found[i])) << i;
      } else {
        EXPECT_NEAR(found[i], expected[i], 1e-12 * expected[i]) << i;
        ++answered;
      }
    EXPECT_GT(answered, 10u);
  }
}

// With memory for one warp at a time, and for all.
TEST(ThrustHostToys, AreThoseOfTheCpuRunner) {
  const auto cpu = make_cpu_runner(1, InstructionSet::baseline);
  Likelihood likelihood(5);
  likelihood.add({"flux", 1, 0.1, true}, std::vector<double>{12, 9, 7, 6, 5},
                 std::vector<double>{6, 3, 1.5, 0.8, 0.5});
  likelihood.add({"background", 1, 0.2, true}, std::vector<double>{20, 20, 20, 20, 20},
                 std::vector<double>(5));
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{1} << 22}) {
    const Pipeline<ThrustExecutor<HostSpace>> thrust_runner{
        ThrustExecutor<HostSpace>{HostSpace{bytes}}};
    const auto sample = [&](const Runner& runner) {
      return sample_toys(likelihood, likelihood.nominal(), 0.7, {500, 5, 21}, 2, 1,
                         [&](const ToyTask& task, std::size_t n) { runner.fit_toys(task, n); });
    };
    const auto here = sample(thrust_runner), there = sample(*cpu);
    ASSERT_EQ(here.t.size(), there.t.size());
    EXPECT_LT(here.by_hand, 50U);
    for (std::size_t i = 0; i < here.t.size(); ++i) EXPECT_NEAR(here.t[i], there.t[i], 1e-6) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Spaces, ThrustHost,
                         testing::Combine(testing::Values("electron", "nuclear"),
                                          testing::Values(Statistic::counts, Statistic::density),
                                          testing::Values(std::size_t{1}, std::size_t{1} << 22)));

}  // namespace
}  // namespace magnu
