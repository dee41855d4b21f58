#pragma once

#include <algorithm>
#include <cstddef>

namespace magnu {

/// How many detectors of toys are analysed before they are handed over: what takes some seconds, by
/// what the last ones took. Where these are many a thread takes a detector, else all share its
/// toys.
class ToyBlocks {
 public:
  ToyBlocks(int threads, std::size_t most) : threads_(threads), most_(most) {}

  std::size_t next() const { return next_; }
  /// Threads that take a detector each.
  int threads(std::size_t detectors) const {
    return detectors >= 4 * static_cast<std::size_t>(threads_) ? threads_ : 1;
  }
  void took(std::size_t detectors, double seconds) {
    const double several = 8 * static_cast<double>(detectors) / std::max(seconds, 1e-3);
    next_ = std::clamp<std::size_t>(static_cast<std::size_t>(several), 1, most_);
  }

 private:
  int threads_;
  std::size_t most_, next_ = 1;
};

}  // namespace magnu
