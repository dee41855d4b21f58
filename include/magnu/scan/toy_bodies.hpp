#pragma once

#include <list>
#include <span>
#include <vector>

#include "magnu/core/view.hpp"
#include "magnu/statistics/toy_fit.hpp"

/// Toys on a device: a thread fits one after another.
namespace magnu {

/// Threads of a warp work side by side: a number of each beside those of its neighbours.
inline constexpr std::size_t warp_lanes = 32;
using ToyFitOfThread = ToyFit<double, 1, 1, static_cast<int>(warp_lanes)>;

/// Numbers that the fits of a warp work in.
MAGNU_HD inline std::size_t warp_scratch(const LikelihoodView& likelihood) {
  return ToyFitOfThread::scratch(likelihood.parameters, likelihood.bins);
}

struct FitToys {
  static constexpr bool large = true;  ///< see launch.cuh

  ToyTask task;
  std::size_t toys, threads;
  View<double> scratch;  ///< [warps][warp_scratch]

  MAGNU_HD void operator()(std::size_t thread) const {
    const std::size_t warp = thread / warp_lanes, lane = thread % warp_lanes;
    ToyFitOfThread fit(task, &scratch[warp * warp_scratch(task.likelihood) + lane]);
    for (std::size_t toy = thread; toy < toys; toy += threads) fit(toy, toys);
  }
};

/// A task with all its arrays in an executor's memory, and room for what is found.
template <class Executor>
class ToyBuffers {
 public:
  ToyBuffers(const Executor& executor, const ToyTask& host, std::size_t toys)
      : executor_(executor),
        s_hat_(executor.template allocate<double>(toys)),
        t_(executor.template allocate<double>(toys * host.tested.size)),
        task_(host) {
    auto& model = task_.likelihood;
    for (auto* view : {&model.base, &model.slope, &model.weight, &model.least, &model.inside,
                       &task_.slopes, &task_.growth, &task_.truth, &task_.sigma,
                       &task_.counts.cumulative, &task_.normal.coefficient})
      move(*view, numbers_);
    for (auto* view : {&task_.sloped, &task_.counts.edges, &task_.counts.guide})
      move(*view, places_);
    move(task_.counts.bins, bins_);
    for (auto* start : {&task_.free, &task_.zero}) move(*start);
    std::vector<FitStart> tested(host.tested.data, host.tested.data + host.tested.size);
    for (auto& start : tested) move(start);
    task_.tested = {tested.data(), tested.size()};
    move(task_.tested, starts_);
    task_.stride = toys;
    task_.s_hat = s_hat_.view();
    task_.t = t_.view();
  }

  const ToyTask& task() const { return task_; }
  auto s_hat() const { return executor_.download(s_hat_); }
  auto t() const { return executor_.download(t_); }  ///< [tested][toys]

 private:
  template <class T>
  using Buffers = std::list<typename Executor::template Buffer<T>>;

  template <class T>
  void move(View<const T>& view, Buffers<T>& kept) {
    kept.push_back(executor_.upload(std::span<const T>(view.data, view.size)));
    view = const_view(kept.back());
  }
  void move(FitStart& start) {
    move(start.theta, numbers_);
    move(start.inverse, numbers_);
    move(start.templates, numbers_);
    move(start.expected, numbers_);
  }

  const Executor& executor_;
  typename Executor::template Buffer<double> s_hat_, t_;
  ToyTask task_;
  Buffers<double> numbers_;
  Buffers<std::uint32_t> places_;
  Buffers<PoissonView::Bin> bins_;
  Buffers<FitStart> starts_;
};

}  // namespace magnu
