// Fits problems as the independent minimisers of statistics_independent.py are given them. Standard
// input holds numbers: bins and parameters, then for each parameter its standard deviation (0:
// fixed, inf: free), whether it is bounded, its nominal value, and its templates at s = 0 and per unit of s;
// then the counts. A line of results for each problem.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "magnu/statistics/intervals.hpp"

namespace {

double number() {
  std::string word;
  std::cin >> word;
  return std::stod(word);
}

std::vector<double> numbers(std::size_t n) {
  std::vector<double> values(n);
  for (auto& value : values) value = number();
  return values;
}

}  // namespace

int main() {
  using namespace magnu;
  for (std::size_t bins, parameters; std::cin >> bins >> parameters;) {
    Likelihood model(bins);
    for (std::size_t p = 0; p < parameters; ++p) {
      const double sigma = number();
      const bool positive = number() != 0;
      const double nominal = number();
      const auto base = numbers(bins), slope = numbers(bins);
      model.add({"", nominal, sigma, positive}, base, slope);
    }
    const Data data(model, numbers(bins));
    Analysis analysis(model, data);
    const auto two_sided = analysis.interval(IntervalTest::two_sided, 0.9);
    const auto upper = analysis.interval(IntervalTest::upper, 0.9);
    std::printf("%d %.17g %.17g %.17g %.17g %.17g %.17g\n",
                two_sided.converged && upper.converged, two_sided.best.s, two_sided.best.nll,
                two_sided.q0, two_sided.lower, two_sided.upper, upper.upper);
  }
}
