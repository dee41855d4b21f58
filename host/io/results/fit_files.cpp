#include "magnu/io/results/fit_files.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "magnu/core/csv.hpp"
#include "magnu/io/results/file_names.hpp"
#include "magnu/io/results/readable.hpp"
#include "magnu/io/study/quantity.hpp"
#include "magnu/scan/detector_likelihood.hpp"
#include "magnu/version.hpp"

namespace magnu {
namespace {

using Json = nlohmann::ordered_json;

/// JSON has no NaN: what is not known is null.
Json known(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json known(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(known(value));
  return list;
}

std::string moment_text(double mu) {
  return std::isfinite(mu) ? fmt::format("{:.3e}", mu) : "none";
}

std::string interval_text(const Interval& interval) {
  return (interval.lower != 0 ? moment_text(moment_of(interval.lower)) + " to " : "") +
         moment_text(moment_of(interval.upper));
}

std::string number_text(double value) {
  return std::isfinite(value) ? fmt::format("{:.4g}", value) : "-";
}

Json json_of(const DetectorFit& fit) {
  const auto& r = fit.report;
  const auto& interval = fit.interval();
  Json json{{"detector", fit.name},
            {"test", to_string(fit.curve.test)},
            {"method", fit.curve.toys ? "toys" : "asymptotic"},
            {"confidence_level", fit.curve.confidence_level},
            {"data", fit.curve.is_observed() ? "observed" : "expected without signal"},
            {"best_fit_mu_B", known(moment_of(r.interval.best.s))},
            {"best_fit_squared_mu_B2",
             {{"value", known(likelihood_moment * likelihood_moment * r.interval.best.s)},
              {"uncertainty", known(likelihood_moment * likelihood_moment * r.s_uncertainty)}}},
            {"lower_mu_B", known(moment_of(interval.lower))},
            {"upper_mu_B", known(fit.result.limit)},
            {"expected_mu_B", known({fit.result.expected.begin(), fit.result.expected.end()})},
            {"q0", known(r.interval.q0)},
            {"significance", known(std::sqrt(r.interval.q0))},
            {"p0", known(r.p0)},
            {"goodness_of_fit", known(r.goodness)},
            {"bins", fit.counts.size()}};
  auto discovery = Json::array();
  for (const auto& seen : fit.discovery)
    discovery.push_back({{"significance", seen.significance},
                         {"part_of_experiments", seen.part},
                         {"mu_B", known(moment_of(seen.s))}});
  json["discovery"] = discovery;
  if (fit.curve.power_constraint > 0)
    json["power_constraint"] = {{"probability", fit.curve.power_constraint},
                                {"unconstrained_upper_mu_B", known(fit.result.unconstrained)}};
  if (fit.curve.range == Range::unbounded) json["unbounded"] = true;
  if (fit.toys) {
    const auto& toys = *fit.toys;
    json["p0"] = known(toys.p0);
    json["significance"] = known(toys.significance());
    json["toys"] = {{"at_each_moment", fit.curve.toys->toys},
                    {"seed", fit.curve.toys->seed},
                    {"in_all", toys.toys},
                    {"fitted_by_the_general_method", toys.by_hand},
                    {"failed", toys.failed},
                    {"p0_uncertainty", known(toys.p0_uncertainty)},
                    {"asymptotic_lower_mu_B", known(moment_of(r.interval.lower))},
                    {"asymptotic_upper_mu_B", known(moment_of(r.interval.upper))}};
  }
  auto pulls = Json::array();
  for (const auto& pull : r.pulls)
    pulls.push_back({{"parameter", pull.nuisance.name},
                     {"nominal", pull.nuisance.nominal},
                     {"sigma", known(pull.nuisance.sigma)},
                     {"fitted", known(pull.fitted)},
                     {"uncertainty", known(pull.uncertainty)},
                     {"shift", known(pull.shift)},
                     {"limit_below_mu_B", known(moment_of(pull.limit_below))},
                     {"limit_above_mu_B", known(moment_of(pull.limit_above))}});
  json["pulls"] = pulls;
  auto rows = Json::array();
  for (const auto& row : r.correlation) rows.push_back(known(row));
  json["correlation"] = {{"parameters", r.names}, {"matrix", rows}};
  return json;
}

}  // namespace

std::string fit_table(const DetectorFit& fit) {
  const auto& r = fit.report;
  const auto& interval = fit.interval();
  auto text = fmt::format(
      "{}: {} bins, {} uncertain parameters, {}\n", fit.name, fit.counts.size(), r.pulls.size(),
      fit.curve.is_observed() ? "observed counts" : "data as expected without signal");
  std::vector<std::vector<std::string>> rows{
      {"  best fit [mu_B]", interval.best.s != 0 ? moment_text(moment_of(interval.best.s)) : "0"},
      {fmt::format("  limit [mu_B], {} {:g} %", to_string(fit.curve.test),
                   100 * fit.curve.confidence_level),
       interval_text(interval)},
      {"  expected, -2 to 2 sigma",
       fmt::format("{}  {}  {}  {}  {}", moment_text(fit.result.expected[0]),
                   moment_text(fit.result.expected[1]), moment_text(fit.result.expected[2]),
                   moment_text(fit.result.expected[3]), moment_text(fit.result.expected[4]))},
      {"  significance",
       fit.toys ? fmt::format("p0 {:.3g} +- {:.1g} of toys", fit.toys->p0, fit.toys->p0_uncertainty)
                : fmt::format("{:.3g} (p0 {:.3g})", std::sqrt(interval.q0), r.p0)},
      {"  goodness of fit", fmt::format("{:.4g}", r.goodness)}};
  for (std::size_t k = 0; k + 1 < fit.discovery.size(); k += 2)
    rows.push_back(
        {fmt::format("  seen at {:g} sigma by {:g} %, {:g} %", fit.discovery[k].significance,
                     100 * fit.discovery[k].part, 100 * fit.discovery[k + 1].part),
         moment_text(moment_of(fit.discovery[k].s)) + "  " +
             moment_text(moment_of(fit.discovery[k + 1].s))});
  if (fit.curve.power_constraint > 0)
    rows.insert(rows.begin() + 2, {"  with the power constraint", moment_text(fit.result.limit)});
  if (fit.toys) {
    const auto& toys = *fit.toys;
    rows.push_back({"  asymptotic limit", interval_text(r.interval)});
    rows.push_back({"  toys", fmt::format("{} fitted, {} failed", toys.toys, toys.failed)});
  }
  text += text_table(rows, 2) + "\n";
  rows = {{"  parameter", "nominal", "sigma", "fitted", "+-", "shift",
           fit.toys ? "asymptotic limit at -1 s [mu_B]" : "limit at -1 s [mu_B]", "at +1 s"}};
  for (const auto& pull : r.pulls)
    rows.push_back({"  " + pull.nuisance.name, number_text(pull.nuisance.nominal),
                    std::isinf(pull.nuisance.sigma) ? "free" : number_text(pull.nuisance.sigma),
                    number_text(pull.fitted), number_text(pull.uncertainty),
                    std::isfinite(pull.shift) ? fmt::format("{:+.2f}", pull.shift) : "-",
                    moment_text(moment_of(pull.limit_below)),
                    moment_text(moment_of(pull.limit_above))});
  return text + text_table(rows, 1);
}

std::vector<std::pair<std::string, std::string>> fit_files(const std::string& study,
                                                           const std::string& study_hash,
                                                           const std::vector<DetectorFit>& fits) {
  auto list = Json::array();
  std::string pulls =
      "detector,parameter,nominal,sigma,fitted,uncertainty,shift,limit_below_mu_B,limit_above_mu_"
      "B\n";
  std::string correlations = "detector,parameter,other,correlation\n";
  std::string bins =
      "detector,curve,bin,lower_keV,upper_keV,counts,fit,fit_without_moment,moment_at_limit\n";
  std::string belt;
  std::string profiles = "detector,mu_eff_mu_B,t\n";
  for (const auto& fit : fits) {
    const auto name = csv_field(fit.name);
    const auto& r = fit.report;
    list.push_back(json_of(fit));
    for (const auto& p : r.pulls)
      pulls += fmt::format("{},{},{},{},{},{},{},{},{}\n", name, csv_field(p.nuisance.name),
                           p.nuisance.nominal, p.nuisance.sigma, p.fitted, p.uncertainty, p.shift,
                           moment_of(p.limit_below), moment_of(p.limit_above));
    for (std::size_t i = 0; i < r.names.size(); ++i)
      for (std::size_t j = 0; j < r.names.size(); ++j)
        correlations += fmt::format("{},{},{},{}\n", name, csv_field(r.names[i]),
                                    csv_field(r.names[j]), r.correlation[i][j]);
    std::size_t at = 0;  // of detectors that are fitted together one after another
    for (const auto& detector : fit.curve.detectors())
      for (int own = 0; own < detector.bins; ++own, ++at)
        bins += fmt::format("{},{},{},{},{},{},{},{},{}\n", name, csv_field(detector.name), own + 1,
                            energy_in_keV(detector.lower_edge(own)),
                            energy_in_keV(detector.lower_edge(own + 1)), fit.counts[at],
                            r.expected[at], fit.background[at], fit.signal[at]);
    if (fit.toys) {
      if (belt.empty())
        belt =
            "detector,mu_eff_mu_B,t,critical,critical_low,critical_high,asymptotic_critical,"
            "asymptotic_coverage,p_value,p_background\n";
      for (const auto& b : fit.toys->belt)
        belt += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", name, moment_of(b.s), b.observed,
                            b.critical, b.critical_low, b.critical_high, b.asymptotic,
                            b.asymptotic_coverage, b.p_value, b.p_background);
    }
    for (const auto& [mu, t] : fit.profile) profiles += fmt::format("{},{},{}\n", name, mu, t);
  }
  const Json json{{"study", study},
                  {"program", {{"version", version()}, {"commit", commit()}}},
                  {"study_hash", study_hash},
                  {"detectors", list}};
  std::vector<std::pair<std::string, std::string>> files{
      {file_names::pulls_csv, pulls},
      {file_names::correlations_csv, correlations},
      {file_names::fitted_bins_csv, bins},
      {file_names::profiles_csv, profiles},
      {file_names::fit_json, json.dump(1) + "\n"}};
  if (!belt.empty()) files.emplace_back(file_names::belt_csv, belt);
  return files;
}

}  // namespace magnu
