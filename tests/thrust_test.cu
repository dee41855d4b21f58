// The CUDA runner's memory, iterators, blocks and reductions under Thrust's host policies: what it
// does is compared with the CPU runner, per channel, evaluation and statistic.
#include <gtest/gtest.h>
#include <thrust/for_each.h>
#include <thrust/reduce.h>

#include <memory>

#include "curves.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/engine.hpp"
#include "magnu/scan/pipeline.hpp"
#include "magnu/scan/verification.hpp"
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

class HostSpace {
 public:
  static constexpr int lanes = 4;

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

INSTANTIATE_TEST_SUITE_P(Spaces, ThrustHost,
                         testing::Combine(testing::Values("electron", "nuclear"),
                                          testing::Values(Statistic::counts, Statistic::density),
                                          testing::Values(std::size_t{1}, std::size_t{1} << 22)));

}  // namespace
}  // namespace magnu
