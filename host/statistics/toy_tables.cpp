#include "magnu/statistics/toy_tables.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "magnu/statistics/normal.hpp"

namespace magnu {

PoissonTables::PoissonTables(std::span<const double> expected) {
  constexpr double least = 1e-18;  // of the most likely count
  for (const double mean : expected) {
    PoissonView::Bin bin;
    bin.cumulative = static_cast<std::uint32_t>(cumulative_.size());
    bin.guide = static_cast<std::uint32_t>(guide_.size());
    // From the most likely count down and up: relative to it nothing is lost.
    const double mode = std::floor(mean);
    std::vector<double> below, weights;
    double weight = 1;
    for (double n = mode; n > 0 && weight > least; --n) below.push_back(weight *= n / mean);
    weights.assign(below.rbegin(), below.rend());
    weights.push_back(1);
    weight = 1;
    for (double n = mode + 1; mean > 0 && weight > least; ++n)
      weights.push_back(weight *= mean / n);
    bin.first = static_cast<std::uint32_t>(mode) - static_cast<std::uint32_t>(below.size());
    double all = 0;
    for (const double w : weights) all += w;
    double sum = 0;
    for (const double w : weights) cumulative_.push_back((sum += w) / all);
    cumulative_.back() = 1;
    for (std::size_t n = bin.cumulative; n < cumulative_.size(); ++n)
      edges_.push_back(static_cast<std::uint32_t>(
          std::min(std::ldexp(cumulative_[n], 32), std::ldexp(1.0, 32) - 1)));
    // Some sixteen stretches of the guide for a standard deviation, six for the likeliest count:
    // few have two boundaries, and the tables of all bins stay in the cache.
    const auto wanted = static_cast<std::uint64_t>(16 * std::sqrt(mean));
    const int bits = std::max(4, static_cast<int>(std::bit_width(wanted)));
    bin.shift = static_cast<std::uint32_t>(32 - bits);
    std::uint32_t n = 0;
    for (std::uint64_t stretch = 0; stretch < std::uint64_t{1} << bits; ++stretch) {
      while (edges_[bin.cumulative + n] < stretch << bin.shift) ++n;
      guide_.push_back(n);
    }
    bins_.push_back(bin);
  }
}

NormalView normal_table() {
  // Chebyshev's sum through its nodes, written in powers: of 7 orders it is good to 1e-11.
  static const std::vector<double> table = [] {
    constexpr int orders = NormalView::orders;
    std::vector<double> all;
    for (int piece = 0; piece < NormalView::octaves * NormalView::parts; ++piece) {
      const int octave = piece / NormalView::parts, part = piece % NormalView::parts;
      double sum[orders] = {};
      for (int k = 0; k < orders; ++k) {
        const double angle = std::numbers::pi * (k + 0.5) / orders;
        const double tail = 1 + (part + 0.5 * (1 + std::cos(angle))) / NormalView::parts;
        const double value = normal_quantile(std::ldexp(tail, -(octave + 2)));
        for (int j = 0; j < orders; ++j)
          sum[j] += (j == 0 ? 1.0 : 2.0) / orders * value * std::cos(j * angle);
      }
      double power[orders] = {}, before[orders] = {1}, here[orders] = {0, 1};
      power[0] = sum[0];
      for (int j = 1; j < orders; ++j) {
        for (int k = 0; k <= j; ++k) power[k] += sum[j] * here[k];
        double next[orders] = {};
        for (int k = 0; k < orders; ++k) next[k] = (k > 0 ? 2 * here[k - 1] : 0) - before[k];
        std::copy_n(here, orders, before);
        std::copy_n(next, orders, here);
      }
      all.insert(all.end(), power, power + orders);
    }
    return all;
  }();
  return {{table.data(), table.size()}};
}

}  // namespace magnu
