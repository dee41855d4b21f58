#include "magnu/statistics/toys.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "magnu/core/error.hpp"
#include "magnu/core/parallel.hpp"
#include "magnu/statistics/hessian.hpp"

namespace magnu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// Toys that are fitted before what they found is counted.
constexpr std::size_t chunk = std::size_t{1} << 14;

/// The stream of toys without signal, which are tested at all points.
constexpr std::uint32_t background_stream = 0xFFFFFFFF;

/// theta of the best fit of data at s; none where the fit fails.
std::optional<std::vector<double>> theta_at(const Likelihood& likelihood, const Data& data,
                                            double s) {
  Analysis analysis(likelihood, data);
  const auto minimum = analysis.profile().at(s);
  if (!minimum.converged || minimum.impossible()) return {};
  const auto theta = analysis.profile().theta();
  return std::vector<double>(theta.data, theta.data + theta.size);
}

std::vector<double> padded(std::vector<double> row, std::size_t size) {
  row.resize(size);
  return row;
}

/// The memory of a FitStart.
struct KeptStart {
  std::vector<double> theta, inverse, templates, expected;
  double s = 0;
  bool usable = false;  ///< there is a minimum with a curvature in all directions

  FitStart view() const {
    return {s,
            {theta.data(), theta.size()},
            {inverse.data(), inverse.size()},
            {templates.data(), templates.size()},
            {expected.data(), expected.size()}};
  }
};

/// For data that are expected with `truth`.
KeptStart start_at(const Likelihood& likelihood, const std::vector<double>& truth,
                   const std::vector<double>& counts,
                   const std::optional<std::vector<double>>& theta, double s, bool free) {
  KeptStart start;
  start.s = s;
  if (!theta) return start;
  for (std::size_t p = 0; p < theta->size(); ++p) start.theta.push_back((*theta)[p] - truth[p]);
  auto second = hessian(likelihood, counts, s, *theta);
  if (!free) {
    second.erase(second.begin());
    for (auto& row : second) row.erase(row.begin());
    const auto view = likelihood.view();
    for (std::size_t i = 0; i < view.parameters * view.bins; ++i)
      start.templates.push_back(view.base[i] + s * view.slope[i]);
  }
  if (start.templates.empty()) start.templates.resize(likelihood.view().bins);  // to point at
  start.expected = padded(likelihood.expected(free ? 0 : s, truth), likelihood.view().bins);
  const auto inverted = inverse(second);
  start.usable = inverted.size() == second.size();
  for (const auto& row : inverted)
    start.inverse.insert(start.inverse.end(), row.begin(), row.end());
  return start;
}

/// Expectations of which toys can be drawn: a table of their counts fits into memory.
std::vector<double> drawable(std::vector<double> expected) {
  constexpr double most = 1e10;
  for (const double events : expected)
    if (!(events <= most))
      throw Error(
          "a bin of toys would have more than 1e10 events: set interval.method: asymptotic");
  return expected;
}

/// What is expected of a unit of s.
std::vector<double> growth(const Likelihood& likelihood, const std::vector<double>& theta) {
  std::vector<double> sum(likelihood.bins());
  for (std::size_t p = 0; p <= theta.size(); ++p)
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] += (p < theta.size() ? theta[p] : 1) * likelihood.slope(p)[i];
  return sum;
}

/// Which part of the signal in a bin a parameter of one makes, at most.
double largest_part(const Likelihood& likelihood, std::size_t parameter) {
  const auto without = likelihood.expected(0), with = likelihood.expected(1);
  double largest = 0;
  for (std::size_t i = 0; i < without.size(); ++i)
    if (const double signal = with[i] - without[i]; signal > 1e-12 * without[i])
      largest = std::max(largest, std::abs(likelihood.slope(parameter)[i]) / signal);
  return largest;
}

/// Toys of one truth, tested at some values of s.
class Toys {
 public:
  Toys(const Likelihood& likelihood, const std::vector<double>& theta, double s,
       const std::vector<double>& tested, std::uint64_t seed, std::uint32_t point)
      : likelihood_(likelihood),
        theta_(theta),
        tested_at_(tested),
        expected_(drawable(likelihood.expected(s, theta))),
        tables_(expected_) {
    const Data data(likelihood, expected_, theta);
    free_ = start_at(likelihood, theta, expected_, theta, s, true);
    const auto fitted = [&](double at) {
      return start_at(likelihood, theta, expected_,
                      at == s ? std::optional(theta) : theta_at(likelihood, data, at), at, false);
    };
    zero_ = fitted(0);
    usable_ = free_.usable && zero_.usable;
    for (const double at : tested) {
      kept_.push_back(fitted(at));
      usable_ = usable_ && kept_.back().usable;
    }
    for (const auto& kept : kept_) starts_.push_back(kept.view());
    const auto view = likelihood.view();
    for (std::size_t p = 0; p < view.parameters; ++p) {
      const double sigma = likelihood.nuisances()[p].sigma;
      sigma_.push_back(std::isinf(sigma) ? 0 : sigma);
      const auto row =
          std::span(view.slope.data, view.slope.size).subspan(p * view.bins, view.bins);
      if (std::any_of(row.begin(), row.end(), [](double x) { return x != 0; })) {
        // Where most of the signal is hardly known there may be several minima.
        usable_ = usable_ && sigma * largest_part(likelihood, p) <= 0.5;
        sloped_.push_back(static_cast<std::uint32_t>(p));
        slopes_.insert(slopes_.end(), row.begin(), row.end());
      }
    }
    if (slopes_.empty()) slopes_.resize(view.bins);  // a place to point at
    task_.likelihood = view;
    task_.sloped = {sloped_.data(), sloped_.size()};
    task_.slopes = {slopes_.data(), slopes_.size()};
    growth_ = padded(growth(likelihood, theta), view.bins);
    task_.growth = {growth_.data(), growth_.size()};
    task_.truth = {theta_.data(), theta_.size()};
    task_.sigma = {sigma_.data(), sigma_.size()};
    task_.counts = tables_.view();
    // Beyond, the rounding of what is expected is not small beside its fluctuation.
    task_.single = *std::max_element(expected_.begin(), expected_.end()) < 1e6;
    task_.normal = normal_table();
    task_.seed = seed;
    task_.point = point;
    task_.free = free_.view();
    task_.zero = zero_.view();
    task_.tested = {starts_.data(), starts_.size()};
  }

  /// take(k, s_hat, t) for each toy and tested value, from one thread; told(fits) before some are
  /// made.
  template <class Told, class Take>
  void run(std::size_t toys, int threads, const ToyExecutor& executor, const Told& told,
           const Take& take) {
    const std::size_t tests = tested_at_.size();
    std::vector<double> s_hat(std::min(chunk, toys)), t(tests * s_hat.size());
    auto task = task_;
    task.stride = s_hat.size();
    task.s_hat = {s_hat.data(), s_hat.size()};
    task.t = {t.data(), t.size()};
    for (std::size_t done = 0; done < toys; done += s_hat.size()) {
      const std::size_t here = std::min(s_hat.size(), toys - done);
      told(static_cast<double>(here) * static_cast<double>(1 + tests));
      task.first = done;
      if (usable_) {
        executor(task, here);
      } else {
        std::fill(s_hat.begin(), s_hat.end(), unknown);
      }
      std::vector<std::size_t> left;
      for (std::size_t i = 0; i < here; ++i) {
        bool sound = !std::isnan(s_hat[i]);
        for (std::size_t k = 0; k < tests && sound; ++k) sound = t[k * task.stride + i] > -1e-6;
        if (!sound) left.push_back(i);
      }
      in_parallel(threads, left.size(),
                  [&](std::size_t j) { fit_by_hand(task, left[j], s_hat[left[j]], &t[left[j]]); });
      by_hand += left.size();
      for (std::size_t i = 0; i < here; ++i) {
        bool lost = std::isnan(s_hat[i]);
        for (std::size_t k = 0; k < tests; ++k) lost = lost || std::isnan(t[k * task.stride + i]);
        failed += lost;
        for (std::size_t k = 0; k < tests; ++k)
          take(k, lost ? unknown : s_hat[i],
               lost ? unknown : std::max(0.0, t[k * task.stride + i]));
      }
    }
  }

  std::size_t by_hand = 0, failed = 0;

 private:
  void fit_by_hand(const ToyTask& task, std::size_t toy, double& s_hat, double* t) const {
    const std::size_t parameters = task.likelihood.parameters;
    std::vector<double> scratch(ToyFit<double, 1, 1>::scratch(parameters, task.likelihood.bins));
    ToyFit<double, 1, 1> source(task, scratch.data());
    source.draw(task.first + toy);
    std::vector<double> counts, measured;
    for (std::size_t i = 0; i < likelihood_.bins(); ++i) counts.push_back(source.count(i, 0));
    for (std::size_t p = 0; p < parameters; ++p) measured.push_back(source.measured(p, 0));
    const Data data(likelihood_, counts, measured);
    Analysis analysis(likelihood_, data);
    const auto best = analysis.profile().best_fit();
    s_hat = best.converged ? best.s : unknown;
    for (std::size_t k = 0; k < tested_at_.size(); ++k) {
      const auto minimum = analysis.profile().at(tested_at_[k]);
      double value = 2 * (minimum.nll - best.nll);
      if (minimum.impossible()) value = infinity;
      const bool sound = best.converged && minimum.converged && value > -1e-6;
      t[k * task.stride] = sound ? value : unknown;
    }
  }

  const Likelihood& likelihood_;
  std::vector<double> theta_, tested_at_, expected_;
  PoissonTables tables_;
  KeptStart free_, zero_;
  std::vector<KeptStart> kept_;
  std::vector<FitStart> starts_;
  std::vector<double> sigma_, slopes_, growth_;
  std::vector<std::uint32_t> sloped_;
  ToyTask task_;
  bool usable_ = false;
};

/// Value of a test statistic from t~.
double statistic(IntervalTest test, double s, double s_hat, double t) {
  return !two_ended(test) && s_hat > s ? 0 : t;
}

/// Everything about the interval of one set of data.
class Belt {
 public:
  Belt(const Likelihood& likelihood, const ToyQuestion& question, int threads,
       const ToyExecutor& executor, const ToyProgress& progress)
      : likelihood_(likelihood),
        data_(likelihood, question.counts),
        analysis_(likelihood, data_),
        projection_(question.projection),
        test_(question.test),
        level_(question.confidence_level),
        settings_(question.settings),
        threads_(threads),
        executor_(executor),
        progress_(progress) {
    for (int member = 0; member < band_members; ++member)
      exceeded_.push_back(normal_tail(2 - member));
    if (question.power_constraint > 0) exceeded_.push_back(question.power_constraint);
  }

  ToyInterval run() {
    auto& best = result_.interval.best;
    best = projection_ ? BestFit{0, 0, true} : analysis_.profile().best_fit();
    if (!best.converged) return result_;
    const double last = largest();
    if (std::isnan(last)) return result_;
    // Where data lie far above all that is expected without signal, places for the band as well.
    const double near = std::min(last, 2 * band_end_);
    std::vector<double> places;
    for (int k = 0; k < settings_.points; ++k) {
      const double part = static_cast<double>(k) / (settings_.points - 1);
      places.push_back(near * part * part);
    }
    if (last > near)
      for (int k = 1; k < settings_.points; ++k) {
        const double part = static_cast<double>(k) / (settings_.points - 1);
        places.push_back(std::pow(std::sqrt(near) + part * (std::sqrt(last) - std::sqrt(near)), 2));
      }
    background_.resize(places.size());
    if (test_ == IntervalTest::cls) {
      std::vector<std::size_t> all(places.size());
      std::iota(all.begin(), all.end(), 0);
      add_background_toys(places, all);
    }
    for (std::size_t k = 0; k < places.size(); ++k)
      points_.push_back(point_at(places[k], &background_[k]));
    if (std::any_of(points_.begin(), points_.end(), [](const Point& p) { return p.is_unknown(); }))
      return result_;
    const auto& zero = points_.front();
    result_.interval.q0 = zero.t;
    result_.p0 = best.s > 0 ? zero.tail_of_t : 1;
    const auto n = static_cast<double>(settings_.toys);
    result_.p0_uncertainty = std::sqrt(std::max(result_.p0 * (1 - result_.p0), 1 / n) / n);
    const auto limits = band(places);
    std::copy_n(limits.begin(), band_members, result_.expected.begin());
    result_.power_edge = limits.size() > band_members ? limits.back() : unknown;
    find_ends();
    for (const auto& point : points_) result_.belt.push_back(point.of);
    if (progress_) progress_(1 - told_);
    return result_;
  }

 private:
  struct Point {
    BeltPoint of;
    double t = 0;          ///< t~ of the data
    double tail_of_t = 0;  ///< part of the toys with this t~ or more
    std::vector<double> cls_of_band = {};

    /// A fit of the data failed, or those of all toys.
    bool is_unknown() const { return std::isnan(of.observed) || std::isnan(of.critical); }
  };

  /// Where the belt ends: beyond what the data and the upper edge of the band exclude.
  double largest() {
    const Data asimov(likelihood_, likelihood_.expected(0));
    Analysis expected(likelihood_, asimov);
    const auto median = expected.interval(test_, level_, BestFit{0, 0, true});
    const auto observed = analysis_.interval(test_, level_, result_.interval.best);
    if (!median.converged || !observed.converged) return unknown;
    double edge = observed.upper;
    band_end_ = infinity;
    if (std::isfinite(median.upper)) {
      band_end_ = band_member(test_, median.upper, level_, band_members - 1);
      edge = std::max(std::isfinite(edge) ? edge : 0, band_end_);
    }
    if (!std::isfinite(edge)) edge = 20 * analysis_.profile().unit();
    median_ = median.upper;
    return 1.25 * edge;
  }

  std::optional<std::vector<double>> truth(double s) {
    if (projection_) return likelihood_.nominal();
    return theta_at(likelihood_, data_, s);
  }

  /// Tests toys without signal at some of the places: the same toys each time.
  void add_background_toys(const std::vector<double>& places,
                           const std::vector<std::size_t>& chosen) {
    const auto theta = truth(0);
    if (!theta) return;  // then the point there has no toys either
    std::vector<double> tested;
    for (const auto k : chosen) tested.push_back(places[k]);
    Toys toys(likelihood_, *theta, 0, tested, settings_.seed, background_stream);
    toys.run(
        settings_.toys, threads_, executor_, [this](double fits) { tell(fits); },
        [&](std::size_t i, double s_hat, double t) {
          // The limit is above s where the statistic that knows upper limits alone is small.
          if (!std::isnan(t)) background_[chosen[i]].add(s_hat > tested[i] ? 0 : t);
        });
    count(toys);
  }

  /// Of the fits that will be made as a rule: more where an end takes more points.
  void tell(double fits) {
    const double toys = static_cast<double>(settings_.toys);
    const double tests = test_ == IntervalTest::cls ? settings_.points : band_tests;
    const double part = std::min(fits / (toys * (2 * settings_.points + 5 + tests)), 1 - told_);
    told_ += part;
    if (progress_) progress_(part);
  }

  void count(const Toys& toys) {
    result_.toys += settings_.toys;
    result_.by_hand += toys.by_hand;
    result_.failed += toys.failed;
  }

  /// t~ of the data.
  double observed_t(double s) {
    const auto minimum = analysis_.profile().at(s);
    if (!minimum.converged) return unknown;
    if (minimum.impossible()) return infinity;
    const double t = 2 * (minimum.nll - result_.interval.best.nll);
    return t > 1e-9 ? t : 0;  // less is what rounding leaves
  }
  double observed(double s) { return statistic(test_, s, result_.interval.best.s, observed_t(s)); }

  /// `background`: of toys without signal, where they were tested here.
  Point point_at(double s, const ToyDistribution* background = nullptr) {
    Point point;
    auto& of = point.of;
    of.s = s;
    point.t = observed_t(s);
    of.observed = statistic(test_, s, result_.interval.best.s, point.t);
    of.p_background = unknown;
    const auto theta = truth(s);
    if (!theta) {
      of.observed = unknown;
      return point;
    }
    Toys toys(likelihood_, *theta, s, {s}, settings_.seed, ++streams_);
    ToyDistribution distribution;
    std::size_t kept = 0, like = 0;
    of.asymptotic = test_ == IntervalTest::cls ? unknown : critical_value(test_, level_);
    toys.run(
        settings_.toys, threads_, executor_, [this](double fits) { tell(fits); },
        [&](std::size_t, double s_hat, double t) {
          if (std::isnan(t)) return;
          const double value = statistic(test_, s, s_hat, t);
          distribution.add(value);
          kept += value <= of.asymptotic;
          like += t >= point.t * (1 - 1e-9);
        });
    count(toys);
    const auto n = static_cast<double>(distribution.size());
    const double error = std::sqrt(level_ * (1 - level_) / n);
    of.critical = distribution.quantile(level_);
    of.critical_low = distribution.quantile(level_ - error);
    of.critical_high = distribution.quantile(level_ + error);
    of.asymptotic_coverage = test_ == IntervalTest::cls ? unknown : static_cast<double>(kept) / n;
    of.p_value = distribution.tail(of.observed);
    point.tail_of_t = static_cast<double>(like) / n;
    if (!background || test_ != IntervalTest::cls) return point;
    of.p_background = background->tail(of.observed);
    for (const double exceeded : exceeded_) {
      // Of counts so few that many toys have the same statistic, as of data: equal ones count.
      const double q = std::nextafter(background->quantile(1 - exceeded), 0.0);
      point.cls_of_band.push_back(distribution.tail(q) / background->tail(q));
    }
    return point;
  }

  /// Above zero where a point is excluded.
  double excess(const BeltPoint& of) const {
    if (test_ == IntervalTest::cls)
      return std::log((1 - level_) * of.p_background) - std::log(of.p_value);
    return of.observed - of.critical;
  }

  /// Between two points of which one is excluded: the critical value is interpolated, t is not.
  double crossing(const Point& a, const Point& b) {
    const double at_a = excess(a.of), at_b = excess(b.of);
    if (test_ == IntervalTest::cls) {
      if (!std::isfinite(at_b)) return b.of.s;  // no toy is like the data there
      return a.of.s + (b.of.s - a.of.s) * at_a / (at_a - at_b);
    }
    double low = a.of.s, high = b.of.s;
    for (int step = 0; step < 60; ++step) {
      const double s = 0.5 * (low + high), part = (s - a.of.s) / (b.of.s - a.of.s);
      const double critical = a.of.critical + part * (b.of.critical - a.of.critical);
      ((observed(s) - critical > 0) == (at_b > 0) ? high : low) = s;
    }
    return high > 1e-9 * b.of.s ? 0.5 * (low + high) : 0;
  }

  /// The end of the interval between points k and k + 1, with toys there until the critical value
  /// is the interpolated one within its error; of counts so few that it goes in steps, until the
  /// two points are near each other.
  double refine(std::size_t k) {
    if (test_ == IntervalTest::cls) return crossing(points_[k], points_[k + 1]);
    bool smooth = true;
    for (int round = 0; round < 16; ++round) {
      const auto &a = points_[k].of, &b = points_[k + 1].of;
      if (b.s - a.s < 0.004 * b.s) break;
      const double s = smooth ? crossing(points_[k], points_[k + 1]) : 0.5 * (a.s + b.s);
      const double part = (s - a.s) / (b.s - a.s);
      if (part < 1e-6 || part > 1 - 1e-6) break;
      const double interpolated = a.critical + part * (b.critical - a.critical);
      const auto here = point_at(s);
      if (here.is_unknown()) return unknown;
      const double error = here.of.critical_high - here.of.critical_low;
      smooth = std::fabs(here.of.critical - interpolated) <= error;
      const bool same = (excess(here.of) > 0) == (excess(a) > 0);
      points_.insert(points_.begin() + static_cast<std::ptrdiff_t>(k) + 1, here);
      if (same) ++k;
      if (smooth) break;
    }
    return crossing(points_[k], points_[k + 1]);
  }

  /// The outermost values that are not excluded.
  void find_ends() {
    auto& interval = result_.interval;
    const double best = interval.best.s;
    std::size_t last = 0;
    bool any = false;
    for (std::size_t k = 0; k < points_.size(); ++k)
      if (!(excess(points_[k].of) > 0)) {
        last = k;
        any = true;
      }
    if (!any) {
      // Between two points: the best fit itself is never excluded.
      const auto after = std::find_if(points_.begin(), points_.end(),
                                      [&](const Point& p) { return p.of.s > best; });
      if (after == points_.end() || after == points_.begin()) return;
      const auto at = static_cast<std::size_t>(after - points_.begin());
      points_.insert(after, point_at(best));
      last = at;
    }
    interval.upper = last + 1 == points_.size() ? infinity : refine(last);
    interval.lower = 0;
    if (two_ended(test_)) {
      std::size_t first = 0;
      while (first < points_.size() && excess(points_[first].of) > 0) ++first;
      if (first > 0) interval.lower = refine(first - 1);
    }
    // Of CLs where no toy, with signal or without, is like the data: there is no ratio.
    const bool known = std::none_of(points_.begin(), points_.end(),
                                    [&](const Point& p) { return std::isnan(excess(p.of)); });
    interval.converged = known && !std::isnan(interval.upper) && !std::isnan(interval.lower);
  }

  /// Above zero where the toys without signal that exceed a member of the band exclude a place.
  double band_excess(std::size_t member, std::size_t k) const {
    if (test_ == IntervalTest::cls) {
      const double p = points_[k].cls_of_band[member];
      return p > 0 ? std::log((1 - level_) / p) : infinity;
    }
    const double q = background_[k].quantile(1 - exceeded_[member]);
    return std::sqrt(q) - std::sqrt(points_[k].of.critical);
  }

  /// The places between which the limit of a member of the band lies as far as it is known: the
  /// last that is not excluded, and the next. Those that were not tested are not looked at.
  std::pair<std::size_t, std::size_t> band_bracket(std::size_t member) const {
    std::size_t below = none, above = none;
    for (std::size_t k = background_.size(); k-- > 0;) {
      if (background_[k].size() == 0) continue;
      if (!(band_excess(member, k) > 0)) {
        below = k;
        break;
      }
      above = k;
    }
    return {below, above};
  }

  /// Limits of toys without signal: above s where their statistic is below the critical value. They
  /// are tested where formulae have the limits, and then beside that as long as these lie
  /// elsewhere.
  std::vector<double> band(const std::vector<double>& places) {
    const std::size_t last = places.size() - 1;
    std::set<std::size_t> wanted;
    if (test_ != IntervalTest::cls)
      for (std::size_t member = 0; member < exceeded_.size(); ++member) {
        const double guess = expected_limit(test_, std::isfinite(median_) ? median_ : places[last],
                                            level_, -normal_quantile(exceeded_[member]));
        const auto after = std::upper_bound(places.begin() + 1, places.end() - 1, guess);
        const auto k = static_cast<std::size_t>(after - places.begin());
        wanted.insert({k - 1, k});
      }
    for (bool more = true; more;) {
      if (!wanted.empty()) add_background_toys(places, {wanted.begin(), wanted.end()});
      wanted.clear();
      for (std::size_t member = 0; member < exceeded_.size(); ++member) {
        const auto [below, above] = band_bracket(member);
        if (below == none && above > 0) {
          wanted.insert(above - 1);
          if (above > 1) wanted.insert(above - 2);
        } else if (below != none && above == none && below < last) {
          wanted.insert(below + 1);
          if (below + 1 < last) wanted.insert(below + 2);
        } else if (below != none && above != none && above > below + 1) {
          wanted.insert((below + above) / 2);
        }
      }
      more = !wanted.empty();
    }
    std::vector<double> limits;
    for (std::size_t member = 0; member < exceeded_.size(); ++member) {
      const auto [below, above] = band_bracket(member);
      if (above == none) {
        limits.push_back(infinity);
      } else if (below == none) {
        limits.push_back(0);
      } else {
        const double here = band_excess(member, above), before = band_excess(member, below);
        const double part = std::isfinite(here) ? -before / (here - before) : 1;
        limits.push_back(places[below] + part * (places[above] - places[below]));
      }
    }
    return limits;
  }

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr double band_tests = 9;  ///< fits of a toy without signal, about

  const Likelihood& likelihood_;
  Data data_;
  Analysis analysis_;
  bool projection_;
  IntervalTest test_;
  double level_;
  ToySettings settings_;
  int threads_;
  const ToyExecutor& executor_;
  const ToyProgress& progress_;
  std::vector<double> exceeded_;  ///< parts of the toys whose statistic is above a band's member's
  double median_ = 0, band_end_ = 0, told_ = 0;
  std::vector<ToyDistribution> background_;  ///< [places], of toys without signal
  std::vector<Point> points_;
  std::uint32_t streams_ = 0;
  ToyInterval result_;
};

// Stretches of ToyDistribution: from 2^-20 on, 2^11 for each power of two.
constexpr int stretch_bits = 11, first_exponent = -20, exponents = 32;
constexpr std::size_t stretches = std::size_t{exponents} << stretch_bits;

/// Which stretch a value is in: one for all that are next to nothing.
std::size_t stretch_of(double value) {
  const double least = std::ldexp(1.0, first_exponent);
  if (!(value >= least)) return 0;
  const auto bits = std::bit_cast<std::uint64_t>(value) >> (52 - stretch_bits);
  const auto origin = std::bit_cast<std::uint64_t>(least) >> (52 - stretch_bits);
  return std::min<std::size_t>(bits - origin + 1, stretches - 1);
}

/// The upper edge of a stretch.
double edge_of(std::size_t stretch) {
  if (stretch == 0) return 0;
  const auto origin =
      std::bit_cast<std::uint64_t>(std::ldexp(1.0, first_exponent)) >> (52 - stretch_bits);
  return std::bit_cast<double>((origin + stretch) << (52 - stretch_bits));
}

}  // namespace

void ToyDistribution::add(double value) {
  if (counts_.empty()) {
    counts_.resize(stretches);
    octaves_.resize(exponents);
  }
  const std::size_t k = stretch_of(value);
  ++counts_[k];
  ++octaves_[k >> stretch_bits];
  ++size_;
}

double ToyDistribution::tail(double value) const {
  if (size_ == 0) return unknown;
  std::size_t above = 0, k = stretch_of(value);
  const std::size_t octave = k >> stretch_bits;
  for (; k >> stretch_bits == octave; ++k) above += counts_[k];
  for (std::size_t o = octave + 1; o < octaves_.size(); ++o) above += octaves_[o];
  return static_cast<double>(above) / static_cast<double>(size_);
}

double ToyDistribution::quantile(double probability) const {
  if (size_ == 0) return unknown;
  const double wanted = probability * static_cast<double>(size_);
  std::size_t below = 0, octave = 0;
  while (octave + 1 < octaves_.size() && static_cast<double>(below + octaves_[octave]) < wanted)
    below += octaves_[octave++];
  for (std::size_t k = octave << stretch_bits; k + 1 < counts_.size(); ++k) {
    below += counts_[k];
    if (static_cast<double>(below) >= wanted) return edge_of(k);
  }
  return infinity;
}

double ToyInterval::significance() const {
  return p0 >= 0.5 ? 0 : p0 > 0 ? normal_quantile(p0) : unknown;
}

ToyInterval toy_interval(const Likelihood& likelihood, const ToyQuestion& question, int threads,
                         const ToyExecutor& executor, const ToyProgress& progress) {
  return Belt(likelihood, question, threads, executor, progress).run();
}

ToySample sample_toys(const Likelihood& likelihood, const std::vector<double>& theta, double s,
                      const ToySettings& settings, std::uint32_t point, int threads,
                      const ToyExecutor& executor) {
  ToySample sample;
  Toys toys(likelihood, theta, s, {s}, settings.seed, point);
  const auto told = [](double) {};
  toys.run(settings.toys, threads, executor, told, [&](std::size_t, double s_hat, double t) {
    sample.s_hat.push_back(s_hat);
    sample.t.push_back(t);
  });
  sample.by_hand = toys.by_hand;
  return sample;
}

}  // namespace magnu
