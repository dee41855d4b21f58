#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "magnu/commands.hpp"
#include "magnu/experiment/targets.hpp"
#include "magnu/io/results/fit_files.hpp"
#include "magnu/io/results/results.hpp"
#include "magnu/io/run/progress.hpp"
#include "magnu/io/run/run_lock.hpp"
#include "magnu/io/run/stop_signal.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/io/study/warnings.hpp"

/// The analysis of each detector of a study.
namespace magnu {
namespace {

constexpr std::size_t most_fitted = 10'000, most_shown = 8;

/// t~ from nothing to well beyond the limit.
std::vector<std::pair<double, double>> profile_of(const Curve& curve, const Likelihood& likelihood,
                                                  double limit) {
  std::vector<double> mu;
  for (int i = 0; i <= 120; ++i) mu.push_back(1.6 * limit * i / 120);
  auto two_sided = curve;
  two_sided.test = IntervalTest::two_sided;
  const auto t = profile_over(two_sided, likelihood, mu);
  std::vector<std::pair<double, double>> profile;
  for (std::size_t i = 0; i < mu.size(); ++i) profile.emplace_back(mu[i], t[i]);
  return profile;
}

DetectorFit fit_of(const std::string& name, const Curve& curve, const Likelihood& likelihood,
                   const Runner& runner, const ToyProgress& progress) {
  DetectorFit fit;
  fit.name = name;
  fit.curve = curve;
  fit.counts = curve.is_observed() ? curve.all_counts() : likelihood.expected(0);
  fit.report = fit_report(likelihood, fit.counts, curve.test, curve.confidence_level, curve.range);
  fit.result = analyse(curve, likelihood, runner, progress, &fit.toys);
  const auto& interval = fit.interval();
  if (!fit.report.interval.converged || !interval.converged)
    throw Error(
        "the fit of '" + quotable(name) + "' did not converge" +
        (curve.is_observed()
             ? ": data may lie where nothing is expected, or beyond all toys"
             : ": an uncertainty may be so large that its template leaves nothing expected"));
  for (const double significance : {3.0, 5.0})
    for (const double part : {0.5, 0.9})
      fit.discovery.push_back(
          {significance, part, discovery_reach(likelihood, significance, part)});
  std::vector<double> theta;
  for (const auto& pull : fit.report.pulls) theta.push_back(pull.fitted);
  fit.background = likelihood.expected(0, theta);
  const auto nominal = likelihood.expected(0);
  const bool limited = std::isfinite(interval.upper);
  fit.signal = likelihood.expected(limited ? std::max(0.0, interval.upper) : 0);
  for (std::size_t b = 0; b < nominal.size(); ++b) fit.signal[b] -= nominal[b];
  if (limited && interval.upper > 0)
    fit.profile = profile_of(curve, likelihood, moment_of(interval.upper));
  return fit;
}

}  // namespace

int run_fit(const Options& options) {
  const auto study = read_study(options.config, options.overrides);
  warn_about(study, spdlog::level::debug);
  const auto runner = make_runner(options);
  const Grid grid(study.curves, study.axes, study.reach);
  for (const auto& curve : study.curves)
    if (!curve.is_poisson())
      throw InputError({options.config, 0, "statistic", ""},
                       "curve '" + quotable(curve.name) + "' is no likelihood",
                       "set statistic: poisson");
  if (study.reach)
    throw InputError({options.config, 0, "reach", ""}, "is not for fit, which analyses detectors",
                     "leave it out, or give it to magnu scan");
  if (grid.size() > most_fitted)
    throw InputError({options.config, 0, "axes", std::to_string(grid.size())},
                     fmt::format("more than {} detectors", most_fitted),
                     "shorten an axis, or let magnu scan compute their limits");
  const ResultsFolder folder(options.out.empty() ? "results/" + study.name : options.out, study,
                             options.overwrite);
  const RunLock lock(folder.path());
  std::vector<DetectorFit> fits;
  {
    Progress progress("fit", static_cast<double>(grid.size()), "detectors", options.quiet);
    Engine engine(*runner, evaluation_of(options));
    for (std::size_t i = 0; i < grid.size(); ++i) {
      stop_if_asked();
      const auto curve = grid.at(i);
      const auto told = [&](double part) {
        stop_if_asked();
        progress.add(part);
      };
      const auto likelihood = engine.likelihood(curve);
      if (i % grid.per_curve() == 0) warn_of_degenerate(curve, likelihood);
      fits.push_back(fit_of(grid.name_of(i), curve, likelihood, *runner, told));
      if (!curve.toys) progress.add(1);
    }
  }
  folder.add(fit_files(study.name, study_hash(study), fits));
  if (options.quiet) return done;
  for (std::size_t i = 0; i < std::min(fits.size(), most_shown); ++i)
    print((i > 0 ? "\n" : "") + fit_table(fits[i]));
  if (fits.size() > most_shown)
    print(fmt::format("\n... and {} more in the files\n", fits.size() - most_shown));
  print("results in " + folder.path().string() + "\n");
  return done;
}

}  // namespace magnu
