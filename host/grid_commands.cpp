#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstring>
#include <filesystem>
#include <tuple>

#include "magnu/commands.hpp"
#include "magnu/core/timer.hpp"
#include "magnu/io/results/file_names.hpp"
#include "magnu/io/results/readable.hpp"
#include "magnu/io/results/report.hpp"
#include "magnu/io/results/staged_file.hpp"
#include "magnu/io/run/grid_run.hpp"
#include "magnu/io/run/progress.hpp"
#include "magnu/io/run/shards.hpp"
#include "magnu/io/run/stop_signal.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/io/study/warnings.hpp"
#include "magnu/scan/partition.hpp"

/// Studies with axes: whole, in shards, and joined again.
namespace magnu {
namespace {

/// Says how to go on after a signal: with all options, for another --set is another study.
int stopped_code(int signal, const std::string& at, const Options& options) {
  spdlog::warn("stopped by {} {}, all of them sealed; {}", sigabbrev_np(signal), at,
               options.shard.empty() ? "go on with: " + command_to_resume(options.command)
                                     : "run the same command again to go on");
  return resumable;
}

int run_shard(const Options& options, const GridRun& run) {
  const auto [shard, shards] = parse_shard(options.shard);
  if (options.verify)
    throw InputError({"", 0, "--verify", options.shard}, "a shard is not verified",
                     "leave it out; verify a smaller grid of the study");
  const ResultsFolder refuses_another_study(run.folder, run.study, options.overwrite);
  if (const auto count = shard_count(run.folder); count != 0 && count != shards)
    throw InputError({run.folder.string(), 0, "--shard", options.shard},
                     fmt::format("it holds shards of {}", count),
                     "go on with these, or name another folder with --out");
  const auto range = part_of(run.grid, shard, shards);
  Progress progress("shard " + options.shard, static_cast<double>(range.end - range.first),
                    "detectors", options.quiet);
  const auto outcome = scan_shard(run, shard, shards, progress);
  if (!options.quiet)
    print(fmt::format("shard {}: {} of {} in {:.2f} s; when all are there: {} merge {}\n",
                      options.shard, range.end - range.first, counted(run.grid.size(), "detector"),
                      outcome.seconds, options.program, shell_word(run.folder.string())));
  exit_code({}, outcome.counters);  // says what failed: the shard itself is whole
  // Once for the study: merging does no physics.
  if (shard == 1 && !run.study.reach && !options.quiet) {
    warn_of_few_events(run.grid, run.runner);
    tell_of_coarse_bins(run.grid, run.runner);
  }
  return done;
}

int run_whole(const Options& options, const GridRun& run) {
  const Timer timer;
  const auto& study = run.study;
  const auto& grid = run.grid;
  const auto& runner = run.runner;
  const ResultsFolder folder(run.folder, study, options.overwrite);
  auto provenance = provenance_of(options, runner, grid.size());
  provenance.surface = options.surface;
  if (options.resume && folder.is_finished(study, provenance, options.verify)) {
    spdlog::info(
        "{}: the run is finished, nothing is computed; leave --resume out to compute it again",
        folder.path().string());
    if (!options.quiet) print("results in " + folder.path().string() + "\n");
    return done;
  }
  DrawnDetectors drawn(grid);
  RangeTally outside(grid);
  std::vector<double> few(grid.size() <= most_printed ? grid.size() : 0);
  VerificationReport report;
  double seconds = 0;
  const auto judge = [&] {
    seconds = timer.seconds();
    if (!options.verify) return;
    report = run_verification(options, 0, [&](const auto& runners, const auto& told) {
      return verify(grid, drawn, runners, told);
    });
    provenance.verification = &report;
  };
  GridOutcome outcome;
  {
    Progress progress("scan", static_cast<double>(grid.size()), "detectors", options.quiet);
    outcome = scan_whole(
        run,
        [&](std::size_t first, std::span<const double> values) {
          drawn.see(first, values);
          outside.see(first, values);
          if (!few.empty()) std::copy(values.begin(), values.end(), few.begin() + first);
        },
        progress, judge);
  }
  provenance.counters = outcome.counters;
  provenance.outside_range = outside.count();
  provenance.wall_seconds = timer.seconds();
  folder.write(study, {}, provenance, outcome.names);
  forget_checkpoint(folder.path());
  if (!options.quiet) {
    const auto scanned = grid.size() - outcome.resumed_at;
    print(grid_table(grid, few, outcome.counters.failed_fits > 0));
    if (options.verify) print(verification_table(report));
    print(fmt::format("{} in {:.2f} s, {}detectors/s\nresults in {}\n",
                      counted(scanned, "detector"), seconds,
                      scaled_text(static_cast<double>(scanned) / seconds), folder.path().string()));
    outside.warn();
    if (study.reach) {
      explain_unreached(grid, few, runner);
    } else {
      warn_of_few_events(grid, runner);
      tell_of_coarse_bins(grid, runner);
    }
  }
  return exit_code(report, outcome.counters);
}

}  // namespace

int run_grid(const Options& options, const Study& study, const Runner& runner) {
  const Grid grid(study.curves, study.axes, study.reach);
  const GridRun run{study,
                    grid,
                    runner,
                    evaluation_of(options),
                    options.out.empty() ? "results/" + study.name : options.out,
                    options.chunk,
                    options.csv_limit,
                    options.surface,
                    options.resume,
                    options.overwrite,
                    checkpoint_seconds(options.checkpoint_every),
                    options.command};
  try {
    return options.shard.empty() ? run_whole(options, run) : run_shard(options, run);
  } catch (const Stopped& stopped) {
    return stopped_code(stopped.signal,
                        fmt::format("at {} of {}", stopped.done, counted(stopped.all, "detector")),
                        options);
  } catch (const StoppedBy& stopped) {
    // With the values whole, as in a verification.
    if (!std::filesystem::exists(run.folder / file_names::checkpoint)) throw;
    return stopped_code(stopped.signal, fmt::format("after {}", counted(grid.size(), "detector")),
                        options);
  }
}

/// InputError for a folder that is none, as where the study is given.
static void expect_results_folder(const std::string& name) {
  const std::filesystem::path path(name);
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return;
  const bool there = std::filesystem::exists(path, ignored);
  throw InputError({name, 0, "", ""}, there ? "this is a file" : "there is no such folder",
                   std::string("name the folder of its results") +
                       (there ? ", where scan got no --out: results/" + path.stem().string()
                              : ", as scan printed it or got it by --out"));
}

int run_merge(const Options& options) {
  expect_results_folder(options.folder);
  shard_states(options.folder);                 // says what a folder without shards lacks
  read_if_there(shards_study(options.folder));  // and what is no file there
  const auto study = read_study(shards_study(options.folder).string());
  const ResultsFolder folder(options.folder, study, options.overwrite);
  const RunLock lock(options.folder);
  std::vector<std::string> names;
  const Grid grid(study.curves, study.axes, study.reach);
  RangeTally outside(grid);
  const auto merged = merge_shards(
      options.folder, study, options.csv_limit,
      [&](std::size_t first, std::span<const double> values) {
        stop_if_asked();
        outside.see(first, values);
      },
      names);
  const auto& identity = merged.first.identity;
  Provenance provenance;
  provenance.backend = identity.backend;
  provenance.instruction_set = identity.instruction_set;
  provenance.surface = identity.evaluation.ends_with(with_surface);
  provenance.evaluation = identity.evaluation.substr(0, identity.evaluation.find(','));
  provenance.wall_seconds = merged.seconds;
  provenance.counters = merged.counters;
  provenance.detectors = merged.detectors;
  provenance.outside_range = outside.count();
  provenance.shards = merged.first.shards;
  folder.write(study, {}, provenance, names);
  if (!options.quiet) {
    print(fmt::format("{} of {} merged\nresults in {}\n", counted(merged.detectors, "detector"),
                      counted(merged.first.shards, "shard"), options.folder));
    outside.warn();
  }
  return exit_code({}, merged.counters);
}

int run_status(const Options& options) {
  expect_results_folder(options.folder);
  const auto whole = scan_status(options.folder);
  print(whole);
  const std::filesystem::path folder(options.folder);
  if (shard_count(folder) == 0 && std::filesystem::exists(folder / file_names::batch)) {
    if (whole.empty()) print("no shard has begun; what is queued: squeue --me\n");
    return done;
  }
  if (whole.empty() || std::filesystem::exists(folder / file_names::shards))
    print(status_report(shard_states(options.folder, options.checksums)));
  return done;
}

}  // namespace magnu
