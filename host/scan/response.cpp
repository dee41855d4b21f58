#include "magnu/scan/response.hpp"

#include <limits>

#include "magnu/core/root.hpp"

namespace magnu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class F>
double root(double low, double high, F&& f) {
  return find_root(low, f(low), high, f(high), f);
}

}  // namespace

Response::Response(const Curve& curve)
    : statistic_(curve.statistic), resolution_(curve.resolution) {
  if (statistic_ == Statistic::density) {
    for (int b = 0; b < curve.bins; ++b)
      marks_.push_back(0.5 * (curve.lower_edge(b) + curve.lower_edge(b + 1)));
  } else {
    for (int b = 0; b <= curve.bins; ++b) marks_.push_back(curve.lower_edge(b));
  }
  find_range();
}

Response Response::below_zero(const Resolution& resolution) {
  Response response;
  response.resolution_ = resolution;
  response.marks_ = {-infinity, 0};
  response.find_range();
  return response;
}

void Response::find_range() {
  lowest_ = marks_.front();
  highest_ = marks_.back();
  if (perfect()) return;
  const auto top = [&](double e) { return e + reach * resolution_.sigma(e) - marks_.front(); };
  const auto bottom = [&](double e) { return e - reach * resolution_.sigma(e) - marks_.back(); };
  lowest_ = resolution_.lowest_energy;
  if (top(lowest_) < 0) lowest_ = root(lowest_, marks_.front(), top);
  highest_ = infinity;
  for (double e = std::max(lowest_, marks_.back()); e < 1e3; e *= 2)
    if (bottom(e) > 0) {
      highest_ = root(e / 2, e, bottom);
      break;
    }
}

std::vector<double> Response::cuts(double lower, double upper) const {
  std::vector<double> edges{lower};
  const auto mark_above = [&](double e) {
    return std::upper_bound(marks_.begin(), marks_.end(), e);
  };
  if (perfect()) {
    if (!pointwise())
      for (auto m = mark_above(lower); m != marks_.end() && *m < upper; ++m) edges.push_back(*m);
    edges.push_back(upper);
    return edges;
  }
  // Steps of two sigma wherever a mark is in reach; shares do not change in between.
  for (double e = lower; e < upper;) {
    const double sigma = resolution_.sigma(e);
    const auto mark = mark_above(e - reach * sigma);
    const double entry =
        mark == marks_.end() ? upper : *mark - reach * resolution_.sigma(std::max(*mark, 0.0));
    e = std::min(upper, entry > e ? entry : e + 2 * sigma);
    edges.push_back(e);
  }
  return edges;
}

}  // namespace magnu
