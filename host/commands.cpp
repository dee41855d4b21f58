#include "magnu/commands.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "magnu/core/csv.hpp"
#include "magnu/core/timer.hpp"
#include "magnu/io/results/report.hpp"
#include "magnu/io/run/grid_run.hpp"
#include "magnu/io/run/progress.hpp"
#include "magnu/io/run/run_lock.hpp"
#include "magnu/io/run/stop_signal.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/io/study/warnings.hpp"
#include "magnu/scan/cuda_runner.hpp"

namespace magnu {

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

namespace {

/// Of work that ends where a signal asks for it.
ProgressCallback interruptible(Progress& progress) {
  return [&](double done) {
    stop_if_asked();
    progress.add(done);
  };
}

}  // namespace

VerificationReport run_verification(const Options& options, double cells, const Verify& verify) {
  std::vector<std::unique_ptr<Runner>> owned;
  std::vector<const Runner*> runners;
  owned.push_back(make_cpu_runner(thread_count(options), instruction_set(options)));
  if (cuda_status().usable()) {
    owned.push_back(make_cuda_runner());
  } else {
    spdlog::debug("verified on the CPU alone: no usable CUDA device ({})", cuda_status().reason);
  }
  for (const auto& runner : owned) runners.push_back(runner.get());
  Progress progress("verification", cells * static_cast<double>(runners.size()), "cells",
                    options.quiet);
  return verify(runners, interruptible(progress));
}

int exit_code(const VerificationReport& report, const Counters& counters) {
  const std::size_t failed_fits = counters.failed_fits;
  if (counters.failed_toys > 0)
    spdlog::warn("the fits of {} toys failed: they count in no distribution", counters.failed_toys);
  if (failed_fits > 0)
    spdlog::error("{} fits did not converge: what they would have given is NaN", failed_fits);
  if (failed_fits > 0 && report.passed()) return failed;
  if (report.passed()) return done;
  spdlog::error("verification failed; the results are kept and marked in study.json");
  return failed;
}

Provenance provenance_of(const Options& options, const Runner& runner, std::size_t detectors) {
  return {runner.name(),
          runner.device(),
          runner.instruction_set(),
          options.evaluation,
          runner.threads(),
          0,
          {},
          detectors,
          nullptr};
}

int run_scan(const Options& options) {
  const Timer timer;
  const auto study = read_study(options.config, options.overrides);
  warn_about(study, spdlog::level::debug);
  const auto runner = make_runner(options);
  if (study.is_grid()) return run_grid(options, study, *runner);
  if (!options.shard.empty() || options.resume)
    throw InputError({"", 0, options.shard.empty() ? "--resume" : "--shard", study.name},
                     "the study has no axes: its curves take seconds", "leave the option out");
  if (options.surface)
    throw InputError({"", 0, "--surface", study.name}, "the study has no axes",
                     "leave it out: curves.csv holds delta chi^2 of single curves");
  const auto evaluation = evaluation_of(options);
  const ResultsFolder folder(options.out.empty() ? "results/" + study.name : options.out, study,
                             options.overwrite);
  const RunLock lock(folder.path());
  clear_unfinished(folder.path(), options.overwrite);
  folder.expect_room(study);

  auto provenance = provenance_of(options, *runner, study.curves.size());
  const double cells = evaluation == Evaluation::direct || options.verify ? direct_work(study) : 0;
  std::vector<CurveResult> results;
  {
    const auto by_toys = std::count_if(study.curves.begin(), study.curves.end(),
                                       [](const auto& curve) { return curve.toys.has_value(); });
    const bool direct = evaluation == Evaluation::direct;
    Progress progress("scan", direct ? cells : static_cast<double>(by_toys),
                      direct ? "cells" : "limits from toys", options.quiet);
    Engine engine(*runner, evaluation, interruptible(progress));
    for (const auto& curve : study.curves) {
      results.push_back(engine.run(curve));
      if (curve.is_poisson()) warn_of_degenerate(curve, engine.likelihood(curve));
    }
    provenance.counters = engine.counters();
  }
  for (const auto& result : results)
    if (result.likelihood && !result.likelihood->converged)
      spdlog::error("curve '{}': no limit was found: {}", quotable(result.curve.name),
                    result.curve.toys ? "data may be beyond all toys; give more of them, or set "
                                        "interval.method: asymptotic"
                                      : "data may lie where nothing is expected");
  VerificationReport report;
  if (options.verify) {
    report = run_verification(options, cells, [&](const auto& runners, const auto& progress) {
      return verify(study, runners, progress);
    });
    provenance.verification = &report;
  }
  provenance.wall_seconds = timer.seconds();
  {
    double rows = 0;
    for (const auto& result : results) rows += static_cast<double>(result.mu_eff.size());
    Progress progress("curves.csv", rows, "rows", options.quiet);
    folder.write(study, results, provenance, {}, interruptible(progress));
  }
  if (!options.quiet) {
    print(limits_table(results));
    if (options.verify) print(verification_table(report));
    print("results in " + folder.path().string() + "\n");
  }
  warn_of_few_events(results);
  if (!options.quiet) tell_of_coarse_bins(results, *runner);
  return exit_code(report, provenance.counters);
}

int run_spectrum(const Options& options) {
  const auto study = read_study(options.config, options.overrides);
  std::vector<double> energies;
  std::string text = options.at;
  for (bool more = !text.empty(); more;) {
    const auto comma = text.find(',');
    auto word = text.substr(0, comma);
    std::erase(word, ' ');
    more = comma != std::string::npos;
    double value = 0;
    if (!parse_number(word, value) || !(value >= 1e-3 && value <= 1e6))
      throw InputError({"", 0, "--at", word}, "not a recoil energy",
                       "give keV from 0.001 to 1e6, separated by commas: --at 1,10,100");
    energies.push_back(value);
    text.erase(0, comma == std::string::npos ? text.size() : comma + 1);
  }
  const auto runner = make_runner(options);
  Engine engine(*runner, Evaluation::fast, [](double) { stop_if_asked(); });
  print(spectrum_csv(study, engine, energies));
  return done;
}

int run_check(const Options& options) {
  const auto study = read_study(options.config, options.overrides);
  print(effective_yaml(study) + "\n" + cost_report(study, options.surface));
  warn_about(study, spdlog::level::warn);
  return done;
}

int run_list() {
  print(names_report());
  return done;
}

int run_info() {
  print(info_report());
  return done;
}

}  // namespace magnu
