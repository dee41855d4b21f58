#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "magnu/io/results/run_identity.hpp"
#include "magnu/io/results/values_at.hpp"
#include "magnu/io/run/run_lock.hpp"
#include "magnu/scan/engine.hpp"
#include "magnu/scan/grid_scan.hpp"

namespace magnu {

/// Values that are on disk for good.
struct Segment {
  std::uint64_t count = 0;  ///< of detectors
  std::string checksum;     ///< XXH3 of their bytes
};

/// What stands beside values on their way: a small file, replaced as a whole.
struct Manifest {
  RunIdentity identity;
  std::string study;                  ///< as YAML, for who asks what differs
  std::size_t shard = 1, shards = 1;  ///< from 1
  DetectorRange range;
  std::size_t width = 1;  ///< values of a detector
  std::vector<Segment> segments;
  Counters counters;
  double seconds = 0;  ///< of computation
  bool finished = false;
  std::string command;  ///< that computes these values
  Worker worker;

  std::size_t done() const;
  /// Null where there is none; OutputError where it cannot be understood.
  static std::optional<Manifest> read(const std::filesystem::path& path);
  void write(const std::filesystem::path& path) const;
};

/// Values appended to an open file and sealed now and then: flushed to disk, then entered into the
/// manifest with their checksum. What was not sealed does not count and is computed again.
class Checkpoint {
 public:
  /// Values go into `file` where `layout` says. `manifest` says what they are; its segments stand
  /// in the file already. Nothing is sealed before `every` seconds are over, nor where nothing
  /// came.
  Checkpoint(std::filesystem::path path, Manifest manifest, int file, ValueLayout layout,
             double every);
  ~Checkpoint();

  const Manifest& manifest() const { return manifest_; }

  /// The next detectors' values, [detectors][width].
  void append(std::span<const double> values);
  /// Seals when it is time.
  void tick(const Counters& counters);
  void seal(const Counters& counters, bool finished);

 private:
  using Clock = std::chrono::steady_clock;
  struct Hash;

  std::filesystem::path path_;
  Manifest manifest_;
  Counters before_;  ///< of earlier runs
  double seconds_before_;
  int file_;
  ValueLayout layout_;
  std::size_t done_;  ///< detectors
  double every_;
  std::uint64_t unsealed_ = 0;
  std::unique_ptr<Hash> hash_;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

using ValueSink = std::function<void(std::span<const double>)>;

/// Reads the segments of a manifest from a file, hands their values to `sink` (which may be null)
/// as they come, and says whether all are as they were sealed. `intact`: how many leading ones are.
bool copy_segments(const Manifest& manifest, int file, const ValueLayout& layout,
                   const ValueSink& sink, std::size_t* intact = nullptr);

}  // namespace magnu
