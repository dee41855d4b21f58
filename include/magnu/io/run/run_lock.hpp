#pragma once

#include <filesystem>
#include <string>

namespace magnu {

/// Who works in a folder: a process of a host, within a job of a scheduler if there is one.
struct Worker {
  std::string host, job;  ///< job: of Slurm, with the array task
  long pid = 0;
  std::string started;  ///< the process's start, in the kernel's clock: pids come again
  int restarts = 0;     ///< how often the job was requeued before

  static Worker self();
  /// Of this host: whether the process still runs. Of another: unknown, taken for running.
  bool runs() const;
  std::string text() const;
};

/// Keeps two writers of a folder apart. A lock whose holder ended without removing it is stale: a
/// process of this host that is gone, or, on another host, an earlier try of this very job.
class RunLock {
 public:
  /// InputError that names the holder where another one writes, or the lock where it is damaged.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;

 private:
  std::filesystem::path path_;
};

/// The holder of a folder's lock; no host where there is none or it is damaged.
Worker lock_holder(const std::filesystem::path& folder);

}  // namespace magnu
