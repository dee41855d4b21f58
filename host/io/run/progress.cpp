#include "magnu/io/run/progress.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "magnu/io/results/readable.hpp"

namespace magnu {

Progress::Progress(std::string what, double total, std::string unit, bool quiet)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_ && terminal_) fmt::print(stderr, "\r\033[K");
}

void Progress::add(double done) {
  done_ += done;
  const auto now = Clock::now();
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double pause = std::chrono::duration<double>(now - last_).count();
  const double fraction = total_ > 0 ? std::min(1.0, done_ / total_) : 0;
  if (quiet_ || elapsed < 2 || total_ <= 0 || done_ <= skipped_ ||
      pause < (terminal_ ? 0.1 : 10.0) * shown_)
    return;
  last_ = now;
  const double rate = (done_ - skipped_) / elapsed;
  shown_ = true;
  const auto text = fmt::format("{}: {:.0f} %, {}{}/s, {} left", what_, 100 * fraction,
                                scaled_text(rate), unit_, duration_text((total_ - done_) / rate));
  if (terminal_) {
    const int filled = static_cast<int>(30 * fraction);
    fmt::print(stderr, "\r\033[K[{:#<{}}{:-<{}}] {}", "", filled, "", 30 - filled, text);
    std::fflush(stderr);
  } else {
    spdlog::info(text);
  }
}

}  // namespace magnu
