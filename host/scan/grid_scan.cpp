#include "magnu/scan/grid_scan.hpp"

#include <algorithm>
#include <exception>

#include "magnu/experiment/targets.hpp"

namespace magnu {
namespace {

/// The entries of a background list that no amplitude scales.
std::vector<Background> fixed_part(const std::vector<Background>& list) {
  auto fixed = list;
  std::erase_if(fixed, [](const Background& b) {
    return b.kind == Background::Kind::fraction || b.kind == Background::Kind::flat;
  });
  return fixed;
}

double flat_sum(const std::vector<Background>& list) {
  double sum = 0;
  for (const auto& entry : list)
    if (entry.kind == Background::Kind::flat) sum += entry.value;
  return sum;
}

/// The amplitudes of one curve of a grid: the same for all its shapes, coefficients and responses.
class Amplitudes {
 public:
  Amplitudes(const Grid& grid, std::size_t curve) {
    base_ = amplitude(grid.curves()[curve]);
    for (const auto* axis : grid.axes(AxisKind::amplitude)) {
      std::vector<Amplitude> values;
      for (const auto& variant : axis->variants[curve]) values.push_back(amplitude(variant));
      axes_.push_back(std::move(values));
      sets_.push_back(axis->field->sets);
    }
  }

  CombineProblem problem(const Curve& curve, const Target& target, std::vector<double> signal,
                         std::vector<double> magnetic) const {
    CombineProblem problem{std::move(signal), std::move(magnetic), {}, {}, axes_, sets_, base_};
    const bool density = curve.statistic == Statistic::density;
    for (int b = 0; b < curve.bins; ++b)
      problem.width.push_back(
          density ? 1 : (curve.lower_edge(b + 1) - curve.lower_edge(b)) / constants::keV);
    for (const auto& list : fixed_)
      for (int b = 0; b < curve.bins; ++b) {
        const double lower = curve.lower_edge(b), upper = curve.lower_edge(b + 1);
        problem.background.push_back(density ? background_rate(list, target, 0.5 * (lower + upper))
                                             : background_events(list, target, lower, upper));
      }
    return problem;
  }

 private:
  Amplitude amplitude(const Curve& curve) {
    fixed_.push_back(fixed_part(curve.background));
    return {curve.exposure,
            curve.sigma_scale,
            curve.delta_chi2(),
            background_fraction(curve.background),
            flat_sum(curve.background),
            static_cast<int>(fixed_.size()) - 1,
            curve.fraction_in == FractionIn::error};
  }

  Amplitude base_;
  std::vector<std::vector<Amplitude>> axes_;
  std::vector<int> sets_;
  std::vector<std::vector<Background>> fixed_;
};

/// Runs task(i) for i < n on as many threads as may call the runner; the first exception is thrown
/// again when all are done.
template <class Task>
void in_parallel(const Runner& runner, std::size_t n, const Task& task) {
  std::exception_ptr problem;
  const int threads = runner.concurrent_calls();
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && n > 1)
  for (std::size_t i = 0; i < n; ++i) {
    try {
      task(i);
    } catch (...) {
#pragma omp critical(magnu_grid_problem)
      problem = std::current_exception();
    }
  }
  if (problem) std::rethrow_exception(problem);
}

/// One curve of a grid.
class CurveScan {
 public:
  CurveScan(const Grid& grid, std::size_t curve, const Runner& runner, std::size_t chunk,
            const LimitSink& sink, const ProgressCallback& progress, Counters& counters)
      : grid_(grid),
        curve_(curve),
        runner_(runner),
        chunk_(std::max<std::size_t>(chunk, 1)),
        sink_(sink),
        progress_(progress),
        counters_(counters),
        amplitudes_(grid, curve),
        per_row_(grid.points(AxisKind::amplitude)),
        rows_per_shape_(grid.points(AxisKind::coefficient) * grid.points(AxisKind::response)) {}

  void run() {
    const std::size_t shapes = grid_.points(AxisKind::shape);
    // As many shapes at a time as their detectors fill a chunk, and never more than some hundred:
    // each holds its running integrals.
    const std::size_t batch = std::clamp<std::size_t>(chunk_ / (rows_per_shape_ * per_row_), 1, 64);
    for (std::size_t first = 0; first < shapes; first += batch)
      run_shapes(first, std::min(batch, shapes - first));
  }

 private:
  struct Shape {
    SolarFlux flux;
    std::unique_ptr<Runner::Convolution> convolution;
  };

  Curve curve_of_row(std::size_t row) const {
    return grid_.at(curve_, grid_.unravel(row * per_row_));
  }

  void run_shapes(std::size_t first_shape, std::size_t count) {
    std::vector<Shape> shapes(count);
    in_parallel(runner_, count, [&](std::size_t s) {
      shapes[s].flux = make_solar_flux(curve_of_row((first_shape + s) * rows_per_shape_).flux);
      shapes[s].convolution = runner_.convolve(shapes[s].flux);
    });
    counters_.convolutions += count;

    const std::size_t rows = count * rows_per_shape_;
    const std::size_t block = std::clamp<std::size_t>(chunk_ / per_row_, 1, rows);
    for (std::size_t row = 0; row < rows; row += block) {
      const std::size_t here = std::min(block, rows - row);
      std::vector<CombineProblem> problems(here);
      in_parallel(runner_, here, [&](std::size_t r) {
        problems[r] = binned(shapes[(row + r) / rows_per_shape_],
                             curve_of_row(first_shape * rows_per_shape_ + row + r));
      });
      counters_.coefficient_evaluations += here;
      combine(problems);
    }
  }

  CombineProblem binned(const Shape& shape, const Curve& curve) const {
    const auto target = load_target(curve.target);
    const auto problem = make_recoil_problem(curve, target, shape.flux);
    const auto spectra = runner_.spectra(*shape.convolution, problem);
    auto bins = bin_spectra(problem, spectra);
    return amplitudes_.problem(curve, target, std::move(bins.standard_model),
                               std::move(bins.magnetic));
  }

  void combine(const std::vector<CombineProblem>& problems) {
    if (per_row_ > chunk_) {  // one row at a time, itself in pieces
      for (const auto& problem : problems)
        for (std::size_t first = 0; first < per_row_; first += chunk_)
          deliver(runner_.combine(problem, first, std::min(chunk_, per_row_ - first)));
      return;
    }
    std::vector<double> limits(problems.size() * per_row_);
    in_parallel(runner_, problems.size(), [&](std::size_t r) {
      const auto row = runner_.combine(problems[r], 0, per_row_);
      std::copy(row.begin(), row.end(), limits.begin() + r * per_row_);
    });
    deliver(limits);
  }

  void deliver(const std::vector<double>& limits) {
    sink_(limits);
    counters_.combinations += limits.size();
    if (progress_) progress_(static_cast<double>(limits.size()));
  }

  const Grid& grid_;
  std::size_t curve_;
  const Runner& runner_;
  std::size_t chunk_;
  const LimitSink& sink_;
  const ProgressCallback& progress_;
  Counters& counters_;
  Amplitudes amplitudes_;
  std::size_t per_row_, rows_per_shape_;
};

}  // namespace

Counters scan_grid(const Grid& grid, const Runner& runner, std::size_t chunk, const LimitSink& sink,
                   const ProgressCallback& progress) {
  Counters counters;
  for (std::size_t c = 0; c < grid.curves().size(); ++c)
    CurveScan(grid, c, runner, chunk, sink, progress, counters).run();
  return counters;
}

}  // namespace magnu
