#include "magnu/io/run/grid_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "magnu/core/error.hpp"
#include "magnu/core/timer.hpp"
#include "magnu/io/results/file_names.hpp"
#include "magnu/io/results/limits_file.hpp"
#include "magnu/io/results/staged_file.hpp"
#include "magnu/io/run/shards.hpp"
#include "magnu/io/run/stop_signal.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/scan/partition.hpp"
#include "magnu/version.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

Manifest new_manifest(const GridRun& run, std::size_t shard, std::size_t shards,
                      const DetectorRange& range) {
  Manifest manifest;
  manifest.identity = identity_of(run);
  manifest.study = effective_yaml(run.study);
  manifest.shard = shard;
  manifest.shards = shards;
  manifest.range = range;
  manifest.width = total_width(run.grid.quantities());
  manifest.command = run.command;
  manifest.worker = Worker::self();
  return manifest;
}

/// In what a manifest is of another run; empty where it is of the same.
std::string difference_of(const Manifest& earlier, const Manifest& fresh) {
  auto difference = fresh.identity.difference(earlier.identity);
  if (earlier.identity.study != fresh.identity.study)
    difference += "; " + first_difference(earlier.study, fresh.study);
  return difference;
}

/// InputError where a manifest is of another run. Asked before any file of it is touched.
void expect_same_run(const Manifest& earlier, const Manifest& fresh, const fs::path& place) {
  const auto difference = difference_of(earlier, fresh);
  if (!difference.empty() || earlier.range.first != fresh.range.first ||
      earlier.range.end != fresh.range.end)
    throw InputError({place.string(), 0, "", ""},
                     "the checkpoint there is of another run: " +
                         (difference.empty() ? "another layout of shards" : difference),
                     "go on with what made it, or remove it and start again");
}

/// The manifest of an earlier try with the segments that are still good, or a new one.
Manifest taken_up(const GridRun& run, std::optional<Manifest> earlier, const Manifest& fresh,
                  int file, const ValueLayout& layout, const fs::path& place,
                  const Observer& observer) {
  if (!earlier) return fresh;
  expect_same_run(*earlier, fresh, place);
  std::size_t intact = 0, seen = 0;
  const auto see = [&](std::span<const double> values) {
    show(observer, seen, values, layout.width());
    seen += values.size() / layout.width();
  };
  if (!copy_segments(*earlier, file, layout, see, &intact)) {
    spdlog::warn(
        "{}: only {} of {} sealed segments are as they were written; the rest is computed "
        "again",
        place.string(), intact, earlier->segments.size());
    earlier->segments.resize(intact);
    earlier->finished = false;
  }
  spdlog::info("{} goes on at {} of {}", place.parent_path().string(), earlier->done(),
               counted(earlier->range.end - earlier->range.first, "detector"));
  earlier->command = run.command;
  earlier->worker = Worker::self();
  return *earlier;
}

/// Seconds after which a stop waits for no limit more.
constexpr double patience = 2;

/// Scans what a checkpoint lacks of its range. Throws Stopped with everything so far sealed.
Counters scan_into(const GridRun& run, Checkpoint& checkpoint, const Observer& observer,
                   Progress& progress) {
  const auto range = checkpoint.manifest().range;
  const std::size_t first = range.first + checkpoint.manifest().done();
  progress.skip(static_cast<double>(first - range.first));
  std::size_t done = first - range.first;
  Counters sealed;
  std::optional<Timer> asked;  // to stop
  // Between two limits too where toys take long: what is not done by then is given up.
  const auto told = [&](double part) {
    progress.add(part);
    if (stop_signal() == 0) return;
    if (!asked) asked.emplace();
    if (asked->seconds() < patience) return;
    checkpoint.seal(sealed, false);
    throw Stopped{stop_signal(), done, range.end - range.first};
  };
  return scan_grid(
      run.grid, run.runner, run.evaluation, run.chunk, {first, range.end},
      [&](std::span<const double> values, const Counters& counters) {
        checkpoint.append(values);
        sealed = counters;
        const std::size_t width = checkpoint.manifest().width;
        show(observer, range.first + done, values, width);
        done += values.size() / width;
        if (stop_signal() != 0 && range.first + done < range.end) {
          checkpoint.seal(counters, false);
          throw Stopped{stop_signal(), done, range.end - range.first};
        }
        checkpoint.tick(counters);
      },
      told);
}

}  // namespace

void show(const Observer& observer, std::size_t first, std::span<const double> values,
          std::size_t width) {
  if (!observer) return;
  if (width == 1) return observer(first, values);
  observer(first, first_values(values, width));
}

RunIdentity identity_of(const GridRun& run) {
  return {study_hash(run.study),
          data_hash(),
          version() + " (" + commit() + ")",
          run.runner.instruction_set(),
          run.runner.name() + (run.runner.name() == "cpu" ? "" : ", " + run.runner.device()),
          std::string(run.evaluation == Evaluation::direct ? "direct" : "fast") +
              (run.surface ? with_surface : "")};
}

GridOutcome scan_whole(const GridRun& run, const Observer& observer, Progress& progress,
                       const std::function<void()>& judge) {
  const RunLock lock(run.folder);
  const auto path = run.folder / file_names::checkpoint;
  std::optional<Manifest> earlier;
  if (!run.overwrite || run.resume) {
    earlier = Manifest::read(path);
    // Killed after the values got their name and before the run was whole: they are taken up again.
    const bool named = earlier && earlier->finished &&
                       fs::exists(run.folder / file_names::limits_h5) &&
                       !fs::exists(run.folder / file_names::study_json);
    if (earlier && earlier->finished && run.resume) LimitsFile::take_back(run.folder);
    if (!named && !LimitsFile::has_part(run.folder)) earlier.reset();
  }
  const auto fresh = new_manifest(run, 1, 1, {0, run.grid.size()});
  if (earlier && !run.resume) {
    const auto other = difference_of(*earlier, fresh);
    throw InputError(
        {run.folder.string(), 0, "", ""},
        fmt::format("an unfinished run {}is here, {} of {}{}",
                    other.empty()                                     ? ""
                    : earlier->identity.study != fresh.identity.study ? "of another study "
                                                                      : "of another kind ",
                    earlier->done(), counted(earlier->range.end, "detector"),
                    other.empty() ? "" : ": " + other),
        other.empty() ? "--resume goes on with it, --overwrite starts again"
                      : "name another folder with --out, or throw it away with "
                        "--overwrite; `magnu status` says what goes on with it");
  }
  if (!earlier) forget_checkpoint(run.folder);
  const bool go_on = earlier.has_value();
  if (run.resume && !go_on)
    spdlog::info("{}: no unfinished run is here: all is computed", run.folder.string());
  if (go_on) expect_same_run(*earlier, fresh, path);
  LimitsFile file(run.folder, origin_of(run.study.name, identity_of(run)), run.grid, run.csv_rows,
                  run.surface, go_on);
  if (go_on) file.keep_part();
  Checkpoint checkpoint(
      path, taken_up(run, earlier, fresh, file.descriptor(), file.layout(), path, observer),
      file.descriptor(), file.layout(), run.checkpoint_every);
  GridOutcome outcome;
  outcome.resumed_at = checkpoint.manifest().done();
  outcome.counters = checkpoint.manifest().counters;
  try {
    outcome.counters += scan_into(run, checkpoint, observer, progress);
  } catch (...) {
    if (!checkpoint.manifest().segments.empty()) file.keep_part();
    throw;
  }
  if (!checkpoint.manifest().segments.empty()) {
    file.keep_part();  // finishing may fail too
    checkpoint.seal(outcome.counters, true);
  }
  if (judge) judge();
  file.advance(run.grid.size());
  file.finish();
  outcome.names = file.names();
  outcome.seconds = checkpoint.manifest().seconds;
  return outcome;
}

void clear_unfinished(const fs::path& folder, bool overwrite) {
  if (!overwrite && fs::exists(folder / file_names::checkpoint))
    throw InputError({folder.string(), 0, "", ""}, "an unfinished run of another study is here",
                     "name another folder with --out, or throw it away with --overwrite");
  forget_checkpoint(folder);
  LimitsFile::drop_part(folder);
}

void forget_checkpoint(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / file_names::checkpoint, ignored);
}

GridOutcome scan_shard(const GridRun& run, std::size_t shard, std::size_t shards,
                       Progress& progress) {
  const auto all = run.folder / file_names::shards;
  const auto study = effective_yaml(run.study),
             of_folder = read_if_there(shards_study(run.folder)).value_or("");
  if (!of_folder.empty() && of_folder != study)
    throw InputError(
        {run.folder.string(), 0, "", ""},
        "the folder holds shards of another study: " + first_difference(of_folder, study),
        "name another with --out, or remove " + all.string());
  const auto folder = shard_folder(run.folder, shard, shards);
  std::error_code problem;
  const auto make_folder = [&](const fs::path& path) {
    fs::create_directories(path, problem);
    if (problem)
      throw OutputError(path.string(), "cannot be made a folder: " + problem.message(),
                        "name another with --out");
  };
  make_folder(all);
  const auto identity = identity_of(run), agreed = identity.agreed(all / file_names::run_json);
  if (const auto other = identity.difference(agreed); !other.empty())
    throw InputError(
        {run.folder.string(), 0, "", ""}, "its shards are of another kind: " + other,
        (other.starts_with("instruction set")
             ? fmt::format("use --isa {}, or where processors differ one that all of them have",
                           agreed.instruction_set)
             : "compute all of them alike") +
            "; to begin anew, remove " + all.string());
  make_folder(folder);
  const RunLock lock(folder);
  if (of_folder.empty()) replace_file(shards_study(run.folder), study);
  const auto path = folder / file_names::manifest, values = folder / file_names::values;
  if (const auto status = fs::status(values, problem);
      fs::exists(status) && !fs::is_regular_file(status))
    throw OutputError(values.string(), "is no file", "remove it");
  const int file = open(values.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0)
    throw OutputError(values.string(), std::string("cannot be written: ") + std::strerror(errno),
                      "name another folder with --out");
  const std::unique_ptr<const int, void (*)(const int*)> closed(&file,
                                                                [](const int* f) { close(*f); });
  const auto fresh = new_manifest(run, shard, shards, part_of(run.grid, shard, shards));
  const ValueLayout layout{{{0, fresh.width}}};
  const double needed =
      8.0 * static_cast<double>(fresh.width * (fresh.range.end - fresh.range.first));
  if (const auto space = fs::space(folder, problem);
      !problem && needed > static_cast<double>(space.available + fs::file_size(values)))
    throw OutputError(values.string(),
                      fmt::format("needs {:.3g} GB and the disk has {:.3g} GB left", needed / 1e9,
                                  static_cast<double>(space.available) / 1e9),
                      "name a larger disk with --out");
  std::optional<Manifest> earlier;
  try {
    earlier = Manifest::read(path);
  } catch (const OutputError& broken) {  // nothing says what the values are worth
    spdlog::warn("{}: the shard is computed again", broken.what());
  }
  Checkpoint checkpoint(path, taken_up(run, earlier, fresh, file, layout, path, {}), file, layout,
                        run.checkpoint_every);
  GridOutcome outcome;
  outcome.resumed_at = checkpoint.manifest().done();
  outcome.names = {values.string()};
  if (checkpoint.manifest().finished) {
    spdlog::info("{} is finished already", folder.string());
  } else {
    checkpoint.seal(scan_into(run, checkpoint, {}, progress), true);
  }
  outcome.counters = checkpoint.manifest().counters;
  outcome.seconds = checkpoint.manifest().seconds;
  return outcome;
}

}  // namespace magnu
