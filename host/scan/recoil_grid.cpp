#include "magnu/scan/recoil_grid.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

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

/// A stretch of recoil energies [MeV] on which the spectrum off one mass is smooth, and the order
/// at which polynomials converge there.
struct Stretch {
  double lower = 0, upper = 0;
  int order = 0;
  int end_order = 0;  ///< of that, what the end of a component or a resonance asks for

  /// Gauss nodes that integrate a part of it, [from, to].
  int gauss_nodes(double from, double to) const {
    const int of_part = gauss_nodes_for(ellipse_of_ratio(to / from), accuracy);
    return end_order == 0 ? of_part : std::max(of_part, end_order / 2 + 2);
  }
};

// Towards the end of a beta spectrum, where next to nothing is counted, fewer digits do.
constexpr double end_accuracy = 1e-11;

/// The order that the end of a beta spectrum asks for on a stretch of neutrino energies [MeV]; zero
/// where that is far from it.
int order_at_end(const BetaEnd& end, double lower, double upper) {
  static const auto steps = [] {
    std::vector<double> list;
    for (int n = 1; n <= largest_order; ++n) list.push_back(exponential_step(end_accuracy, n));
    return list;
  }();
  const double far = end.energy() - lower, near = end.energy() - upper;
  if (near < 0.99 * end.last() || far > 0.51 * end.energy()) return 0;
  const double step = coulomb_exponent(end.decay(), near) - coulomb_exponent(end.decay(), far);
  const auto exponential = std::lower_bound(steps.begin(), steps.end(), step) - steps.begin() + 1;
  return std::max(order_for(ellipse_of_ratio(far / near), end_accuracy),
                  static_cast<int>(exponential));
}

/// Whether an energy [MeV] is in the last quarter of a component: a rate that falls there towards
/// zero, as the square of the distance and, off nuclei, as its cube, takes as many orders more to
/// keep its relative accuracy.
constexpr int vanishing_orders = 3;
bool falls_off_at(const SolarFlux& flux, double energy) {
  const auto here = [&](double end) { return energy > 0.75 * end && energy < (1 + 1e-12) * end; };
  for (std::size_t c = 0; c < flux.components.size(); ++c)
    if (const int next = flux.first_panel[c + 1];
        next > flux.first_panel[c] && here(flux.panels[next - 1].upper))
      return true;
  return std::any_of(flux.lines.begin(), flux.lines.end(),
                     [&](const FluxLine& line) { return here(line.energy); });
}

/// Those that reach into [lower, upper], of all from the lowest recoil to the largest. Breaks of
/// the flux (lines, ends, nodes of tables) turn up at the recoil energies whose least neutrino
/// energy they are; towards the end of a beta spectrum stretches shrink as the flux falls off, and
/// where Pee is steep.
std::vector<Stretch> stretches(const Curve& curve, const Target& target, const SolarFlux& flux,
                               double mass, double lower, double upper) {
  static const double ratio = panel_ratio(accuracy, largest_order);
  static const double end_ratio = panel_ratio(end_accuracy, largest_order);
  static const double end_step = exponential_step(end_accuracy, largest_order);
  std::vector<double> cuts{lowest_recoil};
  const auto cut = [&](double energy) {
    if (energy > lowest_recoil) cuts.push_back(energy);
  };
  for (const double energy : flux.break_energies()) cut(maximum_recoil(energy, mass));
  for (const auto& end : flux.beta_ends)
    for (const double distance : end.distances(end.energy() / 2, end_ratio, end_step))
      cut(maximum_recoil(end.energy() - distance, mass));
  if (curve.couplings.stepping_electrons && process_facts(curve.channel).electron_recoils)
    for (const auto& shell : target.shells) cut(shell.binding_energy);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());

  // Sharper resonances are those of single shells, of which each counts for little: four times as
  // many rows change no rate by more than 2e-10, tried down to sin^2 theta12 = 1e-9.
  auto rays = flux.rays;
  rays.cosine = std::min(rays.cosine, 1 - 5e-5);
  const bool flavours_differ = process_facts(curve.channel).electron_recoils;
  std::vector<Stretch> list;
  const std::function<void(double, double)> add = [&](double low, double high) {
    if (high < lower || low > upper) return;
    const double from = minimum_neutrino_energy(low, mass);
    const double to = minimum_neutrino_energy(high, mass);
    int order = order_for(ellipse_of_ratio(high / low), accuracy);
    int end_order = falls_off_at(flux, to) ? order + vanishing_orders : 0;
    for (const auto& end : flux.beta_ends)
      end_order = std::max(end_order, order_at_end(end, from, to));
    // Little mixing makes Pee steep at its resonance, and the rate where that is the least energy.
    if (const int steep = order_for(rays.ellipse(from, to), accuracy);
        flavours_differ && steep > order) {
      if (steep > largest_order) {
        const double middle = std::sqrt(low * high);
        add(low, middle);
        add(middle, high);
        return;
      }
      end_order = std::max(end_order, steep);
    }
    order = std::max(order, end_order);
    list.push_back({low, high, std::clamp(order, 3, largest_order), end_order});
  };
  for (std::size_t i = 1; i < cuts.size(); ++i) {
    const auto edges = geometric_edges(cuts[i - 1], cuts[i], ratio);
    for (std::size_t p = 1; p < edges.size(); ++p) add(edges[p - 1], edges[p]);
  }
  return list;
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
    auto& panels = grid.panels.emplace_back();
    for (const auto& stretch : stretches(curve, target, flux, mass, lower, upper)) {
      panels.push_back({stretch.lower, stretch.upper, energies.size(), stretch.order});
      for (const double t : gauss_legendre(stretch.order).nodes)
        energies.push_back(stretch.lower + (stretch.upper - stretch.lower) * t);
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
    for (const auto& stretch :
         stretches(curve, target, flux, masses[s], response.lowest(), response.highest())) {
      const double lower = std::max(stretch.lower, response.lowest());
      const double upper = std::min(stretch.upper, response.highest());
      if (!(lower < upper)) continue;
      const auto cuts = response.cuts(lower, upper);
      for (std::size_t c = 1; c < cuts.size(); ++c) {
        const double step = cuts[c] - cuts[c - 1];
        const auto& rule =
            gauss_legendre(stretch.gauss_nodes(cuts[c - 1], cuts[c]) +
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
