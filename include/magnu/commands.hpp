#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "magnu/io/limits_file.hpp"
#include "magnu/scan/grid_scan.hpp"

/// The program's commands, from what the command line says to an exit code.
namespace magnu {

enum ExitCode { done = 0, failed = 1, bad_usage = 2, resumable = 99 };

/// The command line.
struct Options {
  std::string config, backend = "auto", evaluation = "fast", isa = "auto", out, at, log_file;
  std::string shard, checkpoint_every = "60s", folder, command;
  std::vector<std::string> overrides;
  std::string threads;
  std::size_t chunk = default_chunk, csv_limit = LimitsFile::default_csv_rows;
  bool surface = false, resume = false, overwrite = false, verify = false, quiet = false,
       verbose = false;
};

int run_scan(const Options& options);
int run_spectrum(const Options& options);
int run_merge(const Options& options);
int run_status(const Options& options);
int run_check(const Options& options);
int run_list();
int run_info();

}  // namespace magnu
