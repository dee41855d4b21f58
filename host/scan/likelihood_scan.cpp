#include "magnu/scan/likelihood_scan.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "magnu/core/parallel.hpp"
#include "magnu/core/root.hpp"
#include "magnu/core/timer.hpp"
#include "magnu/scan/row_bins.hpp"
#include "magnu/scan/toy_blocks.hpp"

namespace magnu {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// Makes the likelihood of a detector with a value of the setting that is solved for.
using LikelihoodAt = std::function<Likelihood(const Curve&)>;

/// The value of reach's setting at which a detector's limit is the goal: an end where that does
/// better, NaN where none does. `failed`: a fit on the way did.
double solve_reach(const Reach& reach, const Curve& curve, const Runner& runner,
                   const LikelihoodAt& likelihood_at, bool& failed) {
  const auto& field = *reach.range.field;
  const double from = reach.range.values[0], to = reach.range.values[1];
  const bool logarithmic = from > 0;
  const auto excess = [&](double x) {
    auto there = curve;
    field.put(there, logarithmic ? std::exp(x) : x);
    const auto result = analyse(there, likelihood_at(there), runner);
    failed = failed || !result.converged;
    // Where nothing is excluded, far above.
    return std::isfinite(result.limit) ? std::min(std::log(result.limit / reach.mu_eff), 50.0) : 50;
  };
  const double low = logarithmic ? std::log(from) : from, high = logarithmic ? std::log(to) : to;
  const double at_low = excess(low), at_high = excess(high);
  const bool more_helps = field.sets == sets_exposure;
  double solved = unknown;
  if (failed) return unknown;
  if ((more_helps ? at_low : at_high) <= 0) {
    solved = more_helps ? from : to;
  } else if ((more_helps ? at_high : at_low) <= 0) {
    const double x = find_root(low, at_low, high, at_high, excess);
    solved = logarithmic ? std::exp(x) : x;
  }
  return failed ? unknown : field.in_unit(solved);
}

}  // namespace

void scan_likelihoods(const Grid& grid, std::size_t curve, const Runner& runner,
                      Evaluation evaluation, std::size_t chunk, const DetectorRange& range,
                      Outbox& outbox, const ProgressCallback& progress, Counters& counters) {
  using Parts = std::shared_ptr<const std::vector<DetectorParts>>;
  const auto* reach = grid.reach();
  const bool new_parts = reach && reach->range.field->kind != AxisKind::amplitude;
  const bool by_toys = grid.curves()[curve].toys.has_value();
  const LikelihoodResults results(grid.curves());
  const std::size_t width = total_width(grid.quantities());
  const std::size_t row = grid.points(AxisKind::amplitude), origin = curve * grid.per_curve();
  Engine engine(runner, evaluation, [&](double) {
    if (progress) progress(0);
  });
  for (const auto& detector : grid.curves()[curve].detectors()) {
    const auto expected = recoil_range(grid, detector);
    engine.expect(detector.name, expected.lower, expected.upper);
  }
  const std::size_t most = 64 * static_cast<std::size_t>(runner.threads());
  const std::size_t block = std::clamp<std::size_t>(chunk > 0 ? chunk : most, 1, most);
  ToyBlocks toy_blocks(runner.concurrent_calls(), block);
  std::mutex telling;
  ProgressCallback told;
  if (by_toys && progress)
    told = [&](double part) {
      const std::lock_guard lock(telling);
      progress(part);
    };
  const auto before = counters;
  Parts parts;
  std::size_t parts_of = static_cast<std::size_t>(-1);  // row
  for (std::size_t first = range.first, here = 0; first < range.end; first += here) {
    here = std::min(by_toys ? toy_blocks.next() : block, range.end - first);
    // One engine makes what changes in a search.
    const int threads = new_parts ? 1 : by_toys ? toy_blocks.threads(here) : runner.threads();
    const Timer timer;
    std::vector<Parts> made(here);
    for (std::size_t i = 0; i < here && !new_parts; ++i) {
      if ((first + i) / row != parts_of)
        parts =
            std::make_shared<std::vector<DetectorParts>>(engine.parts(grid.at(origin + first + i)));
      parts_of = (first + i) / row;
      made[i] = parts;
    }
    Array<double> values(here * width);
    std::atomic<std::size_t> failures = 0, failed_toys = 0;
    in_parallel(threads, here, [&](std::size_t i) {
      const auto detector = grid.at(origin + first + i);
      if (reach) {
        bool failed = false;
        values[i] = solve_reach(
            *reach, detector, runner,
            [&](const Curve& there) {
              return new_parts ? engine.likelihood(there) : make_likelihood(there, *made[i]);
            },
            failed);
        failures += failed;
        return;
      }
      const auto result = analyse(detector, make_likelihood(detector, *made[i]), runner, told);
      failures += !result.converged;
      failed_toys += result.failed_toys;
      const auto own = results.values(result);
      std::copy(own.begin(), own.end(), values.begin() + i * width);
    });
    toy_blocks.took(here, timer.seconds());
    auto so_far = before;
    so_far += engine.counters();
    counters.failed_fits += failures;
    counters.failed_toys += failed_toys;
    so_far.failed_fits = counters.failed_fits;
    so_far.failed_toys = counters.failed_toys;
    so_far.combinations = counters.combinations + here;
    counters = so_far;
    outbox.put(std::move(values), counters);
    outbox.hand_over();
    if (progress) progress(by_toys ? 0 : static_cast<double>(here));
  }
}

}  // namespace magnu
