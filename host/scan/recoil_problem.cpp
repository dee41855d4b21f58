#include "magnu/scan/recoil_problem.hpp"

#include <algorithm>

#include "magnu/core/error.hpp"
#include "magnu/core/quadrature.hpp"

namespace magnu {
namespace {

constexpr int points_per_panel = 16;

/// Calls f with an empty vector of each process's rows.
template <class F, class... Rows>
void for_each_process(std::variant<Rows...>*, F&& f) {
  (f(Rows{}), ...);
}

template <class F>
void for_each_process(F&& f) {
  for_each_process(static_cast<Processes::Rows*>(nullptr), std::forward<F>(f));
}

void add_rows(RecoilProblem& problem, const Curve& curve, const Target& target) {
  for_each_process([&](auto rows) {
    using Process = typename decltype(rows)::value_type;
    if (Process::name != curve.channel) return;
    for (const double energy : problem.energies) {
      const auto species = Process::at(energy, target, curve.couplings);
      problem.species = species.size();
      rows.insert(rows.end(), species.begin(), species.end());
    }
    problem.rows = std::move(rows);
  });
}

/// Recoil energies at which the spectrum or its slope breaks.
std::vector<double> break_points(const Curve& curve, const Target& target, const SolarFlux& flux) {
  std::vector<double> breaks;
  if (curve.couplings.stepping_electrons)
    for (const auto& shell : target.shells) breaks.push_back(shell.binding_energy);
  const bool electrons = process_facts(curve.channel).electron_recoils;
  for (const double energy : flux.break_energies()) {
    if (electrons) {
      breaks.push_back(maximum_recoil(energy, constants::electron_mass));
    } else {
      for (const auto& isotope : target.isotopes)
        breaks.push_back(maximum_recoil(energy, isotope.nuclear_mass()));
    }
  }
  std::sort(breaks.begin(), breaks.end());
  return breaks;
}

std::vector<double> panel_edges(double lower, double upper, const std::vector<double>& breaks,
                                double ratio) {
  std::vector<double> cuts{lower};
  for (const double b : breaks)
    if (b > cuts.back() && b < upper) cuts.push_back(b);
  cuts.push_back(upper);
  std::vector<double> edges{lower};
  for (std::size_t i = 1; i < cuts.size(); ++i) {
    const auto panels = geometric_edges(cuts[i - 1], cuts[i], ratio);
    edges.insert(edges.end(), panels.begin() + 1, panels.end());
  }
  return edges;
}

}  // namespace

RecoilProblem make_recoil_problem(const Curve& curve, const Target& target, const SolarFlux& flux) {
  RecoilProblem problem;
  problem.first_point.push_back(0);
  const auto breaks = break_points(curve, target, flux);
  double ratio = panel_ratio(curve.flux.accuracy / 10, 2 * points_per_panel);
  // Off nuclei each node of a tabulated spectrum leaves a kink in the slope; panels this narrow
  // keep what they cost below 1e-9.
  if (!process_facts(curve.channel).electron_recoils) ratio = std::min(ratio, 1.4);
  const auto& rule = gauss_legendre(points_per_panel);
  for (int bin = 0; bin < curve.bins; ++bin) {
    const double lower = curve.lower_edge(bin), upper = curve.lower_edge(bin + 1);
    if (curve.statistic == Statistic::density) {
      problem.energies.push_back(0.5 * (lower + upper));
      problem.weights.push_back(1);
    } else {
      const auto edges = panel_edges(lower, upper, breaks, ratio);
      for (std::size_t p = 1; p < edges.size(); ++p)
        for (int j = 0; j < points_per_panel; ++j) {
          const double width = edges[p] - edges[p - 1];
          problem.energies.push_back(edges[p - 1] + width * rule.nodes[j]);
          problem.weights.push_back(width / constants::keV * rule.weights[j]);
        }
    }
    problem.first_point.push_back(problem.energies.size());
  }
  add_rows(problem, curve, target);
  return problem;
}

RecoilProblem make_recoil_problem(const Curve& curve, const Target& target,
                                  const std::vector<double>& energies) {
  RecoilProblem problem;
  problem.energies = energies;
  problem.weights.assign(energies.size(), 1);
  for (std::size_t i = 0; i <= energies.size(); ++i) problem.first_point.push_back(i);
  add_rows(problem, curve, target);
  return problem;
}

std::vector<std::string> process_names() {
  std::vector<std::string> names;
  for_each_process([&](auto rows) { names.emplace_back(decltype(rows)::value_type::name); });
  return names;
}

ProcessFacts process_facts(const std::string& channel) {
  ProcessFacts facts;
  std::string known;
  for_each_process([&](auto rows) {
    using Process = typename decltype(rows)::value_type;
    known += (known.empty() ? "" : ", ") + std::string(Process::name);
    if (Process::name == channel)
      facts = {channel, Process::defaults, Process::electron_recoils, &Process::kinematic_mass};
  });
  if (facts.name.empty())
    throw InputError({"", 0, "channel", channel}, "unknown name", "known: " + known);
  return facts;
}

}  // namespace magnu
