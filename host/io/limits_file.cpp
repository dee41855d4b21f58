#include "magnu/io/limits_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "magnu/core/csv.hpp"
#include "magnu/core/error.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

constexpr const char* h5_name = "limits.h5";
constexpr const char* csv_name = "limits.csv";

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

/// A dimension scale of numbers, or of words where `numbers` is empty.
void write_scale(hid_t file, hid_t limits, unsigned dimension, const std::string& name,
                 const std::string& unit, const std::vector<double>& numbers,
                 const std::vector<std::string>& words, const fs::path& path) {
  const hsize_t size = words.size();
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

/// Creates the file with everything but the limits; where these go in it.
std::uint64_t create(const fs::path& path, const std::string& study, const Grid& grid) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose,
                    path);
  set_text(file, "study", study);
  set_text(file, "title", "limits on the neutrino magnetic moment, computed by magnu");
  std::vector<hsize_t> shape{grid.curves().size()};
  for (const auto& axis : grid.axes()) shape.push_back(axis.size());
  const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                     H5Sclose, path);
  const Handle properties(plain_dataset(), H5Pclose, path);
  const Handle limits(
      H5Dcreate2(file, "mu_eff", H5T_IEEE_F64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT),
      H5Dclose, path);
  set_text(limits, "units", "mu_B");
  set_text(limits, "long_name", "limit on the effective neutrino magnetic moment");
  std::vector<std::string> names;
  for (const auto& curve : grid.curves()) names.push_back(curve.name);
  write_scale(file, limits, 0, "curve", "", {}, names, path);
  for (std::size_t a = 0; a < grid.axes().size(); ++a) {
    const auto& axis = grid.axes()[a];
    std::vector<double> numbers;
    if (!axis.field->choice)
      for (const auto& variant : axis.variants.front())
        numbers.push_back(axis.field->number(variant));
    write_scale(file, limits, static_cast<unsigned>(a + 1), axis.field->path, axis.field->unit,
                numbers, axis.labels, path);
  }
  return H5Dget_offset(limits);
}

}  // namespace

LimitsFile::LimitsFile(fs::path folder, const std::string& study, const Grid& grid,
                       std::size_t csv_rows)
    : folder_(std::move(folder)), grid_(grid), csv_(grid.size() <= csv_rows) {
  const double needed = 8.0 * static_cast<double>(grid.size()) + (1 << 20);
  std::error_code ignored;
  const auto space = fs::space(folder_, ignored);
  if (!ignored && needed > static_cast<double>(space.available))
    throw OutputError((folder_ / h5_name).string(),
                      fmt::format("needs {:.3g} GB and the disk has {:.3g} GB left", needed / 1e9,
                                  static_cast<double>(space.available) / 1e9),
                      "shorten an axis, or name a larger disk with --out");
  try {
    offset_ = create(temporary(h5_name), study, grid);
  } catch (...) {
    fs::remove(temporary(h5_name), ignored);
    throw;
  }
  file_ = open(temporary(h5_name).c_str(), O_WRONLY | O_CLOEXEC);
  if (file_ < 0) fail(h5_name);
  rows_ = "curve";
  for (const auto& axis : grid_.axes()) {
    rows_ += "," + axis.field->path;
    if (axis.field->unit == "keV") rows_ += "_keV";
    if (axis.field->unit == "tonne year") rows_ += "_tonne_year";
  }
  rows_ += ",mu_eff_mu_B\n";
}

LimitsFile::~LimitsFile() {
  if (file_ >= 0) close(file_);
  std::error_code ignored;
  for (const char* name : {h5_name, csv_name}) fs::remove(temporary(name), ignored);
}

fs::path LimitsFile::temporary(const char* name) const {
  return folder_ / fmt::format(".{}.{}.tmp", name, getpid());
}

void LimitsFile::fail(const char* name) const {
  throw OutputError((folder_ / name).string(),
                    std::string("cannot be written: ") + std::strerror(errno),
                    "the folder's former results are untouched; free space or name another folder "
                    "with --out");
}

void LimitsFile::append(std::span<const double> limits) {
  const char* data = reinterpret_cast<const char*>(limits.data());
  for (std::size_t done = 0; done < limits.size_bytes();) {
    const auto at = static_cast<off_t>(offset_ + 8 * written_ + done);
    const auto count = pwrite(file_, data + done, limits.size_bytes() - done, at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(h5_name);
    done += static_cast<std::size_t>(count);
  }
  if (csv_) {
    const std::size_t per_curve = grid_.size() / grid_.curves().size();
    for (std::size_t i = 0; i < limits.size(); ++i) {
      const std::size_t curve = (written_ + i) / per_curve;
      const auto index = grid_.unravel((written_ + i) % per_curve);
      rows_ += csv_field(grid_.curves()[curve].name);
      for (std::size_t a = 0; a < index.size(); ++a) {
        const auto& axis = grid_.axes()[a];
        rows_ += axis.field->choice
                     ? "," + csv_field(axis.labels[index[a]])
                     : fmt::format(",{}", axis.field->number(axis.variants[curve][index[a]]));
      }
      fmt::format_to(std::back_inserter(rows_), ",{}\n", limits[i]);
    }
  }
  written_ += limits.size();
}

std::vector<std::string> LimitsFile::names() const {
  return csv_ ? std::vector<std::string>{h5_name, csv_name} : std::vector<std::string>{h5_name};
}

void LimitsFile::finish() {
  if (written_ != grid_.size())
    throw Error(fmt::format("{} limits of {} were computed", written_, grid_.size()));
  if (fsync(file_) != 0) fail(h5_name);
  if (close(std::exchange(file_, -1)) != 0) fail(h5_name);
  if (csv_) {
    const int csv =
        open(temporary(csv_name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (csv < 0) fail(csv_name);
    const bool whole =
        ::write(csv, rows_.data(), rows_.size()) == static_cast<ssize_t>(rows_.size()) &&
        fsync(csv) == 0;
    if (close(csv) != 0 || !whole) fail(csv_name);
  }
  for (const auto& file : names())
    if (const char* name = file.c_str();
        rename(temporary(name).c_str(), (folder_ / name).c_str()) != 0)
      fail(name);
}

}  // namespace magnu
