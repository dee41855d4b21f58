#pragma once

#include <chrono>
#include <string>

#include "magnu/scan/runner.hpp"

namespace magnu {

/// Reports how far a long job is: a bar on a terminal, a line now and then in a log, with rate and
/// time left. Says nothing of jobs that end within two seconds, and nothing at all when quiet.
class Progress {
 public:
  Progress(std::string what, double total, std::string unit, bool quiet);
  ~Progress();

  void add(double done);
  /// Done before: no part of the rate.
  void skip(double done) { done_ += done, skipped_ += done; }
  ProgressCallback callback() {
    return [this](double done) { add(done); };
  }

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_, unit_;
  double total_, done_ = 0, skipped_ = 0;
  bool quiet_, terminal_, shown_ = false;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

}  // namespace magnu
