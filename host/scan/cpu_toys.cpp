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

}  // namespace

void fit_toys_on_cpu(const ToyTask& task, std::size_t toys, int threads, InstructionSet isa) {
#ifdef MAGNU_ISA_DISPATCH
  // Steps in double are of counts so large that formulae do: not worth a version for each set.
  const auto v3 = [](const auto&... all) { loop_v3(all...); };
  if (isa == InstructionSet::v4 && task.single)
    return fit_groups<float, 16>(task, toys, threads, [](const auto&... all) { loop_v4(all...); });
  if (isa != InstructionSet::baseline)
    return task.single ? fit_groups<float, 8>(task, toys, threads, v3)
                       : fit_groups<double, 4>(task, toys, threads, v3);
#else
  (void)isa;
#endif
  const auto baseline = [](const auto&... all) { loop_baseline(all...); };
  if (task.single)
    fit_groups<float, 4>(task, toys, threads, baseline);
  else
    fit_groups<double, 2>(task, toys, threads, baseline);
}

}  // namespace magnu
