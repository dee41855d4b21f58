#include "magnu/scan/detector_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "magnu/experiment/targets.hpp"

namespace magnu {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Half of up minus down.
std::vector<double> half_difference(const std::vector<double>& up,
                                    const std::vector<double>& down) {
  std::vector<double> half(up.size());
  for (std::size_t i = 0; i < up.size(); ++i) half[i] = 0.5 * (up[i] - down[i]);
  return half;
}

std::vector<double> scaled(std::span<const double> values, double factor) {
  std::vector<double> result(values.begin(), values.end());
  for (auto& value : result) value *= factor;
  return result;
}

void add_to(std::vector<double>& sum, std::span<const double> values) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
}

/// Of an entry whose size is a factor on the bins' widths, or on the signal.
bool is_cheap(const Background& entry) {
  return entry.kind == Background::Kind::flat || entry.kind == Background::Kind::fraction;
}

std::vector<double> events_of(const Background& entry, const Curve& curve, const Target& target) {
  std::vector<double> events;
  for (int b = 0; b < curve.bins; ++b)
    events.push_back(
        background_events({entry}, target, curve.lower_edge(b), curve.lower_edge(b + 1)));
  return events;
}

/// Background-only data without fluctuations: what is fitted is where it began.
Interval asimov_interval(const Curve& curve, const Likelihood& likelihood) {
  const Data data(likelihood, likelihood.expected(0));
  return Analysis(likelihood, data, curve.range)
      .interval(curve.test, curve.confidence_level, BestFit{0, 0, true});
}

}  // namespace

double moment_of(double s) {
  return std::isfinite(s) ? std::copysign(likelihood_moment * std::sqrt(std::abs(s)), s) : unknown;
}

Curve Shift::apply(Curve curve, double sigmas) const {
  field->member.put(curve, field->member.get(curve) + sigmas * sigma);
  return curve;
}

std::vector<Shift> shifts_of(const Curve& curve) {
  std::vector<Shift> shifts;
  if (!curve.is_poisson()) return shifts;
  const auto add = [&](const char* name, const char* path, double sigma) {
    if (sigma > 0) shifts.push_back({name, find_axis_field(path), sigma});
  };
  const auto& u = curve.uncertainties;
  add("sin2_theta12", "oscillation.sin2_theta12", u.sin2_theta12);
  add("sin2_theta13", "oscillation.sin2_theta13", u.sin2_theta13);
  add("dm2_21", "oscillation.dm2_21", u.dm2_21);
  add("sin2_theta_w", "sin2_theta_w", u.sin2_theta_w);
  return shifts;
}

Templates likelihood_spectra(const Runner& runner, const Curve& curve,
                             const Runner::Convolution& convolution, const RecoilRows& rows,
                             const std::function<RecoilRows(const Curve&)>& rows_of) {
  auto templates = grouped(runner.spectra(convolution, rows), Grouping::by_component);
  const auto total = [&](const Curve& shifted) {
    const bool same_flux = shifted.flux == curve.flux;
    const auto own = same_flux ? nullptr : runner.convolve(make_solar_flux(shifted.flux));
    const auto spectra = shifted.couplings == curve.couplings
                             ? runner.spectra(same_flux ? convolution : *own, rows)
                             : runner.spectra(same_flux ? convolution : *own, rows_of(shifted));
    return grouped(spectra, Grouping::together).standard_model;
  };
  for (const auto& shift : shifts_of(curve))
    templates.shifts.push_back(
        half_difference(total(shift.apply(curve, 1)), total(shift.apply(curve, -1))));
  return templates;
}

Templates direct_likelihood_templates(const Runner& runner, const Curve& curve) {
  const auto summed = [&](const Curve& of) {
    const auto flux = make_solar_flux(of.flux);
    return direct_templates(runner, flux, make_recoil_problem(of, load_target(of.target), flux));
  };
  Templates templates;
  templates.groups = curve.flux.components.size();
  for (const auto& component : curve.flux.components) {
    auto alone = curve;
    alone.flux.components = {component};
    const auto own = summed(alone);
    templates.standard_model.insert(templates.standard_model.end(), own.standard_model.begin(),
                                    own.standard_model.end());
    templates.magnetic.insert(templates.magnetic.end(), own.magnetic.begin(), own.magnetic.end());
  }
  for (const auto& shift : shifts_of(curve))
    templates.shifts.push_back(half_difference(summed(shift.apply(curve, 1)).standard_model,
                                               summed(shift.apply(curve, -1)).standard_model));
  return templates;
}

std::vector<EntryEvents> dear_events(const std::vector<Background>& list, const Curve& curve,
                                     const Target& target) {
  std::vector<EntryEvents> known;
  for (const auto& entry : list)
    if (!is_cheap(entry)) known.push_back({entry, events_of(entry, curve, target)});
  return known;
}

Likelihood make_likelihood(const Curve& curve, const Target& target, const Templates& templates,
                           const std::vector<EntryEvents>& known) {
  const auto bins = static_cast<std::size_t>(curve.bins);
  const double per_unit = curve.exposure * likelihood_moment * likelihood_moment;
  const std::vector<double> none(bins);
  Likelihood likelihood(bins);
  std::vector<double> signal(bins), magnetic(bins), background(bins);
  for (std::size_t c = 0; c < templates.groups; ++c) {
    auto base = scaled(std::span(templates.standard_model).subspan(c * bins, bins), curve.exposure);
    for (auto& events : base) events = std::max(0.0, events);  // rounding, next to a spectrum's end
    const auto slope = scaled(std::span(templates.magnetic).subspan(c * bins, bins), per_unit);
    const auto& component = curve.flux.components[c];
    likelihood.add({"flux " + component, 1,
                    curve.uncertainties.of_flux(curve.flux.solar_model, component), true, true},
                   base, slope);
    add_to(signal, base);
    add_to(magnetic, slope);
  }
  for (const auto& entry : curve.background) {
    const auto* found = static_cast<const std::vector<double>*>(nullptr);
    for (const auto& one : known)
      if (one.entry == entry) found = &one.events;
    const auto events = entry.kind == Background::Kind::fraction ? scaled(signal, entry.value)
                        : found                                  ? scaled(*found, curve.exposure)
                                : scaled(events_of(entry, curve, target), curve.exposure);
    likelihood.add({"background " + entry.label(), 1, entry.relative_uncertainty(), true}, events,
                   none);
    add_to(background, events);
  }
  const auto shifts = shifts_of(curve);
  for (std::size_t k = 0; k < shifts.size(); ++k)
    likelihood.add({shifts[k].name, 0, 1, false, true}, scaled(templates.shifts[k], curve.exposure),
                   none);
  if (const double eps = curve.uncertainties.efficiency; eps > 0)
    likelihood.add({"efficiency", 0, 1, false}, scaled(signal, eps), scaled(magnetic, eps));
  if (const double eps = curve.uncertainties.exposure; eps > 0) {
    add_to(background, signal);
    likelihood.add({"exposure", 0, 1, false}, scaled(background, eps), scaled(magnetic, eps));
  }
  return likelihood;
}

Likelihood make_likelihood(const Curve& curve, std::span<const DetectorParts> parts) {
  std::vector<Likelihood> own;
  for (std::size_t d = 0; d < parts.size(); ++d) {
    const auto& detector = curve.detectors()[d];
    own.push_back(make_likelihood(detector, load_target(detector.target), parts[d].templates,
                                  parts[d].known));
  }
  if (!curve.is_joint()) return std::move(own.front());
  std::vector<JoinedPart> joined;
  for (std::size_t d = 0; d < parts.size(); ++d)
    joined.push_back({curve.together[d].name, &own[d]});
  return join(joined);
}

namespace {

ToyInterval interval_by_toys(const Curve& curve, const Likelihood& likelihood, const Runner& runner,
                             const ToyProgress& progress) {
  const bool observed = curve.is_observed();
  const ToyQuestion question{observed ? curve.all_counts() : likelihood.expected(0),
                             !observed,
                             curve.test,
                             curve.confidence_level,
                             curve.power_constraint,
                             *curve.toys};
  return toy_interval(
      likelihood, question, runner.threads(),
      [&](const ToyTask& task, std::size_t toys) { runner.fit_toys(task, toys); }, progress);
}

/// The part of the toys that the asymptotic critical value keeps at s, between points of the belt.
double coverage_at(const std::vector<BeltPoint>& belt, double s) {
  for (std::size_t k = 1; k < belt.size(); ++k) {
    const auto &a = belt[k - 1], &b = belt[k];
    if (s < a.s || s > b.s) continue;
    const double part = b.s > a.s ? (s - a.s) / (b.s - a.s) : 1;
    return a.asymptotic_coverage + part * (b.asymptotic_coverage - a.asymptotic_coverage);
  }
  return unknown;
}

}  // namespace

DetectorResult analyse(const Curve& curve, const Likelihood& likelihood, const Runner& runner,
                       const ToyProgress& progress, std::optional<ToyInterval>* toys) {
  const auto asimov = asimov_interval(curve, likelihood);
  auto interval = asimov;
  if (curve.is_observed()) {
    const auto counts = curve.all_counts();
    const Data data(likelihood, counts);
    interval = Analysis(likelihood, data, curve.range).interval(curve.test, curve.confidence_level);
  }
  DetectorResult result;
  const auto expected_at = [&](double deviations) {
    return asimov.converged
               ? moment_of(expected_limit(curve.test, asimov.upper, curve.confidence_level,
                                          deviations, curve.range))
               : unknown;
  };
  result.asymptotic = interval.converged ? moment_of(interval.upper) : unknown;
  result.asymptotic_coverage = unknown;
  result.significance = std::sqrt(interval.q0);
  double edge = curve.power_constraint > 0 ? expected_at(-normal_quantile(curve.power_constraint))
                                           : -infinity;
  for (int member = 0; member < band_members; ++member)
    result.expected[member] = expected_at(member - 2);
  bool sound = interval.converged && asimov.converged;
  if (curve.toys) {
    auto found = interval_by_toys(curve, likelihood, runner, progress);
    interval = found.interval;
    sound = interval.converged;
    result.failed_toys = found.failed;
    if (!sound) interval.q0 = unknown;  // of toys that were not all to be had
    result.significance = sound ? found.significance() : unknown;
    result.asymptotic_coverage = coverage_at(found.belt, interval.upper);
    if (curve.power_constraint > 0) edge = moment_of(found.power_edge);
    for (int member = 0; member < band_members; ++member)
      result.expected[member] = sound ? moment_of(found.expected[member]) : unknown;
    if (toys) *toys = std::move(found);
  }
  result.converged = sound;
  result.unconstrained = interval.converged ? moment_of(interval.upper) : unknown;
  result.limit = result.unconstrained < edge ? edge : result.unconstrained;
  result.lower = interval.converged ? moment_of(interval.lower) : unknown;
  result.best_fit = interval.best.converged ? moment_of(interval.best.s) : unknown;
  result.q0 = interval.best.converged ? interval.q0 : unknown;
  if (!interval.best.converged) result.significance = unknown;
  return result;
}

Hindrance hindrance_of(const Curve& curve, const Likelihood& likelihood) {
  const auto nominal = likelihood.nominal();
  const auto limit_of = [&](const Likelihood& model) {
    const auto interval = asimov_interval(curve, model);
    return interval.converged ? moment_of(interval.upper) : unknown;
  };
  Hindrance found{"", unknown, unknown};
  auto known = likelihood;
  for (std::size_t p = nominal.size(); p-- > 0;) {
    known = known.with_fixed(p, nominal[p]);
    const double without = limit_of(likelihood.with_fixed(p, nominal[p]));
    if (!std::isnan(without) && !(without >= found.limit_without)) {
      found.parameter = likelihood.nuisances()[p].name;
      found.limit_without = without;
    }
  }
  found.limit_of_statistics = limit_of(known);
  return found;
}

std::vector<double> profile_over(const Curve& curve, const Likelihood& likelihood,
                                 const std::vector<double>& mu_eff) {
  const bool observed = curve.is_observed();
  const auto counts = observed ? curve.all_counts() : likelihood.expected(0);
  const Data data(likelihood, counts);
  Analysis analysis(likelihood, data, curve.range);
  const auto best = observed ? analysis.profile().best_fit() : BestFit{0, 0, true};
  std::vector<double> t;
  for (const double mu : mu_eff) {
    const double root = mu / likelihood_moment, s = root * root;
    const auto minimum = analysis.profile().at(s);
    const bool counts_here = two_ended(curve.test) || s > best.s;
    t.push_back(!best.converged || !minimum.converged ? unknown
                : counts_here                         ? 2 * (minimum.nll - best.nll)
                                                      : 0);
  }
  return t;
}

namespace {

/// A named result, where it is found, and whose it is.
struct NamedResult {
  ResultQuantity quantity;
  std::span<const double> (*of)(const DetectorResult&);
  bool (*belongs_to)(const Curve&);
};

template <auto member>
std::span<const double> values_at(const DetectorResult& result) {
  if constexpr (requires { (result.*member).size(); }) {
    return result.*member;
  } else {
    return {&(result.*member), 1};
  }
}

constexpr auto all = [](const Curve&) { return true; };
constexpr auto those_with_toys = [](const Curve& curve) { return curve.toys.has_value(); };

const std::vector<NamedResult>& named_results() {
  using R = DetectorResult;
  static const std::vector<NamedResult> results{
      {{"mu_eff",
        "mu_B",
        "upper limit on the effective neutrino magnetic moment; NaN for none",
        {"mu_eff_mu_B"}},
       values_at<&R::limit>,
       all},
      {{"lower", "mu_B", "lower limit", {"lower_mu_B"}}, values_at<&R::lower>, all},
      {{"best_fit",
        "mu_B",
        "best fit, not negative; where it may be, minus the root of a negative square",
        {"best_fit_mu_B"}},
       values_at<&R::best_fit>,
       all},
      {{"expected",
        "mu_B",
        "upper limits of data without signal, at standard deviations from the median",
        {"expected_m2_mu_B", "expected_m1_mu_B", "expected_mu_B", "expected_p1_mu_B",
         "expected_p2_mu_B"},
        "band",
        {-2, -1, 0, 1, 2}},
       values_at<&R::expected>,
       all},
      {{"q0", "", "test statistic of a moment of zero", {"q0"}}, values_at<&R::q0>, all},
      {{"significance", "", "standard deviations by which no moment is excluded", {"significance"}},
       values_at<&R::significance>,
       all},
      {{"unconstrained", "mu_B", "upper limit before its power constraint", {"unconstrained_mu_B"}},
       values_at<&R::unconstrained>,
       [](const Curve& curve) { return curve.power_constraint > 0; }},
      {{"asymptotic",
        "mu_B",
        "upper limit by the asymptotic formulae, beside that of toys",
        {"asymptotic_mu_B"}},
       values_at<&R::asymptotic>,
       those_with_toys},
      {{"asymptotic_coverage",
        "",
        "part of experiments in which the asymptotic interval holds the moment, at mu_eff",
        {"asymptotic_coverage"}},
       values_at<&R::asymptotic_coverage>,
       those_with_toys}};
  return results;
}

}  // namespace

LikelihoodResults::LikelihoodResults(std::span<const Curve> curves) {
  for (std::size_t k = 0; k < named_results().size(); ++k)
    if (std::any_of(curves.begin(), curves.end(), [&](const Curve& curve) {
          return curve.is_poisson() && named_results()[k].belongs_to(curve);
        }))
      chosen_.push_back(k);
}

std::vector<ResultQuantity> LikelihoodResults::quantities() const {
  std::vector<ResultQuantity> list;
  for (const auto k : chosen_) list.push_back(named_results()[k].quantity);
  return list;
}

std::vector<double> LikelihoodResults::values(const DetectorResult& result) const {
  std::vector<double> values;
  for (const auto k : chosen_) {
    const auto own = named_results()[k].of(result);
    values.insert(values.end(), own.begin(), own.end());
  }
  return values;
}

}  // namespace magnu
