#include "magnu/scan/templates.hpp"

namespace magnu {

Templates grouped(const Spectra& spectra, Grouping grouping) {
  const std::size_t components = spectra.components;
  const std::size_t rows = components == 0 ? 0 : spectra.values.size() / components;
  Templates templates;
  if (grouping == Grouping::together) {
    templates.standard_model.reserve(rows);
    templates.magnetic.reserve(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto sum = spectra.total(row);
      templates.standard_model.push_back(sum.standard_model);
      templates.magnetic.push_back(sum.magnetic);
    }
    return templates;
  }
  templates.groups = components;
  templates.standard_model.resize(rows * components);
  templates.magnetic.resize(rows * components);
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t c = 0; c < components; ++c) {
      const auto& value = spectra.values[row * components + c];
      templates.standard_model[c * rows + row] = value.standard_model;
      templates.magnetic[c * rows + row] = value.magnetic;
    }
  return templates;
}

Templates bin(const Binning& binning, const Templates& rows) {
  Templates bins;
  bins.groups = rows.groups;
  const auto append = [&](std::vector<double>& to, const std::vector<double>& from,
                          std::size_t group) {
    const auto sums = binning.sums(std::span(from).subspan(group * rows.size(), rows.size()));
    to.insert(to.end(), sums.begin(), sums.end());
  };
  for (std::size_t group = 0; group < rows.groups; ++group) {
    append(bins.standard_model, rows.standard_model, group);
    append(bins.magnetic, rows.magnetic, group);
  }
  for (const auto& shift : rows.shifts) bins.shifts.push_back(binning.sums(shift));
  return bins;
}

Templates direct_templates(const Runner& runner, const SolarFlux& flux,
                           const RecoilProblem& problem) {
  const double no_mu[] = {0.0}, one_mu[] = {1.0};
  return {1,
          problem.binning.sums(runner.direct(flux, problem, no_mu, true, {}).spectrum),
          runner.direct(flux, problem, one_mu, false, {}).extra,
          {}};
}

}  // namespace magnu
