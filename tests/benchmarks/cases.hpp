#pragma once

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "magnu/experiment/targets.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/cuda_runner.hpp"
#include "magnu/scan/grid_scan.hpp"
#include "magnu/scan/recoil_grid.hpp"

/// What is measured, at any size: the default Sun on xenon.
namespace magnu::bench {

/// Set by --quick: every size small enough for a smoke test.
inline bool quick = false;

inline constexpr double fast_accuracy = 1e-6;
inline constexpr std::size_t fast_points = 100;

inline SolarFlux solar_flux(double accuracy, const std::vector<std::string>& components = {}) {
  FluxSettings settings;
  settings.accuracy = accuracy;
  settings.components = components;
  return make_solar_flux(settings);
}

/// Values from `from` to `to`, evenly spaced in the logarithm.
inline std::vector<double> spread(double from, double to, std::size_t n) {
  std::vector<double> values(n, from);
  for (std::size_t i = 1; i < n; ++i)
    values[i] = from * std::pow(to / from, static_cast<double>(i) / (n - 1));
  return values;
}

/// Spectra at n recoil energies from 0.3 keV to the channel's default end.
inline RecoilRows recoil_rows(const std::string& channel, std::size_t n) {
  Curve curve;
  curve.channel = channel;
  return make_recoil_rows(curve, load_target("xenon"),
                          spread(curve.threshold, process_facts(channel).defaults.upper, n));
}

/// The same as bins of the direct evaluation, one for each row.
inline RecoilProblem recoil_problem(const std::string& channel, std::size_t n) {
  RecoilProblem problem{recoil_rows(channel, n), {}};
  for (std::size_t row = 0; row < problem.rows.size(); ++row) {
    problem.binning.add(row, {1});
    problem.binning.end_bin();
  }
  return problem;
}

inline std::vector<double> mu_values(std::size_t n) {
  return spread(1e-13, 1e-9, n);
}

/// A study of electron recoils, 11 bins from 0.3 to 105 keV, along one axis: its field, and how a
/// curve gets the value for x in [0, 1].
template <class Set>
Grid grid(const std::string& field, std::size_t points, Set set) {
  Curve curve;
  curve.upper = process_facts(curve.channel).defaults.upper;
  curve.bins = process_facts(curve.channel).defaults.bins;
  Axis axis{find_axis_field(field), "", std::vector<double>(points), {}, {}};
  for (std::size_t i = 0; i < points; ++i) {
    auto changed = curve;
    set(changed, static_cast<double>(i) / static_cast<double>(points));
    axis.values[i] = axis.field->member.get(changed);
  }
  return {{curve}, {axis}};
}

/// Oscillation parameters: every point is a new convolution.
inline Grid shape_axis(std::size_t points) {
  return grid("oscillation.dm2_21", points,
              [](Curve& c, double x) { c.flux.oscillation.dm2_21 *= 1 + 0.1 * x; });
}

/// The limit of every detector of a grid, thrown away.
inline void scan(const Grid& detectors, const Runner& runner) {
  scan_grid(detectors, runner, Evaluation::fast, 0, {0, detectors.size()},
            [](std::span<const double> limits, const Counters&) {
              benchmark::DoNotOptimize(limits.data());
            },
            {});
}

/// The instruction sets this processor has, the widest last.
inline std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets;
  for (const auto isa : {InstructionSet::baseline, InstructionSet::v3, InstructionSet::v4})
    if (supported(isa)) sets.push_back(isa);
  return sets;
}

/// One thread, two, and all there are.
inline std::vector<int> thread_counts() {
  std::vector<int> counts;
  for (const int n : {1, 2, available_processors()})
    if (n <= available_processors() && (counts.empty() || n > counts.back())) counts.push_back(n);
  return counts;
}

using MakeRunner = std::function<std::unique_ptr<Runner>()>;

inline MakeRunner cpu(int threads, InstructionSet isa = best_instruction_set()) {
  return [=] { return make_cpu_runner(threads, isa); };
}

/// Registers a benchmark. One thread is measured in processor time, which other programs take
/// nothing from; several in wall time.
template <class Function, class... Arguments>
void add(const std::string& name, int threads, Function&& function, Arguments... arguments) {
  auto* entry = benchmark::RegisterBenchmark(name.c_str(), function, arguments...);
  if (threads > 1) entry->UseRealTime();
}

/// The same on a CUDA device, if there is one: wall time, every transfer counted.
template <class Function, class... Arguments>
void add_cuda(const std::string& name, Function&& function, Arguments... arguments) {
  if (cuda_status().usable())
    benchmark::RegisterBenchmark(name.c_str(), function, make_cuda_runner, arguments...)
        ->UseRealTime();
}

void register_machine();
void register_fast();
void register_direct();
void register_growth();
void register_likelihood();

/// The model of the toys at 40 counts a bin, and some toys with the t of the general method, as
/// JSON.
void write_toys(const std::string& path);

}  // namespace magnu::bench
