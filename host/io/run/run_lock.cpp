#include "magnu/io/run/run_lock.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "magnu/core/error.hpp"
#include "magnu/io/results/staged_file.hpp"

namespace magnu {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_name = ".lock";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Field 22 of /proc/PID/stat; empty for a process that is gone, or dead and not yet reaped.
std::string start_of(long pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return "";
  std::istringstream rest(text.substr(name_end + 1));
  std::string word;
  for (int field = 3; field <= 22 && rest >> word; ++field)
    if (field == 3 && (word == "Z" || word == "X")) return "";
  return word;
}

}  // namespace

Worker Worker::self() {
  auto job = environment("SLURM_ARRAY_JOB_ID").empty()
                 ? environment("SLURM_JOB_ID")
                 : environment("SLURM_ARRAY_JOB_ID") + "_" + environment("SLURM_ARRAY_TASK_ID");
  return {host_name(), std::move(job), getpid(), start_of(getpid()),
          std::atoi(environment("SLURM_RESTART_COUNT").c_str())};
}

bool Worker::runs() const {
  if (host != host_name()) return true;
  return (kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM) && start_of(pid) == started;
}

std::string Worker::text() const {
  return fmt::format("process {} on {}{}", pid, host, job.empty() ? "" : ", job " + job);
}

namespace {

/// Nothing where there is no lock; of a damaged one a worker without host.
std::optional<Worker> read_lock(const fs::path& path) {
  std::optional<std::string> written;
  try {
    written = read_if_there(path);
  } catch (const OutputError&) {
    return Worker{};
  }
  if (!written) return {};
  const auto json = nlohmann::json::parse(*written, nullptr, false);
  // What is of another type is left out: a conversion would throw, or be undefined.
  const auto text = [&](const char* key) {
    const auto found = json.is_object() ? json.find(key) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto number = [&](const char* key) {
    const auto found = json.is_object() ? json.find(key) : json.end();
    return found != json.end() && found->is_number_integer() ? found->get<long>() : 0L;
  };
  if (number("pid") <= 0) return Worker{};
  return Worker{text("host"), text("job"), number("pid"), text("started"),
                static_cast<int>(std::clamp<long>(number("restarts"), 0, 1 << 20))};
}

}  // namespace

Worker lock_holder(const fs::path& folder) {
  return read_lock(folder / lock_name).value_or(Worker{});
}

RunLock::RunLock(const fs::path& folder) : path_(folder / lock_name) {
  const auto self = Worker::self();
  const auto text = nlohmann::json{
      {"host", self.host},
      {"job", self.job},
      {"pid", self.pid},
      {"started", self.started},
      {"restarts",
       self.restarts}}.dump();
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (place_new_file(path_, text)) return;
    const auto found = read_lock(path_);
    if (!found) continue;  // gone meanwhile
    const auto& holder = *found;
    if (holder.host.empty())
      throw InputError({folder.string(), 0, "", ""}, "its lock is damaged: it names no run",
                       "if no other run writes here, remove " + path_.string());
    const bool earlier_try = !self.job.empty() && holder.job == self.job &&
                             holder.host != self.host && holder.restarts < self.restarts;
    if (holder.runs() && !earlier_try)
      throw InputError({folder.string(), 0, "", ""}, "another run writes here: " + holder.text(),
                       "wait for it; if it is gone, remove " + path_.string());
    // Moved away, then looked at: of two that find it stale, one may hold it anew by now.
    const auto own = folder / fmt::format("{}.{}.{}", lock_name, self.host, self.pid);
    std::error_code gone;
    fs::rename(path_, own, gone);
    if (gone) continue;
    const auto moved = read_lock(own);
    const bool same = moved && moved->pid == holder.pid && moved->host == holder.host &&
                      moved->started == holder.started && moved->restarts == holder.restarts;
    if (!same && link(own.c_str(), path_.c_str()) != 0)
      spdlog::warn("{}: the lock of {} could not be put back", folder.string(),
                   moved.value_or(Worker{}).text());
    fs::remove(own);
    if (!same) break;
    spdlog::info("{}: a lock of {}, which is gone, is removed", folder.string(), holder.text());
  }
  throw InputError({folder.string(), 0, "", ""}, "another run has just started here",
                   "wait for it");
}

RunLock::~RunLock() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

}  // namespace magnu
