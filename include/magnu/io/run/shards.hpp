#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "magnu/io/run/grid_run.hpp"
#include "magnu/scan/study.hpp"

namespace magnu {

/// The folder of a shard below a run's results: shards/00003-of-00008.
std::filesystem::path shard_folder(const std::filesystem::path& results, std::size_t shard,
                                   std::size_t shards);

/// The study that all shards of a folder belong to.
std::filesystem::path shards_study(const std::filesystem::path& results);

/// A shard on disk.
struct ShardState {
  enum class Kind { missing, broken, running, stopped, failed, finished };
  std::size_t shard = 0, shards = 0;
  Kind kind = Kind::missing;
  std::string what;      ///< is wrong, or who works on it
  bool foreign = false;  ///< its folder holds something else, to be removed first
  Manifest manifest;
  double age = 0;  ///< seconds since its manifest was sealed
};

/// Into how many shards a run is divided; zero where there are none. InputError where there are
/// shards of two divisions.
std::size_t shard_count(const std::filesystem::path& results);

/// All shards of a run, from 1; InputError where there are none. With `checksums` the values of
/// those that are finished are read and checked.
std::vector<ShardState> shard_states(const std::filesystem::path& results, bool checksums = false);

/// The command that computes a shard, from another shard's.
std::string command_for(const std::string& command, std::size_t shard, std::size_t shards);

/// The command that goes on with what a command left.
std::string command_to_resume(const std::string& command);

/// What is shown of a run by `magnu status`.
std::string status_report(const std::vector<ShardState>& states);
/// Of a run without shards; empty where there is none.
std::string scan_status(const std::filesystem::path& results);

/// Joins finished shards into the files of an unsharded run, to the same bytes; physics is not
/// evaluated. Error that lists what is missing or broken and how to compute it, with nothing
/// written.
struct MergeResult {
  std::size_t detectors = 0;
  Manifest first;     ///< identity of all
  Counters counters;  ///< of all shards
  double seconds = 0;
};
MergeResult merge_shards(const std::filesystem::path& results, const Study& study,
                         std::size_t csv_rows, const Observer& observer,
                         std::vector<std::string>& names);

}  // namespace magnu
