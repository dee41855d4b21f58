#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "magnu/io/results/values_at.hpp"
#include "magnu/scan/study.hpp"

namespace magnu {

struct RunIdentity;

/// What a file says of where it is from.
struct LimitsOrigin {
  std::string study, program = {}, study_hash = {}, data_hash = {};
};
LimitsOrigin origin_of(const std::string& study, const RunIdentity& identity);

/// The limits of a grid (or what its detectors need to reach one) on their way into limits.h5 and,
/// if they are few, limits.csv. Both stand under temporary names until `finish`, and go again if
/// that is not reached, unless a checkpoint needs the part that was written. limits.h5 holds a
/// dataset for each quantity, mu_eff [mu_B] the first, with one named dimension per axis, `curve`
/// first, and the axes as dimension scales with their units; the limits are written straight into
/// place, so memory does not grow with the grid.
class LimitsFile {
 public:
  /// Rows beyond which no CSV is written, unless told otherwise.
  static constexpr std::size_t default_csv_rows = 100'000;

  /// Of limits.h5, about.
  static double bytes(const Grid& grid, bool surface);

  /// Refuses (OutputError) what the disk cannot hold.
  /// With `go_on` the part that an earlier run left is taken up again: everything in it but the
  /// values, which whoever sealed them checks, is compared with a file made anew and put right.
  /// With `surface`, delta chi^2 over the scanned mu_eff goes in too: [curves][axes][mu].
  LimitsFile(std::filesystem::path folder, const LimitsOrigin& origin, const Grid& grid,
             std::size_t csv_rows, bool surface = false, bool go_on = false);
  ~LimitsFile();
  LimitsFile(const LimitsFile&) = delete;

  /// The next detectors' values in storage order, [detectors][width].
  void append(std::span<const double> values);

  /// For a checkpoint, which writes limits itself: where they go, how many there are, and that they
  /// must outlive this object.
  int descriptor() const { return file_; }
  const ValueLayout& layout() const { return layout_; }
  void advance(std::size_t detectors) { written_ += detectors; }
  void keep_part() { keep_part_ = true; }
  static bool has_part(const std::filesystem::path& folder);
  static void drop_part(const std::filesystem::path& folder);
  /// Makes a whole file the part of a run again that was killed before it was done.
  static void take_back(const std::filesystem::path& folder);

  /// Everything on disk and under its own name.
  void finish();

  /// What `finish` leaves.
  std::vector<std::string> names() const;

 private:
  class Surface;

  std::string header() const;
  std::string row(std::size_t detector, std::span<const double> values) const;
  void restore_around_values();
  void finish_surface(std::span<const double> limits, std::size_t first);
  std::filesystem::path part(const char* name) const;
  [[noreturn]] void fail(const char* name) const;

  std::filesystem::path folder_;
  const Grid& grid_;
  bool csv_;
  int file_ = -1;
  ValueLayout layout_;
  std::uint64_t surface_offset_ = 0;
  std::unique_ptr<Surface> surface_;
  std::size_t written_ = 0;  ///< detectors
  bool keep_part_ = false;
};

}  // namespace magnu
