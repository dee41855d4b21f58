#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>

#include "magnu/core/csv.hpp"
#include "magnu/io/limits_file.hpp"
#include "magnu/io/progress.hpp"
#include "magnu/io/report.hpp"
#include "magnu/io/results.hpp"
#include "magnu/io/study_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/cuda_runner.hpp"
#include "magnu/scan/grid_scan.hpp"
#include "magnu/version.hpp"

namespace magnu {
namespace {

enum ExitCode { done = 0, failed = 1, bad_usage = 2 };

struct Options {
  std::string config, backend = "auto", evaluation = "fast", isa = "auto", out, at, log_file;
  std::vector<std::string> overrides;
  std::string threads;
  std::size_t chunk = default_chunk, csv_limit = LimitsFile::default_csv_rows;
  bool surface = false, overwrite = false, verify = false, quiet = false, verbose = false;
};

void start_log(const Options& options) {
  std::vector<spdlog::sink_ptr> sinks;
  const char* no_color = std::getenv("NO_COLOR");
  sinks.push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
      no_color && *no_color ? spdlog::color_mode::never : spdlog::color_mode::automatic));
  // Until the file is open: complaints about it go to stderr too.
  const auto use = [&] {
    auto logger = std::make_shared<spdlog::logger>("magnu", sinks.begin(), sinks.end());
    logger->set_pattern("magnu: %^%l%$: %v");
    logger->set_level(options.quiet     ? spdlog::level::err
                      : options.verbose ? spdlog::level::debug
                                        : spdlog::level::info);
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(logger);
  };
  use();
  if (!options.log_file.empty()) {
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.log_file));
    } catch (const spdlog::spdlog_ex& problem) {
      throw OutputError(options.log_file, problem.what(), "name another file with --log-file");
    }
  }
  use();
  if (sinks.size() > 1) sinks[1]->set_pattern("%Y-%m-%dT%H:%M:%S %l %v");
}

int thread_count(const Options& options) {
  if (options.threads.empty()) return available_processors();
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

/// A chi^2 with Gaussian errors means little where it excludes a handful of events.
void warn_of_few_events(const std::vector<CurveResult>& results) {
  constexpr double few = 3;
  for (const auto& r : results) {
    double excess = 0;
    for (int b = 0; b < r.curve.bins; ++b)
      excess += r.magnetic[b] *
                (r.curve.statistic == Statistic::counts
                     ? 1
                     : (r.curve.upper - r.curve.threshold) / r.curve.bins / constants::keV);
    excess *= r.limit * r.limit;
    if (std::isfinite(r.limit) && excess < few)
      spdlog::warn(
          "curve '{}': at its limit the magnetic signal is {:.2g} events: too few for the Gaussian "
          "errors of the chi^2, which makes the limit too strong",
          r.curve.name, excess);
  }
}

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

/// A study with axes or a question of reach: one number per point of the grid.
int run_grid(const Options& options, const Study& study, const Runner& runner,
             std::chrono::steady_clock::time_point start) {
  const Grid grid(study.curves, study.axes, study.reach);
  const ResultsFolder folder(options.out.empty() ? "results/" + study.name : options.out, study,
                             options.overwrite);
  LimitsFile file(folder.path(), study.name, grid, options.csv_limit, options.surface);
  auto provenance = provenance_of(options, runner, grid.size());
  DrawnDetectors drawn(grid);
  std::vector<double> few;
  {
    Progress progress("scan", static_cast<double>(grid.size()), "detectors", options.quiet);
    std::size_t seen = 0;
    provenance.counters = scan_grid(
        grid, runner, evaluation_of(options), options.chunk, {0, grid.size()},
        [&](std::span<const double> values) {
          file.append(values);
          drawn.see(seen, values);
          seen += values.size();
          if (grid.size() <= most_printed) few.insert(few.end(), values.begin(), values.end());
        },
        progress.callback());
  }
  const double seconds = seconds_since(start);
  VerificationReport report;
  if (options.verify) {
    report = run_verification(options, 0, [&](const auto& runners, const auto& progress) {
      return verify(grid, drawn, runners, progress);
    });
    provenance.verification = &report;
  }
  provenance.wall_seconds = seconds_since(start);
  file.finish();
  folder.write(study, {}, provenance, file.names());
  if (!options.quiet) {
    print(grid_table(grid, few));
    if (options.verify) print(verification_table(report));
    print(fmt::format("{} detectors in {:.2f} s, {}detectors/s\nresults in {}\n", grid.size(),
                      seconds, scaled_text(static_cast<double>(grid.size()) / seconds),
                      folder.path().string()));
  }
  return exit_code(report);
}

int run_scan(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto study = read_study(options.config, options.overrides);
  warn_about(study, spdlog::level::debug);
  const auto runner = make_runner(options);
  if (study.is_grid()) return run_grid(options, study, *runner, start);
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

int run_check(const Options& options) {
  const auto study = read_study(options.config, options.overrides);
  print(effective_yaml(study) + "\n" + cost_report(study));
  warn_about(study, spdlog::level::warn);
  return done;
}

/// Everything printed must have arrived: a full disk behind stdout is a failure.
int flushed(int code) {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw OutputError("standard output", "cannot be written", "free space and run again");
  return code;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{
      "magnu: how small a neutrino magnetic moment could a dark-matter detector see?\n"
      "Solar neutrinos scatter off electrons and nuclei; mu_eff adds a signal that rises at low\n"
      "recoil energy. A study is a YAML file: see configs/ and docs/configuration.md.\n\n"
      "  magnu scan configs/quick.yaml              limits and sensitivity curves\n"
      "  magnu spectrum configs/quick.yaml --at 1,10  differential rates as CSV\n"
      "  magnu check configs/quick.yaml --set bins=20 the study as understood, and its cost\n",
      "magnu"};
  app.set_version_flag("--version", "magnu " + version() + " (" + commit() + ")");
  app.require_subcommand(0, 1);  // none: see below, after what was not understood
  app.fallthrough();
  app.add_flag("-q,--quiet", options.quiet,
               "no table, no progress, no warnings: only errors and what was asked for");
  app.add_flag("-v,--verbose", options.verbose, "say more on stderr");
  app.add_option("--log-file", options.log_file, "write the log to this file too")
      ->type_name("FILE");

  const auto add_study = [&](CLI::App* command) {
    command->add_option("CONFIG", options.config, "the study, a YAML file")->required();
    command
        ->add_option("--set", options.overrides,
                     "change a setting: PATH=VALUE, with the file's paths, and curves.NAME.key for "
                     "one curve; repeatable")
        ->type_name("PATH=VALUE")
        ->take_all()
        ->expected(1);
  };
  const auto add_runner = [&](CLI::App* command) {
    command->add_option("--backend", options.backend, "where to run (auto: a CUDA device if any)")
        ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
        ->capture_default_str();
    command
        ->add_option("--threads", options.threads,
                     "CPU threads (default: the processors this process may use)")
        ->type_name("N");
    command->add_option("--isa", options.isa, "CPU instruction set (auto: the widest there is)")
        ->check(CLI::IsMember({"auto", "default", "v3", "v4"}))
        ->capture_default_str();
  };

  auto* scan = app.add_subcommand("scan", "compute limits and sensitivity curves of a study");
  add_study(scan);
  add_runner(scan);
  scan->add_option("--evaluation", options.evaluation,
                   "fast: coefficients and running integrals; direct: every cell of the dense grid")
      ->check(CLI::IsMember({"fast", "direct"}))
      ->capture_default_str();
  scan->add_option("--out", options.out, "results folder (default: results/NAME)")
      ->type_name("DIR");
  scan->add_flag("--overwrite", options.overwrite, "replace another study's results there");
  scan->add_flag("--verify", options.verify,
                 "run both evaluations, on the CPU and on a device if any, and compare them");

  scan->add_flag("--surface", options.surface,
                 "keep delta chi^2 over the scanned mu_eff of every detector of a study with axes");
  scan->add_option("--chunk", options.chunk, "detectors of a study with axes held at a time")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30))
      ->capture_default_str();
  scan->add_option("--csv-limit", options.csv_limit,
                   "write limits.csv too for a study with axes of up to this many rows")
      ->capture_default_str();

  auto* spectrum = app.add_subcommand(
      "spectrum",
      "print differential rates as CSV: per tonne, year and keV; magnetic at 1e-11 mu_B");
  add_study(spectrum);
  add_runner(spectrum);
  spectrum->add_option("--at", options.at, "recoil energies in keV (default: the bin edges)")
      ->type_name("E1,E2,...");

  auto* check = app.add_subcommand("check", "validate a study, print it whole and what it costs");
  add_study(check);
  auto* list = app.add_subcommand("list", "print every name and key a study may use");
  app.add_subcommand("info", "print version, build, processor and devices");

  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? done : bad_usage;
  }
  start_log(options);
  if (scan->parsed()) return run_scan(options);
  if (spectrum->parsed()) return run_spectrum(options);
  if (check->parsed()) return run_check(options);
  print(list->parsed() ? names_report() : info_report());
  return done;
}

}  // namespace
}  // namespace magnu

int main(int argc, char** argv) {
  try {
    return magnu::flushed(magnu::run(argc, argv));
  } catch (const magnu::InputError& problem) {
    spdlog::error(problem.what());
    return magnu::bad_usage;
  } catch (const std::exception& problem) {
    spdlog::error(problem.what());
    return magnu::failed;
  }
}
