#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "magnu/io/run/checkpoint.hpp"
#include "magnu/io/run/progress.hpp"
#include "magnu/scan/grid_scan.hpp"
#include "magnu/scan/study.hpp"

namespace magnu {

/// How a grid is scanned into a folder.
struct GridRun {
  const Study& study;
  const Grid& grid;
  const Runner& runner;
  Evaluation evaluation = Evaluation::fast;
  std::filesystem::path folder;  ///< of the results
  std::size_t chunk = 0;
  std::size_t csv_rows = 0;
  bool surface = false;
  bool resume = false;     ///< go on with what a checkpoint holds
  bool overwrite = false;  ///< or throw it away
  double checkpoint_every = 60;
  std::string command;  ///< that computes this again
};

/// A scan that a signal stopped; what it had is sealed.
struct Stopped {
  int signal = 0;
  std::size_t done = 0, all = 0;
};

/// What a scan leaves besides its files.
struct GridOutcome {
  Counters counters;  ///< of earlier runs too
  double seconds = 0;
  std::vector<std::string> names;  ///< of the files
  std::size_t resumed_at = 0;
};

/// Sees values of detectors first, first + 1, ... in ascending order; those that turned out damaged
/// in a checkpoint come again.
using Observer = std::function<void(std::size_t first, std::span<const double> values)>;

/// Shows an observer the first value of each detector, of [detectors][width].
void show(const Observer& observer, std::size_t first, std::span<const double> values,
          std::size_t width);

/// The whole grid into limits.h5 and limits.csv. Values stand in place from the start, under a name
/// that is not final; a checkpoint beside them is sealed now and then. InputError for a checkpoint
/// without --resume or of another run; throws Stopped. `judge` is called when all values are there
/// and before they get their names: what it throws leaves what a stop would.
GridOutcome scan_whole(const GridRun& run, const Observer& observer, Progress& progress,
                       const std::function<void()>& judge);

/// For a study without axes: InputError where an unfinished run is, unless it may be overwritten;
/// what a run left that sealed nothing goes.
void clear_unfinished(const std::filesystem::path& folder, bool overwrite);

/// When all other files of the run are in place.
void forget_checkpoint(const std::filesystem::path& folder);

/// One shard into its own folder below the results; always goes on where it stopped. Throws
/// Stopped.
GridOutcome scan_shard(const GridRun& run, std::size_t shard, std::size_t shards,
                       Progress& progress);

/// What a study, program and machine are: what shards and checkpoints must share.
RunIdentity identity_of(const GridRun& run);

}  // namespace magnu
