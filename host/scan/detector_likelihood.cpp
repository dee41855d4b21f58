#include "magnu/scan/detector_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "magnu/experiment/targets.hpp"

namespace magnu {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

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
  return Analysis(likelihood, data)
      .interval(curve.test, curve.confidence_level, BestFit{0, 0, true});
}

}  // namespace

double moment_of(double s) {
  return std::isfinite(s) ? likelihood_moment * std::sqrt(s) : unknown;
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
                    curve.uncertainties.of_flux(curve.flux.solar_model, component), true},
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
    likelihood.add({shifts[k].name, 0, 1, false}, scaled(templates.shifts[k], curve.exposure),
                   none);
  if (const double eps = curve.uncertainties.efficiency; eps > 0)
    likelihood.add({"efficiency", 0, 1, false}, scaled(signal, eps), scaled(magnetic, eps));
  if (const double eps = curve.uncertainties.exposure; eps > 0) {
    add_to(background, signal);
    likelihood.add({"exposure", 0, 1, false}, scaled(background, eps), scaled(magnetic, eps));
  }
  return likelihood;
}

ToyInterval toy_interval(const Curve& curve, const Likelihood& likelihood, const Runner& runner,
                         const std::function<void()>& look_around) {
  const bool projection = curve.counts.empty();
  return toy_interval(
      likelihood, projection ? likelihood.expected(0) : curve.counts, projection, curve.test,
      curve.confidence_level, *curve.toys, runner.threads(),
      [&](const ToyTask& task, std::size_t toys) { runner.fit_toys(task, toys); }, look_around);
}

DetectorResult analyse(const Curve& curve, const Likelihood& likelihood, const Runner& runner,
                       const std::function<void()>& look_around) {
  DetectorResult result;
  if (curve.toys) {
    const auto found = toy_interval(curve, likelihood, runner, look_around);
    const auto& interval = found.interval;
    result.converged = interval.converged;
    result.failed_toys = found.failed;
    result.limit = interval.converged ? moment_of(interval.upper) : unknown;
    result.lower = interval.converged ? moment_of(interval.lower) : unknown;
    result.best_fit = interval.best.converged ? moment_of(interval.best.s) : unknown;
    result.q0 = interval.converged ? interval.q0 : unknown;
    result.significance = interval.converged ? found.significance() : unknown;
    for (int member = 0; member < band_members; ++member)
      result.expected[member] = interval.converged ? moment_of(found.expected[member]) : unknown;
    return result;
  }
  const auto asimov = asimov_interval(curve, likelihood);
  auto interval = asimov;
  if (!curve.counts.empty()) {
    const Data data(likelihood, curve.counts);
    interval = Analysis(likelihood, data).interval(curve.test, curve.confidence_level);
  }
  result.converged = interval.converged && asimov.converged;
  result.limit = interval.converged ? moment_of(interval.upper) : unknown;
  result.lower = interval.converged ? moment_of(interval.lower) : unknown;
  result.best_fit = interval.best.converged ? moment_of(interval.best.s) : unknown;
  result.q0 = interval.best.converged ? interval.q0 : unknown;
  result.significance = std::sqrt(result.q0);
  for (int member = 0; member < band_members; ++member)
    result.expected[member] =
        asimov.converged
            ? moment_of(band_member(curve.test, asimov.upper, curve.confidence_level, member))
            : unknown;
  return result;
}

std::vector<double> profile_over(const Curve& curve, const Likelihood& likelihood,
                                 const std::vector<double>& mu_eff) {
  const bool observed = !curve.counts.empty();
  const auto counts = observed ? curve.counts : likelihood.expected(0);
  const Data data(likelihood, counts);
  Analysis analysis(likelihood, data);
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

std::vector<ResultQuantity> likelihood_quantities() {
  return {
      {"mu_eff",
       "mu_B",
       "upper limit on the effective neutrino magnetic moment; NaN for none",
       {"mu_eff_mu_B"}},
      {"lower", "mu_B", "lower limit", {"lower_mu_B"}},
      {"best_fit", "mu_B", "best fit, not negative", {"best_fit_mu_B"}},
      {"expected",
       "mu_B",
       "upper limits of data without signal, at standard deviations from the median",
       {"expected_m2_mu_B", "expected_m1_mu_B", "expected_mu_B", "expected_p1_mu_B",
        "expected_p2_mu_B"},
       "band",
       {-2, -1, 0, 1, 2}},
      {"q0", "", "test statistic of a moment of zero", {"q0"}},
      {"significance", "", "standard deviations by which no moment is excluded", {"significance"}}};
}

std::vector<double> values_of(const DetectorResult& result) {
  std::vector<double> values{result.limit, result.lower, result.best_fit};
  values.insert(values.end(), result.expected.begin(), result.expected.end());
  values.insert(values.end(), {result.q0, result.significance});
  return values;
}

}  // namespace magnu
