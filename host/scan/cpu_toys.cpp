#include "magnu/scan/cpu_toys.hpp"

#include <algorithm>
#include <vector>

#include "magnu/core/parallel.hpp"
#include "magnu/scan/cpu_loop.hpp"

namespace magnu {
namespace {

/// Some groups a task of a thread: they share what the fit has made of the task of all toys, and
/// their memory stays in the cache.
constexpr std::size_t groups_a_task = 16;

/// `loop(body, from, to)`: of an instruction set. Lanes are two vectors of Real, with which eight
/// sums are in flight.
template <class Real, int width, class Loop>
void fit_groups(const ToyTask& task, std::size_t toys, int threads, const Loop& loop) {
  constexpr std::size_t lanes = 2 * width;
  using Fit = ToyFit<Real, static_cast<int>(lanes), width>;
  const std::size_t groups = (toys + lanes - 1) / lanes;
  const std::size_t size = Fit::scratch(task.likelihood.parameters, task.likelihood.bins);
  in_parallel(threads, (groups + groups_a_task - 1) / groups_a_task, [&](std::size_t t) {
    std::vector<double> scratch(size);
    const auto some = [&](std::size_t) {
      Fit fit(task, scratch.data());
      const std::size_t end = std::min(groups, (t + 1) * groups_a_task);
      for (std::size_t group = t * groups_a_task; group < end; ++group) fit(group, toys);
    };
    loop(some, 0, 1);
  });
}

/// `bytes` of a vector register.
template <std::size_t bytes, class Loop>
void fit_groups(const ToyTask& task, std::size_t toys, int threads, const Loop& loop) {
  if (task.single)
    fit_groups<float, static_cast<int>(bytes / sizeof(float))>(task, toys, threads, loop);
  else
    fit_groups<double, static_cast<int>(bytes / sizeof(double))>(task, toys, threads, loop);
}

}  // namespace

void fit_toys_on_cpu(const ToyTask& task, std::size_t toys, int threads, InstructionSet isa) {
#ifdef MAGNU_ISA_DISPATCH
  if (isa == InstructionSet::v4)
    return fit_groups<64>(task, toys, threads, [](const auto&... all) { loop_v4(all...); });
  if (isa == InstructionSet::v3)
    return fit_groups<32>(task, toys, threads, [](const auto&... all) { loop_v3(all...); });
#else
  (void)isa;
#endif
  fit_groups<16>(task, toys, threads, [](const auto&... all) { loop_baseline(all...); });
}

}  // namespace magnu
