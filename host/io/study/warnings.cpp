#include "magnu/io/study/warnings.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "magnu/core/error.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/scan/combine.hpp"
#include "magnu/scan/verification.hpp"
#include "magnu/statistics/fit_report.hpp"

namespace magnu {
namespace {

/// Fewer events than this at a limit, and a chi^2 with Gaussian errors means little.
constexpr double few_events = 3;

/// Bins enough to see what narrow ones gain, and a gain worth telling. (The density statistic has
/// no such number: its limit falls with the bins without end.)
constexpr int narrow_bins = 1000;
constexpr double noticeable_gain = 1.03;

/// A curve's limit with narrow bins.
double narrow_limit(Engine& engine, Curve curve) {
  curve.bins = narrow_bins;
  curve.mu_eff.points = 2;
  return engine.run(curve).limit;
}

/// Events of the magnetic signal at the limit.
double events_at_limit(const CurveResult& r) {
  double excess = 0;
  for (std::size_t b = 0; b < r.magnetic.size(); ++b)
    excess +=
        r.magnetic[b] * (r.curve.statistic != Statistic::density
                             ? 1
                             : (r.curve.upper - r.curve.threshold) / r.curve.bins / constants::keV);
  return excess * r.limit * r.limit;
}

}  // namespace

void warn_about(const Study& study, spdlog::level::level_enum level_of_the_rest) {
  for (const auto& note : study.notes) spdlog::info(note);
  const auto warnings = study_warnings(study);
  for (std::size_t i = 0; i < warnings.size(); ++i)
    spdlog::log(i < study.warnings.size() ? spdlog::level::warn : level_of_the_rest, warnings[i]);
}

void warn_of_few_events(const std::vector<CurveResult>& results) {
  for (const auto& r : results)
    if (const double events = events_at_limit(r);
        std::isfinite(r.limit) && events < few_events && !r.curve.toys)
      spdlog::warn("curve '{}': at its limit the magnetic signal is {:.2g} events: too few for {}",
                   quotable(r.curve.name), events,
                   r.curve.is_poisson()
                       ? "asymptotic distributions, which makes the limit approximate"
                       : "the Gaussian errors of the chi^2, which makes the limit too strong");
}

void warn_of_few_events(const Grid& grid, const Runner& runner) {
  Engine engine(runner, Evaluation::fast);
  const DrawnDetectors drawn(grid, 50);
  std::size_t few = 0;
  for (const auto i : drawn.index) {
    auto curve = grid.at(i);
    if (curve.toys) continue;  // which need not be many
    curve.mu_eff.points = 2;
    const auto result = engine.run(curve);
    few += std::isfinite(result.limit) && events_at_limit(result) < few_events;
  }
  if (few > 0)
    spdlog::warn(
        "of {} drawn at random {} have fewer than {:g} events of magnetic signal at "
        "their limit: too few for the Gaussian errors of the chi^2 (which makes these limits too "
        "strong), or for asymptotic distributions",
        counted(drawn.index.size(), "detector"), few, few_events);
}

void tell_of_coarse_bins(const std::vector<CurveResult>& results, const Runner& runner) {
  Engine engine(runner, Evaluation::fast);
  const CurveResult* most = nullptr;
  double best = 0;  // of `most`
  std::size_t others = 0;
  for (const auto& r : results) {
    if (r.curve.statistic != Statistic::counts || r.curve.bins >= narrow_bins) continue;
    const double narrow = narrow_limit(engine, r.curve);
    if (!(r.limit > noticeable_gain * narrow)) continue;
    others += most != nullptr;
    if (most && most->limit / best >= r.limit / narrow) continue;
    most = &r;
    best = narrow;
  }
  if (most)
    spdlog::info("curve '{}'{}: {} bins give {:.3g} mu_B, {} would give {:.3g} mu_B",
                 quotable(most->curve.name),
                 others > 0 ? fmt::format(" (and, less so, {} more)", others) : std::string(),
                 most->curve.bins, most->limit, narrow_bins, best);
}

void tell_of_coarse_bins(const Grid& grid, const Runner& runner) {
  if (grid.reach()) return;
  Engine engine(runner, Evaluation::fast);
  const DrawnDetectors drawn(grid, 20);
  std::size_t coarse = 0;
  double most = 1;
  for (const auto i : drawn.index) {
    auto curve = grid.at(i);
    curve.mu_eff.points = 2;
    if (curve.statistic != Statistic::counts || curve.bins >= narrow_bins) continue;
    const double gain = engine.run(curve).limit / narrow_limit(engine, curve);
    coarse += gain > noticeable_gain;
    if (gain > most) most = gain;
  }
  if (coarse > 0)
    spdlog::info(
        "of {} drawn at random {} would have a limit lower by more than {:.0f} % with {} "
        "bins, the most by {:.0f} %",
        counted(drawn.index.size(), "detector"), coarse, 100 * (1 - 1 / noticeable_gain),
        narrow_bins, 100 * (1 - 1 / most));
}

void warn_of_degenerate(const Curve& curve, const Likelihood& likelihood) {
  const auto parameter = parameter_like_signal(likelihood);
  if (!parameter.empty())
    spdlog::warn(
        "curve '{}': '{}' is free and has the shape of a moment's signal: data tell their "
        "sum alone, and a moment is excluded only where less than nothing would be left of "
        "the other",
        quotable(curve.name), quotable(parameter));
}

void explain_unreached(const Grid& grid, const std::vector<double>& values, const Runner& runner) {
  constexpr int most_told = 3;
  const auto& reach = *grid.reach();
  const double end = reach.range.field->sets == sets_exposure ? reach.to() : reach.from();
  Engine engine(runner, Evaluation::fast);
  int told = 0;
  for (std::size_t i = 0; i < values.size() && told < most_told; ++i) {
    auto curve = grid.at(i);
    if (!std::isnan(values[i]) || !curve.is_poisson()) continue;
    ++told;
    reach.range.field->set(curve, end);
    const auto likelihood = engine.likelihood(curve);
    const auto result = analyse(curve, likelihood, runner);
    if (!result.converged) continue;  // that is told already
    const double limit = result.limit;
    const auto hindrance = hindrance_of(curve, likelihood);
    const auto& unit = reach.range.field->unit;
    spdlog::info("'{}': {} of {:g}{} gives {}{}", quotable(grid.name_of(i)),
                 reach.range.field->path, end, unit.empty() ? "" : " " + unit,
                 std::isfinite(limit) ? fmt::format("{:.3g} mu_B", limit) : "no limit",
                 hindrance.parameter.empty()
                     ? std::string(", with nothing uncertain")
                     : fmt::format("; {:.3g} if '{}' were known, {:.3g} if all were",
                                   hindrance.limit_without, quotable(hindrance.parameter),
                                   hindrance.limit_of_statistics));
  }
}

void RangeTally::see(std::size_t first, std::span<const double> values) {
  const std::size_t per_curve = grid_.per_curve(), end = first + values.size();
  if (const auto* reach = grid_.reach()) {
    const double easy = reach->range.field->sets == sets_exposure ? reach->from() : reach->to();
    for (const double value : values) {
      none_ += std::isnan(value);
      at_end_ += value == easy;
    }
    return;
  }
  for (std::size_t i = first; i < end;) {
    const auto& range = grid_.curves()[i / per_curve].mu_eff;
    // Every limit of a grid comes by here. Positive doubles are ordered like their bits, NaN above
    // all: one comparison without branches.
    const auto from = std::bit_cast<std::uint64_t>(range.from);
    const auto to = std::bit_cast<std::uint64_t>(range.to);
    const auto last = std::min(end, (i / per_curve + 1) * per_curve);
    const auto some = values.subspan(i - first, last - i);
    i = last;
    std::size_t inside = 0;
    for (const double limit : some)
      inside += std::bit_cast<std::uint64_t>(limit) - from <= to - from;
    if (inside == some.size()) continue;
    outside_ += some.size() - inside;
    none_ += static_cast<std::size_t>(
        std::count(some.begin(), some.end(), std::numeric_limits<double>::infinity()));
  }
}

void RangeTally::warn() const {
  const auto* reach = grid_.reach();
  if (none_ > 0)
    spdlog::warn("{} of {} {}", none_, counted(grid_.size(), "detector"),
                 reach        ? "have that limit nowhere between 'from' and 'to'"
                 : none_ == 1 ? "excludes nothing"
                              : "exclude nothing");
  if (at_end_ > 0)
    spdlog::warn(
        "{} of {} have that limit or a better one at the end of the range, {}", at_end_,
        counted(grid_.size(), "detector"),
        reach->range.field->sets == sets_exposure ? "'from': less will do" : "'to': more will do");
}

}  // namespace magnu
