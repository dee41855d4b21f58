#include "magnu/scan/engine.hpp"

#include <algorithm>
#include <cmath>

#include "magnu/experiment/targets.hpp"

namespace magnu {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What decides the spectra of a curve over recoil energies.
struct SpectrumKey {
  std::string channel, target;
  FluxSettings flux;
  Couplings couplings;
  std::vector<std::pair<std::string, double>> shifts;  ///< of a likelihood
  bool by_component;

  explicit SpectrumKey(const Curve& c)
      : channel(c.channel),
        target(c.target),
        flux(c.flux),
        couplings(c.couplings),
        by_component(c.is_poisson()) {
    for (const auto& shift : shifts_of(c)) shifts.emplace_back(shift.name, shift.sigma);
  }
  bool operator==(const SpectrumKey&) const = default;
};

/// What decides how they are binned.
struct ResponseKey {
  double threshold, upper;
  int bins;
  Statistic statistic;
  Resolution resolution;

  explicit ResponseKey(const Curve& c)
      : threshold(c.threshold),
        upper(c.upper),
        bins(c.bins),
        statistic(c.statistic),
        resolution(c.resolution) {}
  bool operator==(const ResponseKey&) const = default;
};

/// What curves may share is kept for so many of them: a study may have thousands that share
/// nothing.
constexpr std::size_t most_kept = 64;

/// The entry of a list with a key, now its last, or null.
template <class Entry, class Key>
Entry* find(std::list<Entry>& list, const Key& key) {
  for (auto entry = list.begin(); entry != list.end(); ++entry) {
    if (!(entry->key == key)) continue;
    list.splice(list.end(), list, entry);
    return &*entry;
  }
  return nullptr;
}

/// Adds an entry; what was not asked for longest goes.
template <class Entry>
Entry& keep(std::list<Entry>& list, Entry entry) {
  if (list.size() == most_kept) list.pop_front();
  return list.emplace_back(std::move(entry));
}

}  // namespace

struct Engine::Shape {
  FluxSettings key;
  SolarFlux flux;
  std::unique_ptr<Runner::Convolution> convolution;
};

/// Spectra on the part of the recoil grid that the curves so far need.
struct Engine::Recoils {
  SpectrumKey key;
  double lower = 0, upper = 0;  ///< MeV
  RecoilGrid grid;
  Templates rows;
};

struct Engine::Detector {
  std::pair<SpectrumKey, ResponseKey> key;
  std::unique_ptr<RecoilProblem> problem;  ///< of the direct evaluation
  std::unique_ptr<Templates> templates;    ///< of the engine's evaluation
  double lost_below_zero = 0;              ///< per tonne and year
  std::list<std::pair<MuGrid, DirectSums>> direct;
  std::vector<EntryEvents> known;  ///< of backgrounds asked for so far
};

Engine::Engine(const Runner& runner, Evaluation evaluation, ProgressCallback progress)
    : runner_(runner), evaluation_(evaluation), progress_(std::move(progress)) {}
Engine::~Engine() = default;

void Engine::look_around() const {
  if (progress_) progress_(0);
}

Engine::Shape& Engine::shape(const Curve& curve) {
  if (auto* found = find(shapes_, curve.flux)) return *found;
  look_around();
  return keep(shapes_, {curve.flux, make_solar_flux(curve.flux), nullptr});
}

const Runner::Convolution& Engine::convolution(Shape& s) {
  if (!s.convolution) {
    s.convolution = runner_.convolve(s.flux);
    ++counters_.convolutions;
  }
  return *s.convolution;
}

Engine::Recoils& Engine::recoils(const Curve& curve) {
  const Response response(curve);
  const SpectrumKey key(curve);
  double lower = response.lowest(), upper = response.highest();
  if (!response.perfect()) lower = curve.resolution.lowest_energy;  // for what falls below zero
  if (const auto known = expected_.find(curve.name); known != expected_.end()) {
    lower = std::min(lower, known->second.first);
    upper = std::max(upper, known->second.second);
  }
  auto* found = find(recoils_, key);
  if (found && found->lower <= lower && found->upper >= upper) return *found;
  if (found) {
    lower = std::min(lower, found->lower);
    upper = std::max(upper, found->upper);
    recoils_.remove_if([&](const auto& entry) { return &entry == found; });
  }
  auto& of_shape = shape(curve);
  const auto grid_of = [&](const Curve& any) {
    return make_recoil_grid(any, load_target(any.target), of_shape.flux, lower, upper);
  };
  auto grid = grid_of(curve);
  look_around();
  const auto& convolved = convolution(of_shape);
  auto rows = curve.is_poisson()
                  ? likelihood_spectra(runner_, curve, convolved, grid.rows,
                                       [&](const Curve& any) { return grid_of(any).rows; })
                  : grouped(runner_.spectra(convolved, grid.rows), Grouping::together);
  ++counters_.coefficient_evaluations;
  return keep(recoils_, {key, lower, upper, std::move(grid), std::move(rows)});
}

Engine::Detector& Engine::detector(const Curve& curve) {
  const std::pair key{SpectrumKey(curve), ResponseKey(curve)};
  if (auto* found = find(detectors_, key)) return *found;
  return keep(detectors_, {key, nullptr, nullptr, 0, {}, {}});
}

const RecoilProblem& Engine::problem(const Curve& curve) {
  auto& d = detector(curve);
  if (!d.problem)
    d.problem = std::make_unique<RecoilProblem>(
        make_recoil_problem(curve, load_target(curve.target), shape(curve).flux));
  return *d.problem;
}

const SolarFlux& Engine::flux(const Curve& curve) {
  return shape(curve).flux;
}

const Templates& Engine::templates(Detector& d, const Curve& curve) {
  if (d.templates) return *d.templates;
  const auto count_lost = [&](const Recoils& r) {
    if (!curve.resolution.perfect())
      d.lost_below_zero = make_binning(r.grid, Response::below_zero(curve.resolution))
                              .sums(r.rows.total_standard_model())
                              .front();
  };
  if (evaluation_ == Evaluation::direct) {
    if (!curve.resolution.perfect()) count_lost(recoils(curve));
    d.templates = std::make_unique<Templates>(
        curve.is_poisson() ? direct_likelihood_templates(runner_, curve)
                           : direct_templates(runner_, shape(curve).flux, problem(curve)));
    return *d.templates;
  }
  const auto& r = recoils(curve);
  d.templates = std::make_unique<Templates>(bin(make_binning(r.grid, Response(curve)), r.rows));
  ++counters_.rebinnings;
  count_lost(r);
  return *d.templates;
}

Spectra Engine::spectra(const Curve& curve, const RecoilRows& rows) {
  look_around();
  return runner_.spectra(convolution(shape(curve)), rows);
}

Spectra Engine::spectra(const Curve& curve, const std::vector<double>& energies) {
  const auto rows = make_recoil_rows(curve, load_target(curve.target), energies);
  const auto all = spectra(curve, rows);
  const std::size_t species = rows.size() / std::max<std::size_t>(energies.size(), 1);
  Spectra sums{all.components, Array<SpectrumPoint>(energies.size() * all.components)};
  std::fill(sums.values.begin(), sums.values.end(), SpectrumPoint());
  for (std::size_t i = 0; i < all.values.size(); ++i)
    sums.values[i / all.components / species * all.components + i % all.components] +=
        all.values[i];
  return sums;
}

const DirectSums& Engine::direct_grid(Detector& d, const Curve& curve) {
  for (const auto& [grid, sums] : d.direct)
    if (grid == curve.mu_eff) return sums;
  d.direct.emplace_back(curve.mu_eff, runner_.direct(shape(curve).flux, problem(curve),
                                                     curve.mu_eff.values(), false, progress_));
  ++counters_.direct_evaluations;
  return d.direct.back().second;
}

std::vector<DetectorParts> Engine::parts(const Curve& curve) {
  std::vector<DetectorParts> parts;
  for (const auto& own : curve.detectors()) {
    auto& d = detector(own);
    const auto& target = load_target(own.target);
    for (const auto& entry : own.background)
      if (std::none_of(d.known.begin(), d.known.end(),
                       [&](const EntryEvents& known) { return known.entry == entry; }))
        for (auto& events : dear_events({entry}, own, target)) d.known.push_back(std::move(events));
    parts.push_back({templates(d, own), d.known});
  }
  return parts;
}

void Engine::add_detector(CurveResult& result, const Curve& curve) {
  auto& d = detector(curve);
  const auto& both = templates(d, curve);
  const auto own = bin_signal(curve, load_target(curve.target), both.total_standard_model());
  const auto add = [](std::vector<double>& to, const std::vector<double>& more) {
    to.insert(to.end(), more.begin(), more.end());
  };
  add(result.bins.signal, own.signal);
  add(result.bins.background, own.background);
  add(result.bins.sigma, own.sigma);
  add(result.bins.inverse_variance, own.inverse_variance);
  for (const double m : both.total_magnetic()) result.magnetic.push_back(curve.exposure * m);
  result.lost_below_zero += curve.exposure * d.lost_below_zero;
}

CurveResult Engine::run(const Curve& curve) {
  CurveResult result;
  look_around();
  result.curve = curve;
  result.mu_eff = curve.mu_eff.values();
  for (const auto& own : curve.detectors()) add_detector(result, own);
  if (curve.is_poisson()) {
    const auto model = likelihood(curve);
    result.likelihood = analyse(curve, model, runner_, progress_);
    result.limit = result.likelihood->limit;
    counters_.failed_fits += !result.likelihood->converged;
    counters_.failed_toys += result.likelihood->failed_toys;
    look_around();
    result.delta_chi2 = profile_over(curve, model, result.mu_eff);
    ++counters_.combinations;
    return result;
  }

  auto& d = detector(curve);
  const auto& both = templates(d, curve);
  const auto& inverse_variance = result.bins.inverse_variance;
  std::function<double(double)> at;
  if (evaluation_ == Evaluation::fast) {
    // The signal is mu^2 times a template, so delta chi^2 is mu^4 times its value at 1 mu_B.
    const double one = 1;
    const double at_one =
        runner_.chi_squared(both.magnetic, inverse_variance, curve.exposure, {&one, 1}).front();
    at = [=](double mu) { return at_one * (mu * mu) * (mu * mu); };
    result.delta_chi2.reserve(result.mu_eff.size());
    for (const double mu : result.mu_eff) result.delta_chi2.push_back(at(mu));
    look_around();
  } else {
    result.delta_chi2 =
        runner_.chi_squared(direct_grid(d, curve), inverse_variance, curve.exposure);
    at = [&](double mu) {
      const auto sums = runner_.direct(shape(curve).flux, problem(curve), {&mu, 1}, false, {});
      return runner_.chi_squared(sums, inverse_variance, curve.exposure).front();
    };
  }
  result.limit =
      solve_limit(at, curve.delta_chi2(), std::sqrt(curve.mu_eff.from * curve.mu_eff.to));
  ++counters_.combinations;
  return result;
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
  std::vector<std::tuple<SpectrumKey, ResponseKey, MuGrid>> seen;
  double cells = 0;
  for (const auto& curve : study.curves) {
    if (curve.is_joint()) continue;  // its detectors are curves themselves
    const std::tuple key{SpectrumKey(curve), ResponseKey(curve), curve.mu_eff};
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    const auto flux = make_solar_flux(curve.flux);
    cells += direct_cells(flux, make_recoil_problem(curve, load_target(curve.target), flux),
                          curve.mu_eff.points);
  }
  return cells;
}

}  // namespace magnu
