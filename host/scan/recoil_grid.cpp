#include "magnu/scan/recoil_grid.hpp"

#include <algorithm>
#include <cmath>

#include "magnu/core/quadrature.hpp"

namespace magnu {
namespace {

constexpr int largest_order = 16;
constexpr double accuracy = 1e-13;

/// Species of one channel on one target.
class Scatterers {
 public:
  Scatterers(const Curve& curve, const Target& target) : curve_(curve), target_(target) {}

  /// The mass of each [MeV].
  std::vector<double> masses() const {
    std::vector<double> list;
    visit([&](auto type) {
      using Process = typename decltype(type)::type;
      for (std::size_t s = 0; s < Process::species(target_); ++s)
        list.push_back(Process::mass(target_, s));
    });
    return list;
  }

  /// Rows of given species at given energies.
  RecoilRows rows(std::vector<double> energies, const std::vector<std::size_t>& species) const {
    RecoilRows result;
    visit([&](auto type) {
      using Process = typename decltype(type)::type;
      std::vector<Process> rows;
      rows.reserve(energies.size());
      for (std::size_t i = 0; i < energies.size(); ++i)
        rows.push_back(Process::at(energies[i], target_, species[i], curve_.couplings));
      result.rows = std::move(rows);
    });
    result.energies = std::move(energies);
    return result;
  }

 private:
  template <class F>
  void visit(F&& f) const {
    Processes::for_each([&](auto type) {
      if (decltype(type)::type::name == curve_.channel) f(type);
    });
  }

  const Curve& curve_;
  const Target& target_;
};

/// Edges of panels on which the spectrum off a mass is smooth, from the lowest recoil to the
/// largest. Breaks of the flux (lines, ends, nodes of tables) turn up at the recoil energies whose
/// least neutrino energy they are; towards the end of a beta spectrum, where the positron's
/// momentum has a root, panels shrink.
std::vector<double> panel_edges(const Curve& curve, const Target& target, const SolarFlux& flux,
                                double mass) {
  std::vector<double> cuts{lowest_recoil};
  const auto cut = [&](double energy) {
    if (energy > lowest_recoil) cuts.push_back(energy);
  };
  for (const double energy : flux.break_energies()) cut(maximum_recoil(energy, mass));
  for (const double energy : flux.beta_ends)
    for (int k = 1; k <= 10; ++k) cut(maximum_recoil(energy, mass) * (1 - std::ldexp(1, -2 * k)));
  if (curve.couplings.stepping_electrons && process_facts(curve.channel).electron_recoils)
    for (const auto& shell : target.shells) cut(shell.binding_energy);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());

  const double ratio = panel_ratio(accuracy, largest_order);
  std::vector<double> edges{cuts.front()};
  for (std::size_t i = 1; i < cuts.size(); ++i) {
    const auto panels = geometric_edges(cuts[i - 1], cuts[i], ratio);
    edges.insert(edges.end(), panels.begin() + 1, panels.end());
  }
  return edges;
}

/// Lagrange polynomials of the n Gauss nodes on [0, 1], in barycentric form (Berrut, Trefethen,
/// SIAM Rev. 46 (2004) 501; weights of Gauss-Legendre nodes after Wang, Xiang, Math. Comp. 81
/// (2012) 861).
class Lagrange {
 public:
  explicit Lagrange(int n) : nodes_(gauss_legendre(n).nodes) {
    const auto& rule = gauss_legendre(n);
    for (int j = 0; j < n; ++j) {
      const double w = std::sqrt(rule.nodes[j] * (1 - rule.nodes[j]) * rule.weights[j]);
      weights_.push_back(j % 2 == 0 ? w : -w);
    }
  }

  /// Values of all of them at t, times a factor.
  void values(double t, double factor, std::vector<double>& values) const {
    double sum = 0;
    values.resize(nodes_.size());
    for (std::size_t j = 0; j < nodes_.size(); ++j) {
      if (t == nodes_[j]) {
        std::fill(values.begin(), values.end(), 0.0);
        values[j] = factor;
        return;
      }
      sum += values[j] = weights_[j] / (t - nodes_[j]);
    }
    for (double& value : values) value *= factor / sum;
  }

  static const Lagrange& of(int n) {
    static const auto all = [] {
      std::vector<Lagrange> list;
      for (int k = 1; k <= largest_order; ++k) list.emplace_back(k);
      return list;
    }();
    return all[n - 1];
  }

 private:
  std::vector<double> nodes_, weights_;
};

/// The bins of one species while panels come in ascending order.
class SpeciesBins {
 public:
  explicit SpeciesBins(std::size_t bins) : spans_(bins) {}

  /// Adds to the weights of `rows` rows from `first` on.
  void add(std::size_t bin, std::size_t first, const std::vector<double>& values, double factor) {
    auto& span = spans_[bin];
    if (span.weights.empty()) span.first_row = first;
    const std::size_t offset = first - span.first_row;
    if (span.weights.size() < offset + values.size()) span.weights.resize(offset + values.size());
    for (std::size_t j = 0; j < values.size(); ++j) span.weights[offset + j] += factor * values[j];
  }

  void move_into(Binning& binning, std::size_t bin) const {
    if (!spans_[bin].weights.empty()) binning.add(spans_[bin].first_row, spans_[bin].weights);
  }

 private:
  struct Span {
    std::size_t first_row = 0;
    std::vector<double> weights;
  };
  std::vector<Span> spans_;
};

Binning joined(const std::vector<SpeciesBins>& species, std::size_t bins) {
  Binning binning;
  for (std::size_t b = 0; b < bins; ++b) {
    for (const auto& one : species) one.move_into(binning, b);
    binning.end_bin();
  }
  return binning;
}

/// A Gaussian takes so many nodes more than the spectrum alone on a step of some sigma: tried for
/// steps up to three, where it leaves 2e-15 of the integral. On longer ones no share changes.
int nodes_for_gaussian(double sigmas) {
  return sigmas == 0 ? 0 : 3 + static_cast<int>(std::ceil(2 * std::min(sigmas, 3.0)));
}

}  // namespace

RecoilGrid make_recoil_grid(const Curve& curve, const Target& target, const SolarFlux& flux,
                            double lower, double upper) {
  const Scatterers scatterers(curve, target);
  RecoilGrid grid;
  std::vector<double> energies;
  std::vector<std::size_t> species;
  for (const double mass : scatterers.masses()) {
    const auto edges = panel_edges(curve, target, flux, mass);
    auto& panels = grid.panels.emplace_back();
    for (std::size_t p = 1; p < edges.size(); ++p) {
      if (edges[p] < lower || edges[p - 1] > upper) continue;
      const int nodes = std::clamp(order_for(ellipse_of_ratio(edges[p] / edges[p - 1]), accuracy),
                                   3, largest_order);
      panels.push_back({edges[p - 1], edges[p], energies.size(), nodes});
      for (const double t : gauss_legendre(nodes).nodes)
        energies.push_back(edges[p - 1] + (edges[p] - edges[p - 1]) * t);
      species.resize(energies.size(), grid.panels.size() - 1);
    }
  }
  grid.rows = scatterers.rows(std::move(energies), species);
  return grid;
}

Binning make_binning(const RecoilGrid& grid, const Response& response) {
  std::vector<SpeciesBins> bins(grid.panels.size(), SpeciesBins(response.bins()));
  std::vector<double> values;
  for (std::size_t s = 0; s < grid.panels.size(); ++s) {
    auto mark = response.marks().begin();
    for (const auto& panel : grid.panels[s]) {
      const auto& lagrange = Lagrange::of(panel.nodes);
      const double width = panel.upper - panel.lower;
      if (response.pointwise()) {
        for (; mark != response.marks().end() && *mark <= panel.upper; ++mark) {
          if (*mark < panel.lower) continue;
          lagrange.values((*mark - panel.lower) / width, 1, values);
          bins[s].add(mark - response.marks().begin(), panel.first_row, values, 1);
        }
        continue;
      }
      const double lower = std::max(panel.lower, response.lowest());
      const double upper = std::min(panel.upper, response.highest());
      if (!(lower < upper)) continue;
      const auto cuts = response.cuts(lower, upper);
      for (std::size_t c = 1; c < cuts.size(); ++c) {
        const double step = cuts[c] - cuts[c - 1];
        const auto& rule = gauss_legendre(
            panel.nodes / 2 + 1 + nodes_for_gaussian(response.sigmas(cuts[c - 1], cuts[c])));
        for (std::size_t q = 0; q < rule.nodes.size(); ++q) {
          const double energy = cuts[c - 1] + step * rule.nodes[q];
          lagrange.values((energy - panel.lower) / width, step / constants::keV * rule.weights[q],
                          values);
          response.shares(energy, [&](std::size_t bin, double share) {
            bins[s].add(bin, panel.first_row, values, share);
          });
        }
      }
    }
  }
  return joined(bins, response.bins());
}

RecoilProblem make_recoil_problem(const Curve& curve, const Target& target, const SolarFlux& flux) {
  const Response response(curve);
  const Scatterers scatterers(curve, target);
  const auto masses = scatterers.masses();
  std::vector<SpeciesBins> bins(masses.size(), SpeciesBins(response.bins()));
  std::vector<double> energies;
  std::vector<std::size_t> species;
  const std::vector<double> one{1};
  for (std::size_t s = 0; s < masses.size(); ++s) {
    const auto row = [&](double energy) {
      energies.push_back(energy);
      species.push_back(s);
      return energies.size() - 1;
    };
    if (response.pointwise()) {
      for (std::size_t b = 0; b < response.bins(); ++b)
        bins[s].add(b, row(response.marks()[b]), one, 1);
      continue;
    }
    const auto edges = panel_edges(curve, target, flux, masses[s]);
    for (std::size_t p = 1; p < edges.size(); ++p) {
      const double lower = std::max(edges[p - 1], response.lowest());
      const double upper = std::min(edges[p], response.highest());
      if (!(lower < upper)) continue;
      const auto cuts = response.cuts(lower, upper);
      for (std::size_t c = 1; c < cuts.size(); ++c) {
        const double step = cuts[c] - cuts[c - 1];
        const auto& rule =
            gauss_legendre(gauss_nodes_for(ellipse_of_ratio(cuts[c] / cuts[c - 1]), accuracy) +
                           nodes_for_gaussian(response.sigmas(cuts[c - 1], cuts[c])));
        for (std::size_t q = 0; q < rule.nodes.size(); ++q) {
          const double energy = cuts[c - 1] + step * rule.nodes[q];
          const auto i = row(energy);
          response.shares(energy, [&](std::size_t bin, double share) {
            bins[s].add(bin, i, one, step / constants::keV * rule.weights[q] * share);
          });
        }
      }
    }
  }
  return {scatterers.rows(std::move(energies), species), joined(bins, response.bins())};
}

RecoilRows make_recoil_rows(const Curve& curve, const Target& target,
                            const std::vector<double>& energies) {
  const Scatterers scatterers(curve, target);
  const std::size_t count = scatterers.masses().size();
  std::vector<double> all;
  std::vector<std::size_t> species;
  for (const double energy : energies)
    for (std::size_t s = 0; s < count; ++s) {
      all.push_back(energy);
      species.push_back(s);
    }
  return scatterers.rows(std::move(all), species);
}

}  // namespace magnu
