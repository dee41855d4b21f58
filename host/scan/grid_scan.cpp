#include "magnu/scan/grid_scan.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "magnu/core/parallel.hpp"
#include "magnu/core/root.hpp"
#include "magnu/core/timer.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/scan/amplitudes.hpp"
#include "magnu/scan/detector_likelihood.hpp"
#include "magnu/scan/likelihood_scan.hpp"
#include "magnu/scan/oscillation_points.hpp"
#include "magnu/scan/outbox.hpp"
#include "magnu/scan/row_bins.hpp"
#include "magnu/scan/templates.hpp"
#include "magnu/scan/toy_blocks.hpp"

namespace magnu {
namespace {

/// One curve of a grid.
class CurveScan {
 public:
  CurveScan(const Grid& grid, std::size_t curve, const Runner& runner, Evaluation evaluation,
            std::size_t chunk, const DetectorRange& range, Outbox& outbox,
            const ProgressCallback& progress, Counters& counters)
      : runner_(runner),
        evaluation_(evaluation),
        chunk_(chunk > 0 ? chunk : runner.chunk()),
        range_(range),
        outbox_(outbox),
        progress_(progress),
        counters_(counters),
        amplitudes_(grid, curve),
        rows_(grid, curve),
        bins_(rows_, amplitudes_),
        width_(total_width(grid.quantities())),
        poisson_(grid.curves()[curve].is_poisson()),
        toys_(grid.curves()[curve].toys.has_value()),
        toy_blocks_(runner.concurrent_calls(), chunk_),
        results_(grid.curves()),
        reach_threshold_(grid.reach() && grid.reach()->range.field->kind == AxisKind::response),
        dear_(reach_threshold_ || evaluation == Evaluation::direct || poisson_) {}

  void run() {
    const std::size_t per_flux = rows_.oscillations * rows_.shape_detectors();
    for (std::size_t f = range_.first / per_flux; f * per_flux < range_.end; ++f) {
      Flux flux{f * rows_.oscillations, RowBins::Kept(rows_)};
      if (evaluation_ == Evaluation::direct) {
        sum_directly(flux);
      } else if (!respond(flux)) {
        convolve(flux);
      }
    }
  }

 private:
  /// Shapes that share the flux without oscillation, and what they keep.
  struct Flux {
    std::size_t first_shape;
    RowBins::Kept kept;
  };

  using Shape = std::unique_ptr<Runner::Convolution>;

  /// Templates of a row and what belongs to its bins.
  struct Row {
    Templates templates;
    std::shared_ptr<const Bins> bins;
    std::vector<EntryEvents> known = {};  ///< of a likelihood's backgrounds
  };

  static void add_row(CombineProblem& problem, const Row& row) {
    problem.add_row(row.templates.standard_model, row.templates.magnetic, row.bins->width,
                    row.bins->background);
  }

  /// Makes rows and combines them, at least as many at a time as their detectors fill a chunk.
  /// make_row(row, threshold): the templates of a row, at its own threshold where none is given; so
  /// many threads may call it at once.
  template <class MakeRow>
  void combine(std::size_t first_row, std::size_t rows, int threads, const MakeRow& make_row) {
    const std::size_t from = std::max(first_row, range_.first / rows_.detectors);
    const std::size_t to =
        std::min(first_row + rows, (range_.end + rows_.detectors - 1) / rows_.detectors);
    // Where rows have many detectors still enough of them that threads end together, and never more
    // than fit: they are held twice.
    const auto calls = static_cast<std::size_t>(threads);
    const std::size_t least = reach_threshold_ ? 1 : 64 * calls;
    const std::size_t most = std::max(calls, most_row_bytes / (2 * bins_.row_bytes()));
    const std::size_t block = std::clamp(chunk_ / rows_.detectors, std::min(least, most), most);
    for (std::size_t first = from; first < to; first += block) {
      const std::size_t here = std::min(block, to - first);
      if (reach_threshold_) {
        std::vector<double> thresholds(here * rows_.detectors);
        in_parallel(runner_.concurrent_calls(), here, [&](std::size_t i) {
          reach_thresholds([&](double t) { return make_row(first - first_row + i, &t); },
                           std::span(thresholds).subspan(i * rows_.detectors, rows_.detectors));
        });
        deliver(first * rows_.detectors, here * rows_.detectors,
                [&](std::size_t done, std::size_t count, const Meanwhile&) {
                  Array<double> some(count);
                  std::copy_n(thresholds.begin() + done, count, some.begin());
                  return some;
                });
        continue;
      }
      std::vector<Row> made(here);
      in_parallel(threads, here,
                  [&](std::size_t i) { made[i] = make_row(first - first_row + i, nullptr); });
      if (poisson_) {
        deliver_likelihoods(first, made);
        continue;
      }
      auto problem = amplitudes_.problem();
      for (const auto& row : made) add_row(problem, row);
      deliver(first * rows_.detectors, problem);
    }
  }

  /// Of `count` detectors from `origin` on, hands over those that are asked for, a chunk at a time:
  /// values(first, count, meanwhile) computes them, first relative to the origin, and hands over
  /// those before them meanwhile.
  template <class Values>
  void deliver(std::size_t origin, std::size_t count, const Values& values) {
    const std::size_t low = std::max(range_.first, origin) - origin;
    const std::size_t high = std::min(range_.end, origin + count) - origin;
    for (std::size_t done = low, here = 0; done < high; done += here) {
      here = std::min(toys_ ? toy_blocks_.next() : chunk_, high - done);
      auto limits = values(done, here, [this] { outbox_.hand_over(); });
      counters_.combinations += here;
      outbox_.put(std::move(limits), counters_);
      if (runner_.threads() == 1 || here < worth_waiting || dear_) outbox_.hand_over();
      // Toys have told of themselves.
      if (progress_) progress_(toys_ ? 0 : static_cast<double>(here));
    }
  }

  /// The detectors of rows that are likelihoods, each fitted by a thread of the host.
  void deliver_likelihoods(std::size_t first_row, const std::vector<Row>& made) {
    const std::size_t origin = first_row * rows_.detectors;
    const std::size_t curve_origin = rows_.curve * rows_.grid.per_curve();
    const auto fitted = [&](std::size_t done, std::size_t count, const Meanwhile& meanwhile) {
      Array<double> values(count * width_);
      std::atomic<std::size_t> failures = 0, failed_toys = 0;
      const Timer timer;
      std::mutex telling;
      ProgressCallback told;
      if (toys_ && progress_)
        told = [&](double part) {
          const std::lock_guard lock(telling);
          progress_(part);
        };
      in_parallel(
          toys_ ? toy_blocks_.threads(count) : runner_.threads(), count, [&](std::size_t i) {
            const auto curve = rows_.grid.at(curve_origin + origin + done + i);
            const auto& row = made[(done + i) / rows_.detectors];
            const auto result = analyse(
                curve, make_likelihood(curve, load_target(curve.target), row.templates, row.known),
                runner_, told);
            failures += !result.converged;
            failed_toys += result.failed_toys;
            const auto own = results_.values(result);
            std::copy(own.begin(), own.end(), values.begin() + i * width_);
          });
      toy_blocks_.took(count, timer.seconds());
      counters_.failed_fits += failures;
      counters_.failed_toys += failed_toys;
      if (meanwhile) meanwhile();
      return values;
    };
    deliver(origin, made.size() * rows_.detectors, fitted);
  }

  /// The detectors of all rows of a problem.
  void deliver(std::size_t origin, const CombineProblem& problem) {
    deliver(origin, problem.rows() * rows_.detectors,
            [&](std::size_t done, std::size_t count, const Meanwhile& meanwhile) {
              auto limits = runner_.combine(problem, done, count, meanwhile);
              return width_ == 1 ? std::move(limits) : with_nothing_else(limits);
            });
  }

  /// Limits in a study in which others are likelihoods: NaN for what these have besides.
  Array<double> with_nothing_else(const Array<double>& limits) const {
    Array<double> values(limits.size() * width_);
    std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < limits.size(); ++i) values[i * width_] = limits[i];
    return values;
  }

  /// The largest threshold [keV] with which each detector of a row has the limit that is asked for:
  /// limits rise with the threshold.
  template <class MakeRow>
  void reach_thresholds(const MakeRow& at, std::span<double> thresholds) const {
    const auto& reach = *rows_.grid.reach();
    const auto& ends = reach.range.values;
    std::map<double, CombineProblem> known;  // detectors of a row meet at the same first thresholds
    for (std::size_t d = 0; d < thresholds.size(); ++d) {
      const auto excess = [&](double log_threshold) {
        const double threshold = std::exp(log_threshold);
        auto found = known.find(threshold);
        if (found == known.end()) {
          if (known.size() > 64) known.clear();
          auto problem = amplitudes_.problem();
          add_row(problem, at(threshold));
          found = known.emplace(threshold, std::move(problem)).first;
        }
        const double limit = runner_.combine(found->second, d, 1)[0];
        return std::min(std::log(limit / reach.mu_eff), 50.0);  // of an infinite limit
      };
      const double low = std::log(ends[0]), high = std::log(ends[1]);
      const double at_low = excess(low), at_high = excess(high);
      const double solved =
          at_high <= 0 ? ends[1] : std::exp(find_root(low, at_low, high, at_high, excess));
      thresholds[d] = at_low <= 0 ? reach.range.field->in_unit(solved)
                                  : std::numeric_limits<double>::quiet_NaN();
    }
  }

  /// Oscillation points of a flux that hold detectors asked for: first and end.
  std::pair<std::size_t, std::size_t> asked(const Flux& flux) const {
    const std::size_t first = std::max(flux.first_shape, range_.first / rows_.shape_detectors());
    const std::size_t end =
        std::min(flux.first_shape + rows_.oscillations,
                 (range_.end + rows_.shape_detectors() - 1) / rows_.shape_detectors());
    return {first - flux.first_shape, std::max(first, end) - flux.first_shape};
  }

  Shape convolved(std::size_t shape) const {
    return runner_.convolve(make_solar_flux(rows_.at(shape, 0, 0).flux));
  }

  /// Shape and coefficient points first, first + 1, ... of the curve, and their spectra.
  struct Points {
    Points(std::size_t from, std::size_t count) : first(from), spectra(count), grids(count) {}
    std::size_t size() const { return spectra.size(); }

    std::size_t first;
    std::vector<Templates> spectra;
    std::vector<std::shared_ptr<const RecoilGrid>> grids;
  };

  /// A convolution for each shape, spectra for each of its coefficient points.
  void convolve(Flux& flux) {
    const std::size_t most_points =
        std::clamp<std::size_t>(chunk_ / (rows_.responses * rows_.detectors), 1, 256);
    const auto [begin, end] = asked(flux);
    const int calls = runner_.concurrent_calls();
    const std::size_t whole = std::min(most_points / rows_.coefficients, end - begin);
    if (whole >= static_cast<std::size_t>(4 * calls)) return convolve_whole(flux, whole);
    // As many shapes at a time as their detectors fill a chunk, and never more than some dozen:
    // each holds its running integrals.
    const std::size_t batch = std::clamp<std::size_t>(chunk_ / rows_.shape_detectors(), 1, 64);
    for (std::size_t from = begin; from < end; from += batch) {
      const std::size_t first = flux.first_shape + from;
      std::vector<Shape> shapes(std::min(batch, end - from));
      in_parallel(calls, shapes.size(), [&](std::size_t s) { shapes[s] = convolved(first + s); });
      counters_.convolutions += shapes.size();
      const std::size_t all = shapes.size() * rows_.coefficients;
      for (std::size_t done = 0; done < all; done += most_points) {
        Points points(first * rows_.coefficients + done, std::min(most_points, all - done));
        const std::size_t per_point = rows_.responses * rows_.detectors;
        if (points.first * per_point >= range_.end ||
            (points.first + points.size()) * per_point <= range_.first)
          continue;
        in_parallel(calls, points.size(), [&](std::size_t i) {
          evaluate(flux, *shapes[(done + i) / rows_.coefficients], points, i);
        });
        bin_and_combine(flux, points);
      }
    }
  }

  /// The same where shapes are many and their points few: a thread takes a shape to its spectra,
  /// waits for no other, and keeps the running integrals in its cache.
  void convolve_whole(Flux& flux, std::size_t batch) {
    const auto [begin, end] = asked(flux);
    for (std::size_t from = begin; from < end; from += batch) {
      const std::size_t shapes = std::min(batch, end - from);
      const std::size_t first = flux.first_shape + from;
      Points points(first * rows_.coefficients, shapes * rows_.coefficients);
      in_parallel(runner_.concurrent_calls(), shapes, [&](std::size_t s) {
        const auto shape = convolved(first + s);
        for (std::size_t c = 0; c < rows_.coefficients; ++c)
          evaluate(flux, *shape, points, s * rows_.coefficients + c);
      });
      counters_.convolutions += shapes;
      bin_and_combine(flux, points);
    }
  }

  void evaluate(Flux& flux, const Runner::Convolution& shape, Points& points, std::size_t i) const {
    const std::size_t point = points.first + i;
    points.grids[i] = bins_.recoil_grid(flux.kept, shape.flux, point / rows_.coefficients,
                                        point % rows_.coefficients);
    points.spectra[i] = spectra_of(shape, *points.grids[i], point);
  }

  Templates spectra_of(const Runner::Convolution& shape, const RecoilGrid& grid,
                       std::size_t point) const {
    if (!poisson_) return grouped(runner_.spectra(shape, grid.rows), Grouping::together);
    const auto curve = rows_.at(point / rows_.coefficients, point % rows_.coefficients, 0);
    return likelihood_spectra(runner_, curve, shape, grid.rows, [&](const Curve& shifted) {
      return bins_.recoil_grid(shifted, shape.flux).rows;
    });
  }

  void bin_and_combine(Flux& flux, const Points& points) {
    counters_.coefficient_evaluations += points.size();
    const auto make_row = [&](std::size_t row, const double* threshold) {
      const std::size_t i = row / rows_.responses, point = points.first + i;
      const auto made = bins_.binned(flux.kept, *points.grids[i], point / rows_.coefficients,
                                     point % rows_.coefficients, row % rows_.responses, threshold);
      return row_of(bin(made->binning, points.spectra[i]), made->bins, point / rows_.coefficients,
                    point % rows_.coefficients, row % rows_.responses);
    };
    counters_.rebinnings += points.size() * rows_.responses;
    combine(points.first * rows_.responses, points.size() * rows_.responses, runner_.threads(),
            make_row);
  }

  Row row_of(Templates templates, std::shared_ptr<const Bins> bins, std::size_t shape,
             std::size_t coefficient, std::size_t response) const {
    Row row{std::move(templates), std::move(bins), {}};
    if (!poisson_) return row;
    auto curve = rows_.at(shape, coefficient, response);
    const auto& target = load_target(curve.target);
    row.known = dear_events(curve.background, curve, target);
    for (const auto* axis : rows_.grid.axes(AxisKind::amplitude))
      if (axis->field->path == "background")
        for (std::size_t i = 0; i < axis->size(); ++i) {
          axis->put(curve, i);
          auto more = dear_events(curve.background, curve, target);
          std::move(more.begin(), more.end(), std::back_inserter(row.known));
        }
    return row;
  }

  /// Many oscillation points at once: their signals are one linear map of Pee, whose columns are
  /// the signals of a Pee that is one at one node. False, and nothing is done, where there are too
  /// few points to pay for it, or so many bins that it would not fit.
  bool respond(Flux& flux) {
    const std::size_t rows = rows_.per_shape();
    if (poisson_ || reach_threshold_ || rows_.oscillations < 100 || rows > 100'000) return false;
    const auto at_first = rows_.at(flux.first_shape, 0, 0);
    const auto solar = make_solar_flux(at_first.flux, oscillation_corners(rows_.grid, at_first));
    const std::size_t nodes = solar.survival_nodes.size();
    if (rows_.oscillations < 2 * nodes) return false;
    auto shared = amplitudes_.problem();  // what all oscillation points share
    SurvivalResponse response;
    {
      const std::vector<double> none(nodes);
      for (const auto& row : rows_of(flux, solar, none)) add_row(shared, row);
      response.base = std::move(shared.signal);
    }
    const std::size_t outputs = response.outputs();
    if (nodes * outputs * sizeof(double) > (std::size_t{1} << 28)) return false;
    response.per_node.resize(nodes * outputs);
    in_parallel(runner_.concurrent_calls(), nodes, [&](std::size_t n) {
      std::vector<double> unit(nodes);
      unit[n] = 1;
      std::size_t k = 0;
      for (const auto& row : rows_of(flux, solar, unit))
        for (const double signal : row.templates.standard_model) {
          response.per_node[n * outputs + k] = signal - response.base[k];
          ++k;
        }
    });

    const std::size_t batch = std::clamp<std::size_t>(chunk_ / rows_.shape_detectors(), 1, 4096);
    const auto [begin, end] = asked(flux);
    CombineProblem problem;
    for (std::size_t first = begin; first < end; first += batch) {
      const std::size_t here = std::min(batch, end - first);
      if (problem.rows() != here * rows) problem = shared.repeated(here);
      const auto signals =
          runner_.signals(solar, response, oscillation_points(rows_.grid, at_first, first, here));
      problem.signal.assign(signals.begin(), signals.end());
      counters_.convolutions += here;
      counters_.coefficient_evaluations += here * rows_.coefficients;
      counters_.rebinnings += here * rows;
      deliver((flux.first_shape + first) * rows_.shape_detectors(), problem);
    }
    return true;
  }

  /// All coefficient and response points with Pee given.
  std::vector<Row> rows_of(Flux& flux, const SolarFlux& solar,
                           std::span<const double> survival) const {
    const auto convolution = runner_.convolve(solar, survival);
    std::vector<Row> rows;
    for (std::size_t c = 0; c < rows_.coefficients; ++c) {
      const auto recoils = bins_.recoil_grid(flux.kept, solar, flux.first_shape, c);
      const auto spectra =
          grouped(runner_.spectra(*convolution, recoils->rows), Grouping::together);
      for (std::size_t r = 0; r < rows_.responses; ++r) {
        const auto made = bins_.binned(flux.kept, *recoils, flux.first_shape, c, r, nullptr);
        rows.push_back({bin(made->binning, spectra), made->bins, {}});
      }
    }
    return rows;
  }

  /// The dense grid of each row: a judge, not a way to scan. A thread sums a row alone, where there
  /// are rows enough: it then waits for no other.
  void sum_directly(const Flux& flux) {
    const std::size_t rows = rows_.per_shape(), first_row = flux.first_shape * rows;
    const std::size_t from = std::max(first_row, range_.first / rows_.detectors);
    const std::size_t to = std::min(first_row + rows_.oscillations * rows,
                                    (range_.end + rows_.detectors - 1) / rows_.detectors);
    const int calls = runner_.concurrent_calls();
    const auto block = static_cast<std::size_t>(4 * calls);
    for (std::size_t first = from; first < to; first += block) {
      const std::size_t here = std::min(block, to - first);
      const int threads = here >= static_cast<std::size_t>(calls) ? calls : 1;
      counters_.direct_evaluations += here;
      combine(first, here, threads, [&](std::size_t i, const double* threshold) {
        const std::size_t row = first + i;
        auto curve = rows_.at(row / rows, row % rows / rows_.responses, row % rows_.responses);
        if (threshold) curve.threshold = *threshold;
        if (poisson_)
          return row_of(direct_likelihood_templates(runner_, curve), bins_.bins(curve), row / rows,
                        row % rows / rows_.responses, row % rows_.responses);
        const auto solar = make_solar_flux(curve.flux);
        const auto problem = make_recoil_problem(curve, load_target(curve.target), solar);
        return Row{direct_templates(runner_, solar, problem), bins_.bins(curve), {}};
      });
    }
  }

  static constexpr std::size_t most_row_bytes = std::size_t{64} << 20;

  /// Fewer limits than these are handed over at once: they may have been dear.
  static constexpr std::size_t worth_waiting = std::size_t{1} << 14;

  const Runner& runner_;
  Evaluation evaluation_;
  std::size_t chunk_;
  DetectorRange range_;  ///< within the curve
  Outbox& outbox_;
  const ProgressCallback& progress_;
  Counters& counters_;
  Amplitudes amplitudes_;
  CurveRows rows_;
  RowBins bins_;
  std::size_t width_;  ///< values of a detector
  bool poisson_, toys_;
  ToyBlocks toy_blocks_;
  LikelihoodResults results_;
  bool reach_threshold_;
  bool dear_;  ///< limits that should not wait for the next to be sealed
};

}  // namespace

Counters scan_grid(const Grid& grid, const Runner& runner, Evaluation evaluation, std::size_t chunk,
                   const DetectorRange& range, const LimitSink& sink,
                   const ProgressCallback& progress) {
  Counters counters;
  Outbox outbox(sink);
  const std::size_t per_curve = grid.per_curve();
  for (std::size_t c = 0; c < grid.curves().size(); ++c) {
    const std::size_t origin = c * per_curve;
    const DetectorRange own{std::clamp(range.first, origin, origin + per_curve) - origin,
                            std::clamp(range.end, origin, origin + per_curve) - origin};
    if (own.first >= own.end) continue;
    const auto& curve = grid.curves()[c];
    if (curve.is_joint() || (curve.is_poisson() && grid.reach())) {
      scan_likelihoods(grid, c, runner, evaluation, chunk, own, outbox, progress, counters);
    } else {
      CurveScan(grid, c, runner, evaluation, chunk, own, outbox, progress, counters).run();
    }
  }
  outbox.hand_over();
  return counters;
}

}  // namespace magnu
