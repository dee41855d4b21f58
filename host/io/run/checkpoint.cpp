#include "magnu/io/run/checkpoint.hpp"

#define XXH_INLINE_ALL
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "magnu/core/error.hpp"
#include "magnu/io/results/counters_json.hpp"
#include "magnu/io/results/staged_file.hpp"
#include "magnu/io/results/values_at.hpp"
#include "magnu/io/run/stop_signal.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string hex(XXH64_hash_t hash) {
  return fmt::format("{:016x}", hash);
}

/// A whole number that is not negative; of any other type the conversion would be undefined.
std::uint64_t count_in(const Json& json, const char* key) {
  return json.at(key).get_ref<const Json::number_unsigned_t&>();
}

}  // namespace

std::size_t Manifest::done() const {
  std::size_t sum = 0;
  for (const auto& segment : segments) sum += segment.count;
  return sum;
}

void Manifest::write(const fs::path& path) const {
  Json list = Json::array();
  for (const auto& s : segments) list.push_back({{"count", s.count}, {"xxh3", s.checksum}});
  Json json{{"magnu", "checkpoint"}};
  json.update(json_of(identity));
  json.update({{"study", study},
               {"shard", shard},
               {"shards", shards},
               {"first", range.first},
               {"end", range.end},
               {"finished", finished},
               {"seconds", seconds},
               {"counters", counters},
               {"host", worker.host},
               {"job", worker.job},
               {"command", command},
               {"segments", list}});
  if (width != 1) json["width"] = width;
  // Its own checksum last: a manifest that was cut or changed is seen as such.
  const auto text = json.dump(1);
  replace_file(path, text + "\n" + hex(XXH3_64bits(text.data(), text.size())) + "\n");
}

std::optional<Manifest> Manifest::read(const fs::path& path) {
  const auto written = read_if_there(path);
  if (!written) return {};
  auto text = *written;
  const auto broken = [&](const char* how) {
    return OutputError(path.string(), std::string("is not a whole manifest: ") + how,
                       "compute it again; a run without shards with --overwrite");
  };
  if (text.size() < 18 || text.back() != '\n') throw broken("it is cut short");
  const auto checksum = text.substr(text.size() - 17, 16);
  text.resize(text.size() - 18);
  if (checksum != hex(XXH3_64bits(text.data(), text.size())))
    throw broken("its checksum does not fit");
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw broken("it is no JSON");
  try {
    Manifest m;
    m.identity = identity_in(json);
    m.study = json.at("study");
    m.shard = count_in(json, "shard");
    m.shards = count_in(json, "shards");
    m.range = {count_in(json, "first"), count_in(json, "end")};
    if (json.contains("width")) m.width = count_in(json, "width");
    if (m.width == 0 || m.width > 1000) throw broken("it has no sound width");
    m.finished = json.at("finished");
    m.seconds = json.at("seconds");
    m.counters = json.at("counters");
    m.worker.host = json.at("host");
    m.worker.job = json.at("job");
    m.command = json.at("command");
    for (const auto& s : json.at("segments"))
      m.segments.push_back({count_in(s, "count"), s.at("xxh3")});
    return m;
  } catch (const nlohmann::json::exception&) {
    throw broken("an entry is missing");
  }
}

bool copy_segments(const Manifest& manifest, int file, const ValueLayout& layout,
                   const ValueSink& sink, std::size_t* intact) {
  const std::size_t width = layout.width();
  std::vector<double> buffer((std::size_t{1} << 17) / width * width);
  std::size_t whole = 0, first = 0;
  const auto report = [&](bool all) {
    if (intact) *intact = whole;
    return all;
  };
  for (const auto& segment : manifest.segments) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (std::uint64_t left = segment.count; left > 0;) {
      const auto some =
          std::span(buffer).first(std::min<std::uint64_t>(left * width, buffer.size()));
      stop_if_asked();
      if (!layout.read(file, first, some)) return report(false);
      XXH3_64bits_update(&state, some.data(), some.size_bytes());
      if (sink) sink(some);
      first += some.size() / width;
      left -= some.size() / width;
    }
    if (hex(XXH3_64bits_digest(&state)) != segment.checksum) return report(false);
    ++whole;
  }
  return report(true);
}

struct Checkpoint::Hash {
  XXH3_state_t state;
};

Checkpoint::Checkpoint(fs::path path, Manifest manifest, int file, ValueLayout layout, double every)
    : path_(std::move(path)),
      manifest_(std::move(manifest)),
      before_(manifest_.counters),
      seconds_before_(manifest_.seconds),
      file_(file),
      layout_(std::move(layout)),
      done_(manifest_.done()),
      every_(every),
      hash_(std::make_unique<Hash>()) {
  XXH3_64bits_reset(&hash_->state);
}

Checkpoint::~Checkpoint() = default;

void Checkpoint::append(std::span<const double> values) {
  if (!layout_.write(file_, done_, values))
    throw OutputError(path_.parent_path().string(),
                      std::string("cannot be written: ") + std::strerror(errno),
                      "what was sealed is safe; free space and go on with --resume");
  XXH3_64bits_update(&hash_->state, values.data(), values.size_bytes());
  done_ += values.size() / layout_.width();
  unsealed_ += values.size() / layout_.width();
}

void Checkpoint::tick(const Counters& counters) {
  if (std::chrono::duration<double>(Clock::now() - last_).count() >= every_) seal(counters, false);
}

void Checkpoint::seal(const Counters& counters, bool finished) {
  if (fsync(file_) != 0)
    throw OutputError(path_.parent_path().string(),
                      std::string("cannot be written: ") + std::strerror(errno),
                      "what was sealed is safe; free space and go on with --resume");
  if (unsealed_ > 0)
    manifest_.segments.push_back({unsealed_, hex(XXH3_64bits_digest(&hash_->state))});
  unsealed_ = 0;
  XXH3_64bits_reset(&hash_->state);
  manifest_.counters = before_;
  manifest_.counters += counters;
  manifest_.seconds =
      seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
  manifest_.finished = finished;
  manifest_.write(path_);
  last_ = Clock::now();
}

}  // namespace magnu
