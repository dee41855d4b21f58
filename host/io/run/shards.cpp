#include "magnu/io/run/shards.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>

#include "magnu/core/error.hpp"
#include "magnu/io/results/file_names.hpp"
#include "magnu/io/results/limits_file.hpp"
#include "magnu/io/results/readable.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/io/study/study_file.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

/// A file descriptor that closes itself; negative for what is no regular file: a pipe would wait
/// for its other end.
class Descriptor {
 public:
  explicit Descriptor(const fs::path& path)
      : id_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    struct stat about = {};
    if (id_ < 0 || (fstat(id_, &about) == 0 && S_ISREG(about.st_mode))) return;
    close(id_);
    id_ = -1;
  }
  ~Descriptor() {
    if (id_ >= 0) close(id_);
  }
  Descriptor(const Descriptor&) = delete;
  operator int() const { return id_; }

 private:
  int id_;
};

bool parse_name(const std::string& name, std::size_t& shard, std::size_t& shards) {
  return std::sscanf(name.c_str(), "%zu-of-%zu", &shard, &shards) == 2;
}

/// Whether the values of a shard are there; with `checksums` also whether they are what they were.
void check_values(const fs::path& folder, const Manifest& manifest, bool checksums) {
  const auto path = folder / file_names::values;
  const Descriptor values(path);
  std::error_code problem;
  const bool there =
      values >= 0 && fs::file_size(path, problem) >= 8 * manifest.width * manifest.done();
  if (!there || (checksums && !copy_segments(manifest, values, {{{0, manifest.width}}}, {})))
    throw OutputError(path.string(),
                      there ? "is damaged: its checksum does not fit" : "is missing or cut short",
                      "");
}

/// What a batch script left where its program failed.
std::string failure_of(const fs::path& folder) {
  const auto path = folder / file_names::failed;
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return "";
  std::ifstream file(path);
  std::string text;
  std::getline(file, text);
  return text;
}

/// What a manifest says of its shard, and `check` of the values.
ShardState state_of(const fs::path& path, std::size_t shard, std::size_t shards,
                    const std::function<void(const Manifest&)>& check) {
  ShardState state{shard, shards, ShardState::Kind::missing, "not begun", false, {}, 0};
  const auto folder = path.parent_path();
  const auto holder = lock_holder(folder);
  const bool held = !holder.host.empty() && holder.runs();
  try {
    if (const auto manifest = Manifest::read(path)) {
      state.manifest = *manifest;
      state.foreign = manifest->shard != shard || manifest->shards != shards;
      if (state.foreign)
        throw OutputError(path.string(),
                          fmt::format("is of shard {}/{}", manifest->shard, manifest->shards),
                          "remove the folder");
      std::error_code ignored;
      state.age = std::chrono::duration<double>(fs::file_time_type::clock::now() -
                                                fs::last_write_time(path, ignored))
                      .count();
      state.kind = manifest->finished ? ShardState::Kind::finished
                   : held             ? ShardState::Kind::running
                                      : ShardState::Kind::stopped;
      state.what = held ? holder.text() : "";
      check(*manifest);
    } else if (held) {
      state.kind = ShardState::Kind::running;
      state.what = holder.text();
    }
  } catch (const Error& problem) {
    state.kind = ShardState::Kind::broken;
    state.what = problem.what();
  }
  using enum ShardState::Kind;
  if (const auto failure = failure_of(folder);
      !failure.empty() && (state.kind == missing || state.kind == stopped)) {
    state.kind = failed;
    state.what = failure;
  }
  return state;
}

constexpr const char* kind_names[] = {"missing", "broken", "running",
                                      "stopped", "failed", "finished"};

/// How far it is and who works on it.
std::string line_of(const ShardState& s) {
  auto text = fmt::format("  {}", kind_names[static_cast<int>(s.kind)]);
  const auto size = s.manifest.range.end - s.manifest.range.first;
  if (size > 0 && s.kind != ShardState::Kind::broken)
    text += fmt::format("  {:.0f} %, sealed {} ago",
                        100 * static_cast<double>(s.manifest.done()) / static_cast<double>(size),
                        duration_text(s.age));
  return text + (s.what.empty() ? "" : "  " + s.what) + "\n";
}

/// Of the identity that most finished shards have; null where none is finished.
const Manifest* most_common(const std::vector<ShardState>& states) {
  std::vector<std::pair<const Manifest*, std::size_t>> kinds;
  for (const auto& s : states) {
    if (s.kind != ShardState::Kind::finished) continue;
    const auto same = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) {
      return kind.first->identity.difference(s.manifest.identity).empty();
    });
    if (same == kinds.end()) {
      kinds.push_back({&s.manifest, 1});
    } else {
      ++same->second;
    }
  }
  const auto most = std::max_element(
      kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == kinds.end() ? nullptr : most->first;
}

}  // namespace

fs::path shard_folder(const fs::path& results, std::size_t shard, std::size_t shards) {
  return results / file_names::shards / fmt::format("{:05}-of-{:05}", shard, shards);
}

fs::path shards_study(const fs::path& results) {
  return results / file_names::shards / file_names::study_yaml;
}

std::size_t shard_count(const fs::path& results) {
  std::size_t shards = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(results / file_names::shards, ignored)) {
    std::size_t shard = 0, of = 0;
    if (!parse_name(entry.path().filename().string(), shard, of)) continue;
    if (shards != 0 && of != shards)
      throw InputError(
          {results.string(), 0, "", ""}, fmt::format("it holds shards of {} and of {}", shards, of),
          fmt::format("remove those that are not wanted, for example {}",
                      (results / file_names::shards / fmt::format("*-of-{:05}", of)).string()));
    shards = of;
  }
  return shards;
}

std::vector<ShardState> shard_states(const fs::path& results, bool checksums) {
  const auto shards = shard_count(results);
  if (shards == 0)
    throw InputError({results.string(), 0, "", ""}, "the folder holds no shards",
                     "compute them with: magnu scan STUDY --shard 1/N --out " + results.string());
  std::vector<ShardState> states;
  for (std::size_t shard = 1; shard <= shards; ++shard) {
    const auto folder = shard_folder(results, shard, shards);
    states.push_back(
        state_of(folder / file_names::manifest, shard, shards, [&](const Manifest& manifest) {
          check_values(folder, manifest, checksums && manifest.finished);
        }));
  }
  return states;
}

std::string command_for(const std::string& command, std::size_t shard, std::size_t shards) {
  const std::string option = "--shard ";
  const auto at = command.find(option);
  if (at == std::string::npos) return command;
  const auto from = at + option.size(), to = command.find(' ', from);
  return command.substr(0, from) + fmt::format("{}/{}", shard, shards) +
         (to == std::string::npos ? "" : command.substr(to));
}

std::string command_to_resume(const std::string& command) {
  const std::string option = " --resume";
  return command.ends_with(option) || command.find(option + " ") != std::string::npos
             ? command
             : command + option;
}

std::string scan_status(const fs::path& results) {
  const bool alone = !fs::exists(results / file_names::shards);  // else a lock is the merge's
  const bool locked = alone && !lock_holder(results).host.empty();
  if (!fs::exists(results / file_names::checkpoint) && !locked)
    return fs::exists(results / file_names::study_json) && alone ? "scan  finished\n" : "";
  const auto state = state_of(results / file_names::checkpoint, 1, 1, [](const Manifest&) {});
  if (state.kind == ShardState::Kind::missing)
    return "scan  stopped before it sealed anything: run it again\n";
  auto text = "scan" + line_of(state);
  if (state.kind == ShardState::Kind::stopped && !state.manifest.command.empty())
    text += "go on with: " + command_to_resume(state.manifest.command) + "\n";
  return text;
}

std::string status_report(const std::vector<ShardState>& states) {
  using enum ShardState::Kind;
  std::map<ShardState::Kind, std::size_t> counts;
  std::string text;
  double done = 0, all = 0, rate = 0, known = 0;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const auto& s = states[i];
    ++counts[s.kind];
    const auto size = static_cast<double>(s.manifest.range.end - s.manifest.range.first);
    const auto here = s.kind == broken ? 0 : static_cast<double>(s.manifest.done());
    all += size;
    known += size > 0;
    done += here;
    if (s.kind == running && s.manifest.seconds > 0) rate += here / s.manifest.seconds;
    if (s.kind == finished) continue;
    std::size_t last = i;  // of shards that have not begun
    while (s.kind == missing && last + 1 < states.size() && states[last + 1].kind == missing)
      ++last;
    counts[missing] += last - i;
    text += (last == i ? fmt::format("shard {}/{}", s.shard, s.shards)
                       : fmt::format("shards {}-{}/{}", s.shard, states[last].shard, s.shards)) +
            line_of(s);
    i = last;
  }
  if (known > 0) all *= static_cast<double>(states.size()) / known;  // the rest is like these
  const bool whole = counts[finished] == states.size();
  text += fmt::format(
      "{}: {} finished, {} running, {} stopped, {} failed, {} broken, {} missing; "
      "{:.1f} % done",
      counted(states.size(), "shard"), counts[finished], counts[running], counts[stopped],
      counts[failed], counts[broken], counts[missing],
      whole     ? 100
      : all > 0 ? std::min(99.9, 100 * done / all)
                : 0.0);
  if (rate > 0 && all > done) text += ", about " + duration_text((all - done) / rate) + " left";
  return text + "\n";
}

MergeResult merge_shards(const fs::path& results, const Study& study, std::size_t csv_rows,
                         const Observer& observer, std::vector<std::string>& names) {
  const auto states = shard_states(results);
  MergeResult result;
  for (const auto& s : states)  // for its command, where none is finished
    if (result.first.command.empty()) result.first = s.manifest;
  if (const auto* manifest = most_common(states)) result.first = *manifest;
  const auto hash = study_hash(study);

  std::string problems;
  const auto complain = [&](const ShardState& s, const std::string& what, bool foreign = false) {
    problems += fmt::format("\n  shard {}/{}: {}", s.shard, s.shards, what);
    if (foreign || s.foreign)
      problems += "; remove " + shard_folder(results, s.shard, s.shards).string();
    if (!result.first.command.empty())
      problems += "; compute it with: " + command_for(result.first.command, s.shard, s.shards);
  };
  const Grid grid(study.curves, study.axes, study.reach);
  const std::size_t width = total_width(grid.quantities());
  std::size_t expected = 0;
  for (const auto& s : states) {
    if (s.kind != ShardState::Kind::finished) {
      complain(s,
               s.kind == ShardState::Kind::running ? "still running: " + s.what
               : s.kind == ShardState::Kind::stopped
                   ? fmt::format("stopped at {} of {}", s.manifest.done(),
                                 counted(s.manifest.range.end - s.manifest.range.first, "detector"))
                   : s.what);
      expected = 0;
      continue;
    }
    const auto difference = s.manifest.identity.difference(result.first.identity);
    if (!difference.empty()) {
      complain(s, difference, true);
    } else if (s.manifest.identity.study != hash) {
      complain(s,
               fmt::format("study hash {} here, {} in {}", s.manifest.identity.study, hash,
                           shards_study(results).string()),
               true);
    } else if (s.manifest.done() != s.manifest.range.end - s.manifest.range.first ||
               (expected != 0 && s.manifest.range.first != expected)) {
      complain(s, "does not continue the shard before it");
    } else if (s.manifest.width != width) {
      complain(s, "holds other quantities");
    }
    expected = s.manifest.range.end;
  }
  if (!problems.empty()) throw Error(results.string() + ": nothing is merged:" + problems);
  if (states.front().manifest.range.first != 0 || expected != grid.size())
    throw Error(results.string() + ": nothing is merged: the shards do not cover the study");

  const bool surface = result.first.identity.evaluation.ends_with(with_surface);
  LimitsFile file(results, origin_of(study.name, result.first.identity), grid, csv_rows, surface);
  std::size_t seen = 0;
  for (const auto& s : states) {
    const auto path = shard_folder(results, s.shard, s.shards) / file_names::values;
    const Descriptor values(path);
    const auto take = [&](std::span<const double> some) {
      show(observer, seen, some, width);
      file.append(some);
      seen += some.size() / width;
    };
    const bool intact = copy_segments(s.manifest, values, {{{0, width}}}, take);
    if (values < 0 || !intact)
      complain(s, path.string() + " is damaged: its checksum does not fit");
    result.detectors += s.manifest.done();
    result.seconds += s.manifest.seconds;
    result.counters += s.manifest.counters;
  }
  if (!problems.empty()) throw Error(results.string() + ": nothing is merged:" + problems);
  file.finish();
  names = file.names();
  return result;
}

}  // namespace magnu
