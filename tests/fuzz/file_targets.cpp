#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <optional>

#include "harness.hpp"
#include "magnu/io/run/checkpoint.hpp"
#include "magnu/io/results/file_names.hpp"
#include "magnu/io/run/grid_run.hpp"
#include "magnu/io/results/limits_file.hpp"
#include "magnu/io/results/results.hpp"
#include "magnu/io/run/run_lock.hpp"
#include "magnu/io/run/shards.hpp"
#include "magnu/io/study/study_file.hpp"
#include "magnu/scan/cpu_runner.hpp"
#include "targets.hpp"

namespace magnu::fuzz {
namespace {

namespace fs = std::filesystem;

/// A study of six detectors.
struct SmallGrid {
  SmallGrid()
      : path(folder.write("small.yaml",
                          "{channel: nuclear, bins: 2, accuracy: 1e-3, mu_eff: {points: 2}, axes: "
                          "{exposure: [1 tonne year, 2 tonne year, 3 tonne year], background.flat: "
                          "[0, 1]}}")),
        study(read_study(path)),
        grid(study.curves, study.axes, study.reach),
        runner(make_cpu_runner(1, InstructionSet::baseline)) {}

  GridRun run(const fs::path& into) const {
    return {study, grid, *runner, Evaluation::fast, into, 0, 100, false, true, false, 0, "magnu"};
  }

  test::ScratchFolder folder;
  std::string path;
  Study study;
  Grid grid;
  std::unique_ptr<Runner> runner;
};

const SmallGrid& small_grid() {
  static const SmallGrid grid;
  return grid;
}

std::string checksum(const std::string& text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::string with_checksum(const std::string& text) {
  return text + "\n" + checksum(text) + "\n";
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

}  // namespace

void manifest(std::string_view input) {
  const auto& small = small_grid();
  static const test::ScratchFolder folder;
  static const std::string values(3 * sizeof(double), 'v');
  static const auto place = [&](int shard) {
    const auto of_shard = shard_folder(folder.path(), shard, 2);
    fs::create_directories(of_shard);
    std::ofstream(of_shard / file_names::values) << values;
    return of_shard / file_names::manifest;
  };
  static const MemoryFile files[]{MemoryFile(place(1)), MemoryFile(place(2))};
  const auto parts = cut(input, "%NEXT");
  for (const bool first : {true, false}) {
    const auto& file = files[first ? 0 : 1];
    auto text = std::string(first ? parts.first : parts.second);
    text = replaced(text, "@STUDY@", study_hash(small.study));
    text = replaced(text, "@VALUES@", checksum(values));
    file.fill(text.starts_with("!") ? text.substr(1) : with_checksum(text));
    std::optional<Manifest> read;
    if (!accepted(text.size(), [&] { read = Manifest::read(file.path()); })) continue;
    require(read.has_value(), "a file that is there is read");
    const auto copy = folder.path() / "copy";
    read->write(copy);
    const auto second = Manifest::read(copy);
    require(second && second->identity.difference(read->identity).empty() &&
                second->done() == read->done() && second->study == read->study &&
                second->range.end == read->range.end && second->command == read->command,
            "a manifest reads back");
  }
  accepted(input.size(), [&] { status_report(shard_states(folder.path(), true)); });
  std::vector<std::string> names;
  if (accepted(2 * input.size(),
               [&] { merge_shards(folder.path(), small.study, 100, {}, names); })) {
    require(fs::exists(folder.path() / file_names::limits_h5), "what was merged is there");
    fs::remove(folder.path() / file_names::limits_h5);
    fs::remove(folder.path() / file_names::limits_csv);
  }
  for (const auto& entry : fs::directory_iterator(folder.path()))
    require(entry.path().filename() == file_names::shards || entry.path().filename() == "copy",
            "merging leaves nothing else");
}

void lock(std::string_view input) {
  static const test::ScratchFolder folder;
  const auto path = folder.path() / ".lock";
  std::ofstream(path, std::ios::binary) << input;
  std::string holder;
  accepted(input.size(), [&] {
    const auto worker = lock_holder(folder.path());
    holder = worker.text();
    worker.runs();
  });
  accepted(input.size(), [&] { const RunLock own(folder.path()); });
  accepted(input.size(), [&] { scan_status(folder.path()); });
  fs::remove(path);
  require(fs::is_empty(folder.path()), "no lock leaves anything beside it");
}

void results(std::string_view input) {
  const auto& small = small_grid();
  static const test::ScratchFolder folder;
  static const MemoryFile json(folder.path() / file_names::study_json),
      yaml(folder.path() / file_names::study_yaml);
  const auto [first, second] = cut(input, "%NEXT");
  json.fill(replaced(std::string(first), "@STUDY@", study_hash(small.study)));
  yaml.fill(second);
  accepted(input.size(), [&] { const ResultsFolder checked(folder.path(), small.study, false); });
  require(fs::exists(folder.path() / file_names::study_json), "former results stay");
}

void identity(std::string_view input) {
  static const test::ScratchFolder folder;
  static const MemoryFile file(folder.path() / file_names::run_json);
  file.fill(input);
  const RunIdentity own{"a", "b", "c", "d", "e", "f"};
  accepted(input.size(), [&] { own.difference(own.agreed(file.path())); });
}

void resume(std::string_view input) {
  const auto& small = small_grid();
  static const auto run_again = [&](const fs::path& folder) {
    Progress quiet("", 0, "", true);
    scan_whole(small.run(folder), {}, quiet, {});
  };
  // As a run leaves them that was killed before its files got their names.
  static const auto files = [&] {
    const test::ScratchFolder folder;
    run_again(folder.path());
    return std::pair{test::read_text(folder.path() / file_names::limits_h5),
                     test::read_text(folder.path() / file_names::checkpoint)};
  }();
  if (input.empty()) return;
  auto [part, checkpoint] = files;
  const bool sealed = input.front() == 'c';
  if (sealed) checkpoint.resize(checkpoint.size() - 18);
  auto& text = sealed ? checkpoint : part;
  for (input.remove_prefix(1); input.size() >= 3; input.remove_prefix(3)) {
    const auto at = (static_cast<unsigned char>(input[0]) |
                     static_cast<std::size_t>(static_cast<unsigned char>(input[1])) << 8) %
                    (text.size() + 1);
    if (input[2] == 0) {
      text.resize(at);
    } else if (at < text.size()) {
      text[at] = static_cast<char>(text[at] ^ input[2]);
    }
  }
  const test::ScratchFolder folder;
  std::ofstream(folder.path() / ".limits.h5.part", std::ios::binary) << part;
  std::ofstream(folder.path() / file_names::checkpoint, std::ios::binary)
      << (sealed ? with_checksum(checkpoint) : checkpoint);
  const bool done = accepted(4000, [&] { run_again(folder.path()); });
  if (!sealed)
    require(done && test::read_text(folder.path() / file_names::limits_h5) == files.first,
            "whatever was damaged is made anew");
}

}  // namespace magnu::fuzz
