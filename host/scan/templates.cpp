#include "magnu/scan/templates.hpp"

namespace magnu {

Templates total(const Spectra& spectra) {
  Templates rows;
  const std::size_t count =
      spectra.components == 0 ? 0 : spectra.values.size() / spectra.components;
  rows.standard_model.reserve(count);
  rows.magnetic.reserve(count);
  for (std::size_t row = 0; row < count; ++row) {
    const auto sum = spectra.total(row);
    rows.standard_model.push_back(sum.standard_model);
    rows.magnetic.push_back(sum.magnetic);
  }
  return rows;
}

Templates direct_templates(const Runner& runner, const SolarFlux& flux,
                           const RecoilProblem& problem) {
  const double no_mu[] = {0.0}, one_mu[] = {1.0};
  return {problem.binning.sums(runner.direct(flux, problem, no_mu, true, {}).spectrum),
          runner.direct(flux, problem, one_mu, false, {}).extra};
}

}  // namespace magnu
