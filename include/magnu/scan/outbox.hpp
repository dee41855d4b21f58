#pragma once

#include <utility>

#include "magnu/core/array.hpp"
#include "magnu/scan/grid_scan.hpp"

namespace magnu {

/// Limits on their way to a sink, which takes them while the next are computed.
class Outbox {
 public:
  explicit Outbox(const LimitSink& sink) : sink_(sink) {}

  void put(Array<double> limits, const Counters& counters) {
    hand_over();
    limits_ = std::move(limits);
    counters_ = counters;
  }

  void hand_over() {
    if (const auto limits = std::exchange(limits_, {}); limits.size() > 0) sink_(limits, counters_);
  }

 private:
  const LimitSink& sink_;
  Array<double> limits_;
  Counters counters_;
};

}  // namespace magnu
