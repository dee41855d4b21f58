#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "magnu/io/results/limits_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "magnu/scan/engine.hpp"

namespace magnu {

/// The command line.
struct Options {
  std::string config, backend = "auto", evaluation = "fast", isa = "auto", out, at, log_file;
  std::string shard, checkpoint_every = "60s", folder;
  std::string program, command;  ///< this one, as a shell takes it
  std::vector<std::string> overrides;
  std::string threads;
  std::size_t chunk = 0, csv_limit = LimitsFile::default_csv_rows;
  bool surface = false, resume = false, overwrite = false, verify = false, checksums = false,
       quiet = false, verbose = false;
};

// What its words mean; InputError where they mean nothing.

/// As asked for, or the processors that this process may use.
int thread_count(const Options& options);
/// As asked for, or the widest there is.
InstructionSet instruction_set(const Options& options);
/// Where the evaluations of a command run.
std::unique_ptr<Runner> make_runner(const Options& options);
Evaluation evaluation_of(const Options& options);
/// "60 s", "0.1s", "5 min" or seconds.
double checkpoint_seconds(const std::string& text);
/// A word as a shell takes it.
std::string shell_word(std::string word);
/// "3/8": shard 3 of 8.
std::pair<std::size_t, std::size_t> parse_shard(const std::string& text);

}  // namespace magnu
