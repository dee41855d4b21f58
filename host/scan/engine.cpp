#include "magnu/scan/engine.hpp"

#include <algorithm>
#include <cmath>

#include "magnu/experiment/targets.hpp"

namespace magnu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What decides the recoil points of a curve and their spectra.
struct PointsKey {
  std::string channel, target;
  FluxSettings flux;
  double sin2_theta_w;
  bool stepping;
  double threshold, upper;
  int bins;
  Statistic statistic;

  explicit PointsKey(const Curve& c)
      : channel(c.channel),
        target(c.target),
        flux(c.flux),
        sin2_theta_w(c.couplings.sin2_theta_w),
        stepping(c.couplings.stepping_electrons),
        threshold(c.threshold),
        upper(c.upper),
        bins(c.bins),
        statistic(c.statistic) {}
  bool operator==(const PointsKey&) const = default;
};

template <class Value>
std::vector<double> bin_sums(const RecoilProblem& problem, Value&& value) {
  std::vector<double> sums(problem.bins());
  for (std::size_t bin = 0; bin < problem.bins(); ++bin)
    for (std::size_t p = problem.first_point[bin]; p < problem.first_point[bin + 1]; ++p)
      sums[bin] += problem.weights[p] * value(p);
  return sums;
}

}  // namespace

struct Engine::Shape {
  FluxSettings key;
  SolarFlux flux;
  std::unique_ptr<Runner::Convolution> convolution;
};

struct Engine::DirectGridSums {
  MuGrid grid;
  DirectSums sums;
};

struct Engine::Points {
  PointsKey key;
  Shape* shape;
  RecoilProblem problem;
  std::unique_ptr<Spectra> spectra;
  std::vector<double> standard_model;  ///< [bins], of the engine's evaluation
  std::list<DirectGridSums> direct;
};

Engine::Engine(const Runner& runner, Evaluation evaluation, ProgressCallback progress)
    : runner_(runner), evaluation_(evaluation), progress_(std::move(progress)) {}
Engine::~Engine() = default;

Engine::Shape& Engine::shape(const Curve& curve) {
  for (auto& shape : shapes_)
    if (shape.key == curve.flux) return shape;
  shapes_.push_back({curve.flux, make_solar_flux(curve.flux), nullptr});
  return shapes_.back();
}

Engine::Points& Engine::points(const Curve& curve) {
  const PointsKey key(curve);
  for (auto& points : points_)
    if (points.key == key) return points;
  auto& of_shape = shape(curve);
  points_.push_back({key,
                     &of_shape,
                     make_recoil_problem(curve, load_target(curve.target), of_shape.flux),
                     nullptr,
                     {},
                     {}});
  return points_.back();
}

const RecoilProblem& Engine::problem(const Curve& curve) {
  return points(curve).problem;
}
const SolarFlux& Engine::flux(const Curve& curve) {
  return shape(curve).flux;
}

const Spectra& Engine::point_spectra(const Curve& curve) {
  auto& p = points(curve);
  if (!p.spectra) {
    if (!p.shape->convolution) {
      p.shape->convolution = runner_.convolve(p.shape->flux);
      ++counters_.convolutions;
    }
    p.spectra = std::make_unique<Spectra>(runner_.spectra(*p.shape->convolution, p.problem));
    ++counters_.coefficient_evaluations;
  }
  return *p.spectra;
}

Spectra Engine::spectra(const Curve& curve, const std::vector<double>& energies) {
  auto& s = shape(curve);
  if (!s.convolution) s.convolution = runner_.convolve(s.flux);
  return runner_.spectra(*s.convolution,
                         make_recoil_problem(curve, load_target(curve.target), energies));
}

const DirectSums& Engine::direct_grid(Points& p, const Curve& curve) {
  for (auto& entry : p.direct)
    if (entry.grid == curve.mu_eff) return entry.sums;
  p.direct.push_back({curve.mu_eff, runner_.direct(p.shape->flux, p.problem, curve.mu_eff.values(),
                                                   false, progress_)});
  ++counters_.direct_evaluations;
  return p.direct.back().sums;
}

CurveResult Engine::run(const Curve& curve) {
  CurveResult result;
  result.curve = curve;
  result.mu_eff = curve.mu_eff.values();
  auto& p = points(curve);
  const double one_mu[] = {1.0}, no_mu[] = {0.0};
  std::vector<double> magnetic;
  if (evaluation_ == Evaluation::fast) {
    auto bins = bin_spectra(p.problem, point_spectra(curve));
    p.standard_model = std::move(bins.standard_model);
    magnetic = std::move(bins.magnetic);
  } else {
    if (p.standard_model.empty()) {
      const auto toy = runner_.direct(p.shape->flux, p.problem, no_mu, true, {});
      p.standard_model = bin_sums(p.problem, [&](auto i) { return toy.spectrum[i]; });
    }
    magnetic = runner_.direct(p.shape->flux, p.problem, one_mu, false, {}).extra;
  }
  result.bins = bin_signal(curve, load_target(curve.target), p.standard_model);
  const auto& inverse_variance = result.bins.inverse_variance;
  for (const double m : magnetic) result.magnetic.push_back(curve.exposure * m);

  std::function<double(double)> at;
  if (evaluation_ == Evaluation::fast) {
    result.delta_chi2 =
        runner_.chi_squared(magnetic, inverse_variance, curve.exposure, result.mu_eff);
    at = [&](double mu) {
      return runner_.chi_squared(magnetic, inverse_variance, curve.exposure, {&mu, 1}).front();
    };
  } else {
    result.delta_chi2 =
        runner_.chi_squared(direct_grid(p, curve), inverse_variance, curve.exposure);
    at = [&](double mu) {
      const auto sums = runner_.direct(p.shape->flux, p.problem, {&mu, 1}, false, {});
      return runner_.chi_squared(sums, inverse_variance, curve.exposure).front();
    };
  }
  result.limit =
      solve_limit(at, curve.delta_chi2(), std::sqrt(curve.mu_eff.from * curve.mu_eff.to));
  ++counters_.combinations;
  return result;
}

BinnedTemplates bin_spectra(const RecoilProblem& problem, const Spectra& spectra) {
  return {bin_sums(problem, [&](auto i) { return spectra.total(i).standard_model; }),
          bin_sums(problem, [&](auto i) { return spectra.total(i).magnetic; })};
}

BinnedSignal bin_signal(const Curve& curve, const Target& target,
                        const std::vector<double>& standard_model) {
  BinnedSignal bins;
  const double fraction = background_fraction(curve.background);
  for (int bin = 0; bin < curve.bins; ++bin) {
    const double lower = curve.lower_edge(bin), upper = curve.lower_edge(bin + 1);
    const double other =
        curve.exposure * (curve.statistic == Statistic::density
                              ? background_rate(curve.background, target, 0.5 * (lower + upper))
                              : background_events(curve.background, target, lower, upper));
    // Next to the end of a spectrum rounding can leave less than nothing.
    const double signal = curve.exposure * std::max(0.0, standard_model[bin]);
    double sigma = 0;
    if (curve.fraction_in == FractionIn::variance) {
      sigma = std::sqrt(signal + fraction * signal + other);
    } else {
      sigma = (1 + fraction) * std::sqrt(signal + other);
    }
    sigma *= curve.sigma_scale;
    bins.signal.push_back(signal);
    bins.background.push_back(fraction * signal + other);
    bins.sigma.push_back(sigma);
    bins.inverse_variance.push_back(sigma > 0 ? 1 / (sigma * sigma) : 0);
  }
  return bins;
}

double solve_limit(const std::function<double(double)>& delta_chi2, double goal, double guess) {
  double x = std::log(guess), slope = 4, last_x = 0, last_y = 0;
  for (int step = 0; step < 100; ++step) {
    const double value = delta_chi2(std::exp(x));
    if (value == 0 && step == 0) return infinity;
    const double y = std::log(value / goal);
    if (step > 0 && std::abs(x - last_x) > 1e-3) slope = (y - last_y) / (x - last_x);
    if (!(std::abs(y) < 1e4) || !(slope > 0)) return infinity;
    last_x = x;
    last_y = y;
    x -= y / slope;
    if (std::abs(y) < 1e-13) break;
  }
  return std::exp(x);
}

double direct_work(const Study& study) {
  std::vector<std::pair<PointsKey, MuGrid>> seen;
  double cells = 0;
  for (const auto& curve : study.curves) {
    const std::pair key{PointsKey(curve), curve.mu_eff};
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    const auto flux = make_solar_flux(curve.flux);
    cells += direct_cells(flux, make_recoil_problem(curve, load_target(curve.target), flux),
                          curve.mu_eff.points);
  }
  return cells;
}

}  // namespace magnu
