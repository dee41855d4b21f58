// Likelihood fits for judges outside: problems in, results out, as JSON on standard input and
// output.
//
// A problem: base [parameters][bins] at s = 0, slope [parameters][bins] per unit of s, sigma
// [parameters] (0: fixed, "free": no constraint), counts [bins]; where wanted positive [parameters]
// (true), nominal [parameters] (1, or 0 of what may be negative), measured [parameters] of those
// not fixed (as nominal), test ("two-sided"), level (0.9), and at: other s to fit at. A slope
// [bins] is a signal that no parameter scales. What has no number is null; an upper limit of a fit
// that converged is null where nothing is excluded. The input is an array of problems, the output
// one of results.
#include <iostream>
#include <nlohmann/json.hpp>

#include "magnu/statistics/intervals.hpp"

namespace magnu {
namespace {

using Json = nlohmann::json;
using Row = std::vector<double>;

Likelihood read_likelihood(const Json& problem, std::size_t bins) {
  Likelihood likelihood(bins);
  const auto &base = problem.at("base"), &slope = problem.at("slope"), &sigma = problem.at("sigma");
  const bool apart = !slope.empty() && slope[0].is_number();
  const Row none(bins);
  const auto row = [&](const Json& rows, std::size_t p) {
    auto values = rows.at(p).get<Row>();
    if (values.size() != bins) throw std::invalid_argument("a template has another length");
    return values;
  };
  for (std::size_t p = 0; p < base.size(); ++p) {
    Nuisance nuisance{"p" + std::to_string(p), 1, 0, true};
    nuisance.sigma =
        sigma.at(p) == "free" ? std::numeric_limits<double>::infinity() : sigma.at(p).get<double>();
    if (problem.contains("positive")) nuisance.positive = problem["positive"].at(p);
    nuisance.nominal = nuisance.positive ? 1 : 0;
    if (problem.contains("nominal")) nuisance.nominal = problem["nominal"].at(p);
    likelihood.add(nuisance, row(base, p), apart ? none : row(slope, p));
  }
  if (apart) likelihood.add({"signal", 1, 0, true}, none, slope.get<Row>());
  return likelihood;
}

IntervalTest read_test(const std::string& name) {
  if (name == "two-sided") return IntervalTest::two_sided;
  if (name == "upper") return IntervalTest::upper;
  if (name == "cls") return IntervalTest::cls;
  throw std::invalid_argument("no test: " + name);
}

/// JSON has neither.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Json solve(const Json& problem) {
  const auto counts = problem.at("counts").get<Row>();
  const auto likelihood = read_likelihood(problem, counts.size());
  const Data data(likelihood, counts, problem.value("measured", likelihood.nominal()));
  Analysis analysis(likelihood, data);
  auto& profile = analysis.profile();
  const auto fit = [&](double s) {
    const auto minimum = profile.at(s);
    const auto theta = profile.theta();
    return Json{{"s", s},
                {"nll", number(minimum.nll)},
                {"slope", number(minimum.slope)},
                {"theta", Row(theta.data, theta.data + theta.size)},
                {"converged", minimum.converged}};
  };
  const auto interval =
      analysis.interval(read_test(problem.value("test", "two-sided")), problem.value("level", 0.9));
  auto result = fit(interval.best.s);
  result["nll"] = number(interval.best.nll);
  result["converged"] = interval.converged && result["converged"];
  result["q0"] = number(interval.q0);
  result["lower"] = number(interval.converged ? interval.lower : NAN);
  result["upper"] = number(interval.converged ? interval.upper : NAN);
  result["unit"] = profile.unit();
  result["fits"] = Json::array();
  for (const double s : problem.value("at", Row())) {
    result["fits"].push_back(fit(s));
    if (problem.value("test", "") == "cls")
      result["fits"].back()["cls"] = number(analysis.cls(s, interval.best));
  }
  return result;
}

}  // namespace
}  // namespace magnu

int main() try {
  auto results = nlohmann::json::array();
  for (const auto& problem : nlohmann::json::parse(std::cin))
    results.push_back(magnu::solve(problem));
  std::cout << results.dump() << '\n';
  return 0;
} catch (const std::exception& error) {
  std::cerr << "likelihood_driver: " << error.what() << '\n';
  return 2;
}
