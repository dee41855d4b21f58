#include "magnu/scan/verification.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "magnu/scan/combine.hpp"

namespace magnu {
namespace {

/// Spectra of one runner and evaluation: R(mu) at [points][mu].
using SpectrumGrid = std::vector<double>;

class Largest {
 public:
  Largest(std::string what, double bound) : deviation_{std::move(what), 0, bound, "none"} {}

  void see(double difference, double scale, const std::string& where) {
    double value = std::abs(difference) / scale;
    if (difference == 0 || (std::isinf(scale) && std::isnan(difference))) value = 0;
    if (!(value <= deviation_.value)) {
      deviation_.value = value;
      deviation_.where = where;
    }
  }

  const Deviation& deviation() const { return deviation_; }

 private:
  Deviation deviation_;
};

/// What the deviations of a curve are measured against.
struct Scales {
  std::vector<double> spectrum;  ///< [points][mu], none below the floor
  double magnetic = 0;           ///< the largest rate at 1 mu_B
};

/// Delta chi^2 at 1 mu_B of a curve whose magnetic signal is at the floor in every bin.
double floor_of_chi_squared(const CurveResult& result, const Scales& scales) {
  const auto& curve = result.curve;
  double sum = 0;
  for (int b = 0; b < curve.bins; ++b) {
    const double width = curve.statistic != Statistic::density
                             ? (curve.lower_edge(b + 1) - curve.lower_edge(b)) / constants::keV
                             : 1;
    const double signal = curve.exposure * rate_floor * scales.magnetic * width;
    sum += signal * signal * result.bins.inverse_variance[b];
  }
  return sum;
}

struct Side {
  const Runner* runner;
  Evaluation evaluation;
  Engine engine;
  SpectrumGrid spectrum;
  CurveResult result;

  Side(const Runner& r, Evaluation e, const ProgressCallback& progress)
      : runner(&r), evaluation(e), engine(r, e, progress) {}

  std::string name() const {
    return runner->name() + (evaluation == Evaluation::fast ? " fast" : " direct");
  }
};

/// Infinite where nothing is excluded, of a likelihood too; NaN where a fit failed.
double limit_of(const CurveResult& result) {
  const bool none = result.likelihood && result.likelihood->converged && std::isnan(result.limit);
  return none ? std::numeric_limits<double>::infinity() : result.limit;
}

bool failed(const CurveResult& result) {
  return result.likelihood && !result.likelihood->converged;
}

double fourth(double x) {
  return x * x * x * x;
}

/// One comparison of two sides, gathered over all curves.
struct Comparison {
  Side& a;
  Side& b;
  Largest spectra, chi_squared, limits;

  Comparison(Side& first, Side& second, double bound)
      : a(first),
        b(second),
        spectra("spectra, " + a.name() + " against " + b.name(), bound),
        chi_squared("delta chi^2, " + a.name() + " against " + b.name(), bound),
        limits("limits, " + a.name() + " against " + b.name(), bound) {}

  void see(const Curve& curve, const RecoilProblem& problem, const Scales& scales) {
    const auto& scale = scales.spectrum;
    for (std::size_t i = 0; i < scale.size(); ++i) {
      const double energy = problem.rows.energies[i / (scale.size() / problem.rows.size())];
      spectra.see(
          a.spectrum[i] - b.spectrum[i], scale[i],
          "curve '" + curve.name + "' at " + std::to_string(energy / constants::keV) + " keV");
    }
    const double floor = floor_of_chi_squared(b.result, scales);
    // What failed on both sides, as data do that lie where nothing is expected, is told elsewhere.
    if (failed(a.result) && failed(b.result)) return;
    for (std::size_t m = 0; m < a.result.delta_chi2.size(); ++m) {
      // A likelihood's is a difference of two numbers that a fit found.
      const double least = curve.is_poisson() ? 1 : floor * fourth(b.result.mu_eff[m]);
      chi_squared.see(a.result.delta_chi2[m] - b.result.delta_chi2[m],
                      std::max(std::abs(b.result.delta_chi2[m]), least),
                      "curve '" + curve.name + "'");
    }
    // A limit goes as delta chi^2 to the power -1/4: it has a floor where that has.
    const double l = limit_of(a.result), r = limit_of(b.result);
    const double over_floor = curve.delta_chi2() / fourth(r) / floor;
    limits.see(l == r ? 0 : l - r, std::abs(r) / std::min(1.0, over_floor),
               "curve '" + curve.name + "'");
  }
};

/// Of each probe value's scales, [rows][probe], none below the floor.
void raise_to_floor(std::vector<double>& scale, std::size_t probes) {
  for (std::size_t m = 0; m < probes; ++m) {
    double largest = 0;
    for (std::size_t i = m; i < scale.size(); i += probes) largest = std::max(largest, scale[i]);
    for (std::size_t i = m; i < scale.size(); i += probes)
      scale[i] = std::max(scale[i], rate_floor * largest);
  }
}

/// R(mu) on the probe values, and (from a fast side) the scale it is measured against.
void fill_spectrum(Side& side, const Curve& curve, const std::vector<double>& probe,
                   Scales* scales) {
  const auto& problem = side.engine.problem(curve);
  if (side.evaluation == Evaluation::direct) {
    side.spectrum = side.runner->direct(side.engine.flux(curve), problem, probe, true, {}).spectrum;
    return;
  }
  const auto spectra = side.engine.spectra(curve, problem.rows);
  side.spectrum.clear();
  if (scales) *scales = {};
  for (std::size_t row = 0; row < problem.rows.size(); ++row) {
    const auto total = spectra.total(row);
    for (const double mu : probe) {
      side.spectrum.push_back(total.standard_model + mu * mu * total.magnetic);
      if (scales) scales->spectrum.push_back(total.standard_scale + mu * mu * total.magnetic_scale);
    }
    if (scales) scales->magnetic = std::max(scales->magnetic, total.magnetic_scale);
  }
  if (scales) raise_to_floor(scales->spectrum, probe.size());
}

}  // namespace

bool VerificationReport::passed() const {
  return std::all_of(deviations.begin(), deviations.end(),
                     [](const auto& d) { return d.passed(); });
}

VerificationReport verify(const Study& study, const std::vector<const Runner*>& runners,
                          const ProgressCallback& progress) {
  std::list<Side> sides;
  std::list<Comparison> comparisons;
  Side *first_fast = nullptr, *first_direct = nullptr;
  double evaluations = between_evaluations;  // or what the study itself allows
  for (const auto& curve : study.curves) {
    evaluations = std::max(evaluations, curve.flux.accuracy);
    if (SurvivalProbability(curve.flux.oscillation).singular_cosine() > 1 - sharpest_resonance)
      evaluations = std::max(evaluations, at_sharp_resonances);
  }
  for (const auto* runner : runners) {
    auto& fast = sides.emplace_back(*runner, Evaluation::fast, progress);
    auto& direct = sides.emplace_back(*runner, Evaluation::direct, progress);
    comparisons.emplace_back(fast, direct, evaluations);
    if (first_fast) {
      comparisons.emplace_back(fast, *first_fast, between_backends);
      comparisons.emplace_back(direct, *first_direct, between_backends);
    } else {
      first_fast = &fast;
      first_direct = &direct;
    }
  }
  for (auto curve : study.curves) {
    curve.toys.reset();  // what is judged here is what they are made from
    const double from = curve.mu_eff.from, to = curve.mu_eff.to;
    const std::vector<double> probe{0, from, std::sqrt(from * to), to};
    Scales scales;
    for (auto& side : sides) {
      side.result = side.engine.run(curve);
      fill_spectrum(side, curve, probe, &side == first_fast ? &scales : nullptr);
    }
    for (auto& comparison : comparisons)
      comparison.see(curve, first_fast->engine.problem(curve), scales);
  }
  VerificationReport report;
  for (const auto& comparison : comparisons)
    for (const auto* largest : {&comparison.spectra, &comparison.chi_squared, &comparison.limits})
      report.deviations.push_back(largest->deviation());
  return report;
}

DrawnDetectors::DrawnDetectors(const Grid& grid, std::size_t most) {
  const std::size_t last = grid.size() - 1;
  if (grid.size() <= most) {
    for (std::size_t i = 0; i <= last; ++i) index.push_back(i);
  } else {
    std::mt19937_64 random(1);  // its numbers are the same everywhere
    index = {0, last};
    while (index.size() < most) index.push_back(random() % grid.size());
    std::sort(index.begin(), index.end());
    index.erase(std::unique(index.begin(), index.end()), index.end());
  }
  values.resize(index.size());
}

void DrawnDetectors::see(std::size_t first, std::span<const double> found) {
  for (std::size_t i = 0; i < index.size(); ++i)
    if (index[i] >= first && index[i] < first + found.size()) values[i] = found[index[i] - first];
}

namespace {

/// Where to look at what was found: there, or, where nothing does, at the end that is likeliest to.
double reach_place(const Reach& reach, double value) {
  const bool more_helps = reach.range.field->sets == sets_exposure;
  return std::isnan(value) ? (more_helps ? reach.to() : reach.from()) : value;
}

/// The limit that must stand there. Between the ends it is the goal; at an end the goal or better
/// will do; where nothing does, anything worse.
double reach_expects(const Reach& reach, double value, double limit) {
  if (std::isnan(value)) return limit > reach.mu_eff ? limit : reach.mu_eff;
  const bool at_end = value == reach.from() || value == reach.to();
  return at_end && limit <= reach.mu_eff ? limit : reach.mu_eff;
}

}  // namespace

VerificationReport verify(const Grid& grid, const DrawnDetectors& drawn,
                          const std::vector<const Runner*>& runners,
                          const ProgressCallback& progress) {
  constexpr std::size_t judged_directly = 20;
  const auto* reach = grid.reach();
  Study singles;
  Largest limits(reach ? "limits of single curves at the values found, against the goal"
                       : "limits, scan against single curves",
                 reach ? between_evaluations : between_scans);
  Engine engine(*runners.front(), Evaluation::fast, progress);
  for (std::size_t i = 0; i < drawn.index.size(); ++i) {
    auto curve = grid.at(drawn.index[i]);
    curve.name = grid.name_of(drawn.index[i]);
    curve.mu_eff.points = std::min<std::size_t>(curve.mu_eff.points, 101);
    const double value = drawn.values[i];
    double expected = value;
    if (!reach && curve.is_poisson() && std::isnan(value))
      expected = std::numeric_limits<double>::infinity();
    if (reach) reach->range.field->set(curve, reach_place(*reach, value));
    const auto single = engine.run(curve);
    const double limit = limit_of(single);
    if (reach) expected = reach_expects(*reach, value, limit);
    const double bound = curve.toys ? between_toys / between_scans : 1;
    if (!failed(single) || !std::isnan(value))
      limits.see(limit == expected ? 0 : limit - expected, bound * std::abs(limit), curve.name);
    if (i % std::max<std::size_t>(1, drawn.index.size() / judged_directly) == 0)
      singles.curves.push_back(curve);
  }
  auto report = verify(singles, runners, progress);
  report.deviations.push_back(limits.deviation());
  return report;
}

}  // namespace magnu
