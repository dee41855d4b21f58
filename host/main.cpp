#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>

#include "magnu/commands.hpp"
#include "magnu/core/error.hpp"
#include "magnu/core/memory.hpp"
#include "magnu/io/run/stop_signal.hpp"
#include "magnu/io/study/setting.hpp"
#include "magnu/version.hpp"

namespace magnu {
namespace {

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

/// Of what the command line could not be understood in, the nearest that can be.
std::string suggestion(const CLI::App& app) {
  const CLI::App* command = &app;
  for (const auto* parsed : app.get_subcommands()) command = parsed;
  for (const auto& word : app.remaining(true)) {
    std::vector<std::string> known;
    if (word.starts_with("-")) {
      for (const auto* of : {&app, command})
        for (const auto* option : of->get_options())
          for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    } else if (command == &app) {
      for (const auto* one : app.get_subcommands({})) known.push_back(one->get_name());
    }
    const auto near = nearest_name(word.substr(0, word.find('=')), known);
    if (!near.empty()) return "'" + quotable(word) + "' is not known: did you mean '" + near + "'?";
  }
  return "";
}

/// What CLI11 says, no longer than a line of a message may be.
std::string failure_message(const CLI::App* app, const CLI::Error& problem) {
  auto text = suggestion(*app);
  if (text.empty()) text = quotable(problem.what(), 300);
  return "magnu: error: " + text + "\nRun with --help for more information.\n";
}

/// The command as a shell would take it again.
std::string command_line(int argc, char** argv) {
  std::string text;
  for (int i = 0; i < argc; ++i) text += (i > 0 ? " " : "") + shell_word(argv[i]);
  return text;
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
      "  magnu fit configs/systematics.yaml         best fit, limit and pulls of likelihoods\n"
      "  magnu spectrum configs/quick.yaml --at 1,10  differential rates as CSV\n"
      "  magnu check configs/quick.yaml --set bins=20 the study as understood, and its cost\n",
      "magnu"};
  app.set_version_flag("--version", "magnu " + version() + " (" + commit() + ")");
  app.failure_message(failure_message);
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
  auto* out = scan->add_option("--out", options.out, "results folder (default: results/NAME)")
                  ->type_name("DIR");
  scan->add_flag("--overwrite", options.overwrite, "replace another study's results there");
  scan->add_flag("--verify", options.verify,
                 "run both evaluations, on the CPU and on a device if any, and compare them");

  scan->add_flag("--surface", options.surface,
                 "keep delta chi^2 over the scanned mu_eff of every detector of a study with axes");
  scan->add_option("--shard", options.shard,
                   "compute one of N parts of a study with axes, for `magnu merge`")
      ->type_name("I/N");
  scan->add_flag("--resume", options.resume,
                 "go on with what a stopped run left (shards always do)");
  scan->add_option("--checkpoint-every", options.checkpoint_every,
                   "how often a study with axes seals what it has")
      ->type_name("TIME")
      ->capture_default_str();
  scan->add_option(
          "--chunk", options.chunk,
          "detectors of a study with axes held at a time (default: what suits the backend)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30))
      ->type_name("N");
  const CLI::Range rows(std::size_t{0}, std::size_t{1} << 40);
  scan->add_option("--csv-limit", options.csv_limit,
                   "write limits.csv too for a study with axes of up to this many rows")
      ->check(rows)
      ->capture_default_str();

  auto* fit = app.add_subcommand(
      "fit", "analyse each detector of a study with statistic: poisson: best fit, limit, pulls");
  add_study(fit);
  add_runner(fit);
  fit->add_option("--out", options.out, "results folder (default: results/NAME)")->type_name("DIR");
  fit->add_flag("--overwrite", options.overwrite, "replace another study's results there");

  auto* spectrum = app.add_subcommand(
      "spectrum",
      "print differential rates as CSV: per tonne, year and keV; magnetic at 1e-11 mu_B");
  add_study(spectrum);
  add_runner(spectrum);
  spectrum->add_option("--at", options.at, "recoil energies in keV (default: the bin edges)")
      ->type_name("E1,E2,...");

  auto* merge = app.add_subcommand("merge", "join the finished shards of a study into its results");
  merge->add_option("DIR", options.folder, "the results folder that holds shards/")->required();
  merge->add_option("--csv-limit", options.csv_limit, "write limits.csv too up to this many rows")
      ->check(rows)
      ->capture_default_str();
  merge->add_flag("--overwrite", options.overwrite, "replace another study's results there");
  auto* status = app.add_subcommand("status", "how far a study with axes or its shards are");
  status->add_option("DIR", options.folder, "the results folder")->required();
  status->add_flag("--checksums", options.checksums,
                   "read the values of finished shards and check them too");
  auto* check = app.add_subcommand("check", "validate a study, print it whole and what it costs");
  add_study(check);
  check->add_flag("--surface", options.surface, "count what scan --surface writes");
  auto* list = app.add_subcommand("list", "print every name and key a study may use");
  app.add_subcommand("info", "print version, build, processor and devices");

  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? done : bad_usage;
  }
  start_log(options);
  options.program = shell_word(argv[0]);
  options.command = command_line(argc, argv);
  if (out->count() > 0 && options.out.empty())  // as of a variable that is not set
    throw InputError({"", 0, "--out", ""}, "no folder is named",
                     "name one, or leave the option out");
  if (merge->parsed()) return run_merge(options);
  if (status->parsed()) return run_status(options);
  if (scan->parsed()) return run_scan(options);
  if (fit->parsed()) return run_fit(options);
  if (spectrum->parsed()) return run_spectrum(options);
  if (check->parsed()) return run_check(options);
  return list->parsed() ? run_list() : run_info();
}

}  // namespace
}  // namespace magnu

int main(int argc, char** argv) {
  magnu::catch_stop_signals();  // before anything else: a stop must not be a death by signal
  magnu::keep_freed_memory();
  try {
    return magnu::flushed(magnu::run(argc, argv));
  } catch (const magnu::StoppedBy& stopped) {
    spdlog::warn("stopped by {}: run the same command again", sigabbrev_np(stopped.signal));
    return magnu::resumable;
  } catch (const magnu::InputError& problem) {
    spdlog::error(problem.what());
    return magnu::bad_usage;
  } catch (const magnu::Error& problem) {
    spdlog::error(problem.what());
    return magnu::failed;
  } catch (const std::filesystem::filesystem_error& problem) {
    spdlog::error("{}: {}", problem.path1().string(), problem.code().message());
    return magnu::failed;
  } catch (const std::bad_alloc&) {
    spdlog::error(
        "memory is exhausted; a smaller study, fewer --threads or a smaller --chunk need less");
    return magnu::failed;
  } catch (const std::exception& problem) {
    spdlog::error(
        "a fault of the program itself; please report it with the command and its study (--verbose "
        "says more)");
    spdlog::debug("{}", problem.what());
    return magnu::failed;
  }
}
