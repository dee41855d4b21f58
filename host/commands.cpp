#include "magnu/commands.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "magnu/core/csv.hpp"
#include "magnu/io/grid_run.hpp"
#include "magnu/io/progress.hpp"
#include "magnu/io/report.hpp"
#include "magnu/io/results.hpp"
#include "magnu/io/shards.hpp"
#include "magnu/io/stop_signal.hpp"
#include "magnu/io/study_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/cuda_runner.hpp"
#include "magnu/scan/partition.hpp"

namespace magnu {
namespace {

int thread_count(const Options& options) {
  if (options.threads.empty()) {
    // What the scheduler gives a task, where it does not bind it to processors.
    const char* given = std::getenv("SLURM_CPUS_PER_TASK");
    const int cpus = given ? std::atoi(given) : 0;
    return cpus > 0 ? std::min(cpus, available_processors()) : available_processors();
  }
  double value = 0;
  if (!parse_number(options.threads, value) || value != std::floor(value) || value < 1 ||
      value > 4096)
    throw InputError({"", 0, "--threads", options.threads}, "not a number of threads",
                     "give a whole number from 1 to 4096, or leave the option out");
  return static_cast<int>(value);
}

InstructionSet instruction_set(const Options& options) {
  const auto isa = options.isa == "v4"        ? InstructionSet::v4
                   : options.isa == "v3"      ? InstructionSet::v3
                   : options.isa == "default" ? InstructionSet::baseline
                                              : best_instruction_set();
  if (!supported(isa))
    throw InputError({"", 0, "--isa", options.isa}, "this processor lacks it",
                     "the widest here is " + to_string(best_instruction_set()));
  return isa;
}

std::unique_ptr<Runner> make_runner(const Options& options) {
  auto cpu = make_cpu_runner(thread_count(options), instruction_set(options));
  if (options.backend == "cpu") return cpu;
  const auto cuda = cuda_status();
  if (!cuda.devices.empty()) return make_cuda_runner();
  if (options.backend == "cuda")
    throw InputError({"", 0, "--backend", "cuda"}, "no CUDA device: " + cuda.reason,
                     "use --backend cpu or auto");
  if (cuda.built_in) {
    spdlog::info("no CUDA device ({}): running on the CPU", cuda.reason);
  } else {
    spdlog::debug("{}: running on the CPU", cuda.reason);
  }
  return cpu;
}

/// What fails here is seen by flushed().
void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

/// Of a scan: settings without effect; the rest, which `check` tells too, when asked for.
void warn_about(const Study& study, spdlog::level::level_enum level_of_the_rest) {
  const auto warnings = study_warnings(study);
  for (std::size_t i = 0; i < warnings.size(); ++i)
    spdlog::log(i < study.warnings.size() ? spdlog::level::warn : level_of_the_rest, warnings[i]);
}

/// Fewer events than this at a limit, and a chi^2 with Gaussian errors means little.
constexpr double few_events = 3;

/// Events of the magnetic signal at the limit.
double events_at_limit(const CurveResult& r) {
  double excess = 0;
  for (int b = 0; b < r.curve.bins; ++b)
    excess +=
        r.magnetic[b] * (r.curve.statistic == Statistic::counts
                             ? 1
                             : (r.curve.upper - r.curve.threshold) / r.curve.bins / constants::keV);
  return excess * r.limit * r.limit;
}

void warn_of_few_events(const std::vector<CurveResult>& results) {
  for (const auto& r : results)
    if (const double events = events_at_limit(r); std::isfinite(r.limit) && events < few_events)
      spdlog::warn(
          "curve '{}': at its limit the magnetic signal is {:.2g} events: too few for the Gaussian "
          "errors of the chi^2, which makes the limit too strong",
          r.curve.name, events);
}

/// The same of a grid, from detectors drawn at random.
void warn_of_few_events(const Grid& grid, const Runner& runner) {
  Engine engine(runner, Evaluation::fast);
  const DrawnDetectors drawn(grid, 50);
  std::size_t few = 0;
  for (const auto i : drawn.index) {
    auto curve = grid.at(i);
    curve.mu_eff.points = 2;
    const auto result = engine.run(curve);
    few += std::isfinite(result.limit) && events_at_limit(result) < few_events;
  }
  if (few > 0)
    spdlog::warn(
        "of {} detectors drawn at random {} have fewer than {:g} events of magnetic signal at "
        "their limit: too few for the Gaussian errors of the chi^2, which makes these limits too "
        "strong",
        drawn.index.size(), few, few_events);
}

/// Counts limits outside the range of mu_eff that their curve scans.
class OutsideRange {
 public:
  explicit OutsideRange(const Grid& grid) : grid_(grid) {}

  void see(std::size_t first, std::span<const double> limits) {
    const std::size_t per_curve = grid_.per_curve(), end = first + limits.size();
    for (std::size_t i = first; i < end;) {
      const auto& range = grid_.curves()[i / per_curve].mu_eff;
      for (const auto last = std::min(end, (i / per_curve + 1) * per_curve); i < last; ++i) {
        outside_ += !(limits[i - first] >= range.from && limits[i - first] <= range.to);
        none_ += std::isinf(limits[i - first]);
      }
    }
  }

  std::size_t count() const { return outside_; }

  void warn() const {
    if (outside_ > 0)
      spdlog::warn(
          "{} of {} limits lie outside the scanned range of mu_eff; {} of these exclude "
          "nothing",
          outside_, grid_.size(), none_);
  }

 private:
  const Grid& grid_;
  std::size_t outside_ = 0, none_ = 0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Evaluation evaluation_of(const Options& options) {
  return options.evaluation == "direct" ? Evaluation::direct : Evaluation::fast;
}

/// Verifies on the CPU and on a device, if there is one. verify(runners, progress) does it;
/// `cells` are those of one runner.
template <class Verify>
VerificationReport run_verification(const Options& options, double cells, const Verify& verify) {
  std::vector<std::unique_ptr<Runner>> owned;
  std::vector<const Runner*> runners;
  owned.push_back(make_cpu_runner(thread_count(options), instruction_set(options)));
  if (!cuda_status().devices.empty()) {
    owned.push_back(make_cuda_runner());
  } else {
    spdlog::debug("verified on the CPU alone: no CUDA device ({})", cuda_status().reason);
  }
  for (const auto& runner : owned) runners.push_back(runner.get());
  Progress progress("verification", cells * static_cast<double>(runners.size()), "cells",
                    options.quiet);
  return verify(runners, progress.callback());
}

int exit_code(const VerificationReport& report) {
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

/// "60 s", "0.1s", "5 min" or seconds.
double checkpoint_seconds(const std::string& text) {
  const auto number = text.substr(0, text.find_first_not_of("0123456789.eE+-"));
  auto unit = text.substr(number.size());
  std::erase(unit, ' ');
  const double factor = unit.empty() || unit == "s" ? 1
                        : unit == "min"             ? 60
                        : unit == "h"               ? 3600
                                                    : 0;
  double value = 0;
  if (!parse_number(number, value) || !(value > 0 && value < 1e9) || factor == 0)
    throw InputError({"", 0, "--checkpoint-every", text}, "not a time",
                     "give for example 60s, 5min or 0.1s");
  return value * factor;
}

/// "3/8": shard 3 of 8.
std::pair<std::size_t, std::size_t> parse_shard(const std::string& text) {
  std::size_t shard = 0, shards = 0;
  int end = 0;
  if (std::sscanf(text.c_str(), "%zu/%zu%n", &shard, &shards, &end) != 2 ||
      static_cast<std::size_t>(end) != text.size() || shard < 1 || shard > shards ||
      shards > 1'000'000)
    throw InputError({"", 0, "--shard", text}, "not a shard",
                     "give I/N with I from 1 to N: --shard 3/8");
  return {shard, shards};
}

/// Says how to go on after a signal.
int stopped_code(const Stopped& stopped, const Options& options, const std::string& folder) {
  spdlog::warn("stopped by {} at {} of {} detectors, all of them sealed; {}",
               sigabbrev_np(stopped.signal), stopped.done, stopped.all,
               options.shard.empty() ? "go on with --resume --out " + folder
                                     : "run the same command again to go on");
  return resumable;
}

/// A study with axes or a question of reach: one number per point of the grid.
int run_grid(const Options& options, const Study& study, const Runner& runner) {
  const auto start = std::chrono::steady_clock::now();
  const Grid grid(study.curves, study.axes, study.reach);
  const std::string folder_name = options.out.empty() ? "results/" + study.name : options.out;
  GridRun run{study,
              grid,
              runner,
              evaluation_of(options),
              folder_name,
              options.chunk,
              options.csv_limit,
              options.surface,
              options.resume,
              options.overwrite,
              checkpoint_seconds(options.checkpoint_every),
              options.command};
  catch_stop_signals();
  if (!options.shard.empty()) {
    const auto [shard, shards] = parse_shard(options.shard);
    if (options.verify)
      throw InputError({"", 0, "--verify", options.shard}, "a shard is not verified",
                       "leave it out; verify a smaller grid of the study");
    const ResultsFolder refuses_another_study(folder_name, study, options.overwrite);
    if (std::filesystem::exists(shards_study(folder_name)))
      if (const auto others = shard_states(folder_name); others.front().shards != shards)
        throw InputError({folder_name, 0, "--shard", options.shard},
                         fmt::format("it holds shards of {}", others.front().shards),
                         "go on with these, or name another folder with --out");
    const auto range = part_of(grid, shard, shards);
    Progress progress("shard " + options.shard, static_cast<double>(range.end - range.first),
                      "detectors", options.quiet);
    try {
      const auto outcome = scan_shard(run, shard, shards, progress.callback());
      if (!options.quiet)
        print(fmt::format(
            "shard {}: {} of {} detectors in {:.2f} s; when all are there: magnu merge {}\n",
            options.shard, range.end - range.first, grid.size(), outcome.seconds, folder_name));
    } catch (const Stopped& stopped) {
      return stopped_code(stopped, options, folder_name);
    }
    return done;
  }

  const ResultsFolder folder(folder_name, study, options.overwrite);
  auto provenance = provenance_of(options, runner, grid.size());
  DrawnDetectors drawn(grid);
  OutsideRange outside(grid);
  std::vector<double> few(grid.size() <= most_printed ? grid.size() : 0);
  GridOutcome outcome;
  {
    Progress progress("scan", static_cast<double>(grid.size()), "detectors", options.quiet);
    try {
      outcome = scan_whole(
          run,
          [&](std::size_t first, std::span<const double> values) {
            drawn.see(first, values);
            if (!study.reach) outside.see(first, values);
            if (!few.empty()) std::copy(values.begin(), values.end(), few.begin() + first);
          },
          progress.callback());
    } catch (const Stopped& stopped) {
      return stopped_code(stopped, options, folder_name);
    }
  }
  provenance.counters = outcome.counters;
  provenance.outside_range = outside.count();
  const double seconds = seconds_since(start);
  VerificationReport report;
  if (options.verify) {
    report = run_verification(options, 0, [&](const auto& runners, const auto& progress) {
      return verify(grid, drawn, runners, progress);
    });
    provenance.verification = &report;
  }
  provenance.wall_seconds = seconds_since(start);
  folder.write(study, {}, provenance, outcome.names);
  forget_checkpoint(folder.path());
  if (!options.quiet) {
    print(grid_table(grid, few));
    if (options.verify) print(verification_table(report));
    print(fmt::format("{} detectors in {:.2f} s, {}detectors/s\nresults in {}\n",
                      grid.size() - outcome.resumed_at, seconds,
                      scaled_text(static_cast<double>(grid.size() - outcome.resumed_at) / seconds),
                      folder.path().string()));
  }
  if (!study.reach && !options.quiet) {
    outside.warn();
    warn_of_few_events(grid, runner);
  }
  return exit_code(report);
}

}  // namespace

int run_scan(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
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

  auto provenance = provenance_of(options, *runner, study.curves.size());
  const double cells = evaluation == Evaluation::direct || options.verify ? direct_work(study) : 0;
  std::vector<CurveResult> results;
  {
    Progress progress("scan", evaluation == Evaluation::direct ? cells : 0, "cells", options.quiet);
    Engine engine(*runner, evaluation, progress.callback());
    for (const auto& curve : study.curves) results.push_back(engine.run(curve));
    provenance.counters = engine.counters();
  }
  VerificationReport report;
  if (options.verify) {
    report = run_verification(options, cells, [&](const auto& runners, const auto& progress) {
      return verify(study, runners, progress);
    });
    provenance.verification = &report;
  }
  provenance.wall_seconds = seconds_since(start);
  folder.write(study, results, provenance);
  if (!options.quiet) {
    print(limits_table(results));
    if (options.verify) print(verification_table(report));
    print("results in " + folder.path().string() + "\n");
  }
  warn_of_few_events(results);
  return exit_code(report);
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
  Engine engine(*runner, Evaluation::fast);
  print(spectrum_csv(study, engine, energies));
  return done;
}

int run_merge(const Options& options) {
  shard_states(options.folder);  // says what a folder without shards lacks
  const auto study = read_study(shards_study(options.folder).string());
  const ResultsFolder folder(options.folder, study, options.overwrite);
  const RunLock lock(options.folder);
  std::vector<std::string> names;
  const auto merged = merge_shards(options.folder, study, options.csv_limit, names);
  const auto& identity = merged.first.identity;
  Provenance provenance{identity.backend,
                        "",
                        identity.instruction_set,
                        identity.evaluation,
                        0,
                        merged.seconds,
                        merged.counters,
                        merged.detectors,
                        nullptr,
                        merged.first.shards};
  folder.write(study, {}, provenance, names);
  if (!options.quiet)
    print(fmt::format("{} detectors of {} shards merged\nresults in {}\n", merged.detectors,
                      merged.first.shards, options.folder));
  return done;
}

int run_status(const Options& options) {
  print(status_report(shard_states(options.folder)));
  return done;
}

int run_check(const Options& options) {
  const auto study = read_study(options.config, options.overrides);
  print(effective_yaml(study) + "\n" + cost_report(study));
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
