#include "magnu/io/results/limits_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "magnu/core/csv.hpp"
#include "magnu/core/error.hpp"
#include "magnu/io/results/file_names.hpp"
#include "magnu/io/results/run_identity.hpp"
#include "magnu/io/results/values_at.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

using file_names::limits_csv;
using file_names::limits_h5;
constexpr const char* surface_name = "delta_chi2";
constexpr const char* skeleton = "limits.h5.skeleton";  ///< all of limits.h5 but the values

/// Where a file stands until it is whole.
fs::path part_in(const fs::path& folder, const char* name) {
  return folder / fmt::format(".{}.part", name);
}

/// An HDF5 handle that closes itself; a failed call is an OutputError on the file.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t), const fs::path& path) : id_(id), close_(close) {
    if (id < 0)
      throw OutputError(path.string(), "HDF5 could not write it", "free space and run again");
  }
  ~Handle() { close_(id_); }
  Handle(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// Creation properties without times and fill values, allocated at once: the file's bytes depend on
/// its contents alone.
hid_t plain_dataset() {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, 0);
  H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  return properties;
}

void set_text(hid_t object, const char* name, const std::string& text) {
  H5LTset_attribute_string(object, ".", name, text.c_str());
}

void set_number(hid_t object, const char* name, double value) {
  H5LTset_attribute_double(object, ".", name, &value, 1);
}

/// A dimension scale of numbers, or of words where `numbers` is empty.
void write_scale(hid_t file, hid_t limits, unsigned dimension, const std::string& name,
                 const std::string& unit, const std::vector<double>& numbers,
                 const std::vector<std::string>& words, const fs::path& path) {
  const hsize_t size = numbers.empty() ? words.size() : numbers.size();
  const Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose, path);
  const Handle properties(plain_dataset(), H5Pclose, path);
  if (numbers.empty()) H5Pset_fill_time(properties, H5D_FILL_TIME_IFSET);  // text must be filled
  const Handle type(numbers.empty() ? H5Tcopy(H5T_C_S1) : H5Tcopy(H5T_IEEE_F64LE), H5Tclose, path);
  if (numbers.empty()) {
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
  }
  const Handle scale(
      H5Dcreate2(file, name.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT), H5Dclose,
      path);
  std::vector<const char*> pointers;
  for (const auto& word : words) pointers.push_back(word.c_str());
  const void* data = numbers.empty() ? static_cast<const void*>(pointers.data()) : numbers.data();
  const hid_t memory = numbers.empty() ? static_cast<hid_t>(type) : H5T_NATIVE_DOUBLE;
  if (H5Dwrite(scale, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0 ||
      H5DSset_scale(scale, name.c_str()) < 0 || H5DSattach_scale(limits, scale, dimension) < 0)
    throw OutputError(path.string(), "HDF5 could not write it", "free space and run again");
  if (!unit.empty()) set_text(scale, "units", unit);
}

/// A dataset of doubles to be filled in place.
hid_t plain_doubles(hid_t file, const std::string& name, const std::vector<hsize_t>& shape,
                    const fs::path& path) {
  const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                     H5Sclose, path);
  const Handle properties(plain_dataset(), H5Pclose, path);
  return H5Dcreate2(file, name.c_str(), H5T_IEEE_F64LE, space, H5P_DEFAULT, properties,
                    H5P_DEFAULT);
}

/// Attaches the scales of curves and axes to a dataset; made for the first one.
void attach_scales(hid_t file, hid_t dataset, const Grid& grid, bool make, const fs::path& path) {
  const auto attach = [&](unsigned dimension, const std::string& name, const std::string& unit,
                          const std::vector<double>& numbers,
                          const std::vector<std::string>& words) {
    if (make) return write_scale(file, dataset, dimension, name, unit, numbers, words, path);
    const Handle scale(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose, path);
    if (H5DSattach_scale(dataset, scale, dimension) < 0)
      throw OutputError(path.string(), "HDF5 could not write it", "free space and run again");
  };
  std::vector<std::string> names;
  for (const auto& curve : grid.curves()) names.push_back(curve.name);
  attach(0, "curve", "", {}, names);
  for (std::size_t a = 0; a < grid.axes().size(); ++a) {
    const auto& axis = grid.axes()[a];
    std::vector<double> numbers;
    for (std::size_t i = 0; i < axis.values.size(); ++i) numbers.push_back(axis.number(i));
    attach(static_cast<unsigned>(a + 1), axis.field->path, axis.field->unit, numbers, axis.words);
  }
}

/// Where the datasets go in a file.
struct Offsets {
  ValueLayout values;
  std::uint64_t surface = 0;
};

/// The confidence levels by curve, or one for all; not where they are an axis.
void set_levels(hid_t limits, const Grid& grid) {
  for (const auto& axis : grid.axes())
    if (axis.field->path == "confidence_level") return;
  std::vector<double> levels;
  for (const auto& curve : grid.curves()) levels.push_back(curve.confidence_level);
  const bool same = std::all_of(levels.begin(), levels.end(),
                                [&](double level) { return level == levels.front(); });
  // An attribute holds 64 kB at most.
  if (same || levels.size() <= 8000)
    H5LTset_attribute_double(limits, ".", "confidence_level", levels.data(),
                             same ? 1 : levels.size());
}

/// Creates the file with everything but the values.
void create(const fs::path& path, const LimitsOrigin& origin, const Grid& grid, bool surface) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose,
                    path);
  set_text(file, "study", origin.study);
  set_text(file, "title", "sensitivity to the neutrino magnetic moment, computed by magnu");
  set_text(file, "program", origin.program);
  set_text(file, "study_hash", origin.study_hash);
  set_text(file, "data_hash", origin.data_hash);
  std::vector<hsize_t> shape{grid.curves().size()};
  for (const auto& axis : grid.axes()) shape.push_back(axis.size());
  bool first = true;
  for (const auto& quantity : grid.quantities()) {
    auto own = shape;
    if (!quantity.dimension.empty()) own.push_back(quantity.width());
    const Handle values(plain_doubles(file, quantity.name, own, path), H5Dclose, path);
    if (!quantity.unit.empty()) set_text(values, "units", quantity.unit);
    set_text(values, "long_name", quantity.meaning);
    if (first) set_levels(values, grid);
    attach_scales(file, values, grid, first, path);
    if (!quantity.dimension.empty())
      write_scale(file, values, static_cast<unsigned>(shape.size()), quantity.dimension, "",
                  quantity.places, {}, path);
    if (const auto* reach = grid.reach(); reach && first) {
      set_number(values, "goal_mu_B", reach->mu_eff);
      set_number(values, "from", reach->from());
      set_number(values, "to", reach->to());
    }
    first = false;
  }
  if (!surface) return;
  const auto mu = grid.curves().front().mu_eff.values();
  shape.push_back(mu.size());
  const Handle chi2(plain_doubles(file, surface_name, shape, path), H5Dclose, path);
  set_text(chi2, "long_name", "delta chi^2 of the scanned magnetic moments");
  attach_scales(file, chi2, grid, false, path);
  write_scale(file, chi2, static_cast<unsigned>(shape.size() - 1), "mu", "mu_B", mu, {}, path);
}

Offsets find_offsets(const fs::path& path, const Grid& grid, bool surface) {
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path);
  Offsets offsets;
  for (const auto& quantity : grid.quantities()) {
    const Handle values(H5Dopen2(file, quantity.name.c_str(), H5P_DEFAULT), H5Dclose, path);
    offsets.values.parts.push_back({H5Dget_offset(values), quantity.width()});
  }
  if (surface) {
    const Handle chi2(H5Dopen2(file, surface_name, H5P_DEFAULT), H5Dclose, path);
    offsets.surface = H5Dget_offset(chi2);
  }
  return offsets;
}

/// A stretch of bytes of a file.
struct ByteRange {
  std::uint64_t first = 0, end = 0;
};

/// Makes `file` the bytes of `model` but for the ranges `kept`, ascending; returns how many bytes
/// were others. False where reading or writing failed.
bool restore(int model, int file, const std::vector<ByteRange>& kept, std::uint64_t& mended) {
  const off_t size = lseek(model, 0, SEEK_END), had = lseek(file, 0, SEEK_END);
  if (size < 0 || had < 0 || (had != size && ftruncate(file, size) != 0)) return false;
  mended = had == size ? 0 : 1;
  std::vector<char> right(std::size_t{1} << 16), found(right.size());
  const auto restore_range = [&](std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t at = from; at < to; at += right.size()) {
      const auto some = std::min<std::uint64_t>(right.size(), to - at);
      const auto place = static_cast<off_t>(at);
      const auto all = static_cast<ssize_t>(some);
      if (pread(model, right.data(), some, place) != all ||
          pread(file, found.data(), some, place) != all)
        return false;
      if (std::memcmp(right.data(), found.data(), some) == 0) continue;
      for (std::uint64_t i = 0; i < some; ++i) mended += right[i] != found[i];
      if (pwrite(file, right.data(), some, place) != all) return false;
    }
    return true;
  };
  std::uint64_t from = 0;
  for (const auto& range : kept) {
    if (!restore_range(from, range.first)) return false;
    from = range.end;
  }
  return restore_range(from, static_cast<std::uint64_t>(size));
}

}  // namespace

LimitsOrigin origin_of(const std::string& study, const RunIdentity& identity) {
  return {study, "magnu " + identity.program, identity.study, identity.data};
}

/// Delta chi^2 over the scanned moments from the limits: a quartic that is the goal at the limit.
class LimitsFile::Surface {
 public:
  explicit Surface(const Grid& grid) {
    const auto& curves = grid.curves();
    for (const auto& curve : curves)
      if (!(curve.mu_eff == curves.front().mu_eff))
        throw InputError({"", 0, "--surface", curve.name}, "the curves scan different mu_eff",
                         "give all curves one 'mu_eff' range");
    for (const auto& curve : curves)
      if (curve.is_poisson())  // whose profile is no quartic
        throw InputError({"", 0, "--surface", curve.name}, "a likelihood's profile is not kept",
                         "leave it out: magnu fit writes profiles.csv");
    if (grid.reach())
      throw InputError({"", 0, "--surface", ""}, "a study with 'reach' has no limits",
                       "leave one of the two out");
    for (const double mu : curves.front().mu_eff.values()) mu4_.push_back(mu * mu * mu * mu);
    per_curve_ = grid.per_curve();
    stride_ = per_curve_;
    for (std::size_t c = 0; c < curves.size(); ++c) goals_.push_back({curves[c].delta_chi2()});
    std::size_t stride = per_curve_;
    for (const auto& axis : grid.axes()) {
      stride /= axis.size();
      if (axis.field->path != "confidence_level") continue;
      stride_ = stride;
      for (std::size_t c = 0; c < curves.size(); ++c) {
        goals_[c].clear();
        for (const double level : axis.values) goals_[c].push_back(delta_chi2_for(level));
      }
    }
  }

  std::size_t points() const { return mu4_.size(); }

  void add(std::vector<double>& values, std::size_t detector, double limit) const {
    const auto& goals = goals_[detector / per_curve_];
    const double goal = goals[detector % per_curve_ / stride_ % goals.size()];
    const double slope = goal / (limit * limit * limit * limit);
    for (const double mu4 : mu4_) values.push_back(mu4 * slope);
  }

 private:
  std::vector<double> mu4_;
  std::vector<std::vector<double>> goals_;  ///< [curves][confidence levels]
  std::size_t per_curve_ = 1, stride_ = 1;
};

LimitsFile::LimitsFile(fs::path folder, const LimitsOrigin& origin, const Grid& grid,
                       std::size_t csv_rows, bool surface, bool go_on)
    : folder_(std::move(folder)), grid_(grid), csv_(grid.size() <= csv_rows) {
  // HDF5 crashes when it cleans up at exit after a file could not be written; all is closed before.
  static const bool told = H5dont_atexit() >= 0;
  static_cast<void>(told);
  if (surface) surface_ = std::make_unique<Surface>(grid);
  const double needed = bytes(grid, surface);
  std::error_code ignored;
  const auto space = fs::space(folder_, ignored);
  if (!ignored && needed > static_cast<double>(space.available))
    throw OutputError((folder_ / limits_h5).string(),
                      fmt::format("needs {:.3g} GB and the disk has {:.3g} GB left", needed / 1e9,
                                  static_cast<double>(space.available) / 1e9),
                      "shorten an axis, or name a larger disk with --out");
  const auto path = part(limits_h5);
  try {
    // What an earlier run left is not read before it is known to be right: where the values stand
    // is asked of a new file, which also gives back whatever else was damaged.
    const auto whole = go_on ? part(skeleton) : path;
    create(whole, origin, grid, surface);
    const auto offsets = find_offsets(whole, grid, surface);
    layout_ = offsets.values;
    surface_offset_ = offsets.surface;
  } catch (...) {
    fs::remove(go_on ? part(skeleton) : path, ignored);
    throw;
  }
  file_ = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file_ < 0) fail(limits_h5);
  if (go_on) restore_around_values();
}

void LimitsFile::restore_around_values() {
  const auto path = part(skeleton);
  const int model = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::error_code ignored;
  fs::remove(path, ignored);
  if (model < 0) fail(limits_h5);
  std::vector<ByteRange> values;
  for (const auto& p : layout_.parts)
    values.push_back({p.offset, p.offset + 8 * p.width * grid_.size()});
  if (surface_)
    values.push_back({surface_offset_, surface_offset_ + 8 * grid_.size() * surface_->points()});
  std::sort(values.begin(), values.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::uint64_t mended = 0;
  const bool done = restore(model, file_, values, mended);
  close(model);
  if (!done) fail(limits_h5);
  if (mended > 0)
    spdlog::warn("{}: it was damaged beside its values, and is mended", part(limits_h5).string());
}

double LimitsFile::bytes(const Grid& grid, bool surface) {
  const double points = surface ? grid.curves().front().mu_eff.points : 0;
  const auto width = static_cast<double>(total_width(grid.quantities()));
  return 8.0 * (width + points) * static_cast<double>(grid.size()) + (1 << 14);
}

std::string LimitsFile::header() const {
  std::string row = "curve";
  for (const auto& axis : grid_.axes()) row += "," + column_name(*axis.field);
  for (const auto& quantity : grid_.quantities())
    for (const auto& column : quantity.columns) row += "," + column;
  return row + "\n";
}

LimitsFile::~LimitsFile() {
  if (file_ >= 0) close(file_);
  std::error_code ignored;
  if (!keep_part_) fs::remove(part(limits_h5), ignored);
  fs::remove(part(limits_csv), ignored);
}

fs::path LimitsFile::part(const char* name) const {
  return part_in(folder_, name);
}

bool LimitsFile::has_part(const fs::path& folder) {
  return fs::exists(part_in(folder, limits_h5));
}

void LimitsFile::drop_part(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(part_in(folder, limits_h5), ignored);
  fs::remove(part_in(folder, skeleton), ignored);
}

void LimitsFile::take_back(const fs::path& folder) {
  const auto part = part_in(folder, limits_h5);
  std::error_code ignored;
  if (!fs::exists(part) && fs::exists(folder / limits_h5))
    fs::rename(folder / limits_h5, part, ignored);
}

void LimitsFile::fail(const char* name) const {
  throw OutputError((folder_ / name).string(),
                    std::string("cannot be written: ") + std::strerror(errno),
                    "the folder's former results are untouched; free space or name another folder "
                    "with --out");
}

void LimitsFile::append(std::span<const double> values) {
  if (!layout_.write(file_, written_, values)) fail(limits_h5);
  written_ += values.size() / layout_.width();
}

std::string LimitsFile::row(std::size_t detector, std::span<const double> values) const {
  const auto [curve, index] = grid_.place(detector);
  auto text = csv_field(grid_.curves()[curve].name);
  for (std::size_t a = 0; a < index.size(); ++a) {
    const auto& axis = grid_.axes()[a];
    text += axis.field->choice() ? "," + csv_field(axis.words[index[a]])
                                 : fmt::format(",{}", axis.number(index[a]));
  }
  for (const double value : values) text += fmt::format(",{}", value);
  return text + "\n";
}

void LimitsFile::finish_surface(std::span<const double> limits, std::size_t first) {
  const std::size_t points = surface_->points();
  const std::size_t some = std::max<std::size_t>(1, (std::size_t{1} << 20) / points);
  std::vector<double> values;
  for (std::size_t from = 0; from < limits.size(); from += some) {
    values.clear();
    for (std::size_t i = from; i < std::min(from + some, limits.size()); ++i)
      surface_->add(values, first + i, limits[i]);
    if (!write_at(file_, values, surface_offset_ + 8 * (first + from) * points)) fail(limits_h5);
  }
}

std::vector<std::string> LimitsFile::names() const {
  return csv_ ? std::vector<std::string>{limits_h5, limits_csv}
              : std::vector<std::string>{limits_h5};
}

void LimitsFile::finish() {
  if (written_ != grid_.size())
    throw Error(fmt::format("{} limits of {} were computed", written_, grid_.size()));
  std::string rows = csv_ ? header() : "";
  if (csv_ || surface_) {
    const std::size_t width = layout_.width(), most = (std::size_t{1} << 16) / width;
    std::vector<double> values(most * width);
    for (std::size_t first = 0; first < written_; first += most) {
      const auto some = std::span(values).first(std::min(most, written_ - first) * width);
      if (!layout_.read(file_, first, some)) fail(limits_h5);
      if (surface_) finish_surface(first_values(some, width), first);
      if (csv_)
        for (std::size_t i = 0; i < some.size(); i += width)
          rows += row(first + i / width, some.subspan(i, width));
    }
  }
  if (fsync(file_) != 0) fail(limits_h5);
  if (close(std::exchange(file_, -1)) != 0) fail(limits_h5);
  if (csv_) {
    const int csv = open(part(limits_csv).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (csv < 0) fail(limits_csv);
    const bool whole =
        ::write(csv, rows.data(), rows.size()) == static_cast<ssize_t>(rows.size()) &&
        fsync(csv) == 0;
    if (close(csv) != 0 || !whole) fail(limits_csv);
  }
  for (const auto& file : names())
    if (const char* name = file.c_str(); rename(part(name).c_str(), (folder_ / name).c_str()) != 0)
      fail(name);
}

}  // namespace magnu
