#include "magnu/experiment/solar_flux.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <numeric>

#include "magnu/core/data.hpp"
#include "magnu/core/error.hpp"
#include "magnu/core/quadrature.hpp"
#include "magnu/experiment/survival_layout.hpp"
#include "magnu/physics/beta_decay.hpp"

namespace magnu {
namespace {

constexpr int beta_terms = 16;
constexpr std::size_t shell_multiple = 8;

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void require(const std::vector<std::string>& known, const std::string& name, const char* key) {
  if (contains(known, name)) return;
  std::string list;
  for (const auto& k : known) list += (list.empty() ? "" : ", ") + k;
  throw InputError({"", 0, key, name}, "unknown name", "known: " + list);
}

/// What of a flux does not depend on the oscillation.
class Builder {
 public:
  explicit Builder(const FluxSettings& settings)
      : ratio_(panel_ratio(settings.accuracy / 10, fit_nodes)) {
    flux_.settings = settings;
    require(solar_models(), settings.solar_model, "solar_model");
    require(b8_spectra(), settings.b8_spectrum, "b8_spectrum");
    for (const auto& name : settings.components) require(solar_components(), name, "components");
  }

  SolarFlux build() {
    const auto& totals = data_table("solar_fluxes.csv");
    for (std::size_t row = 0; row < totals.rows(); ++row) {
      const auto& name = totals.text(row, "component");
      const auto& chosen = flux_.settings.components;
      if (!chosen.empty() && !contains(chosen, name)) continue;
      add_component(name, totals.number(row, flux_.settings.solar_model));
    }
    flux_.first_panel.push_back(static_cast<int>(flux_.panels.size()));
    flux_.first_line.push_back(static_cast<int>(flux_.lines.size()));
    add_production();
    return std::move(flux_);
  }

 private:
  void add_component(const std::string& name, double total) {
    component_ = static_cast<int>(flux_.components.size());
    flux_.components.push_back(name);
    flux_.total.push_back(total);
    flux_.end_energy.push_back(0);
    flux_.first_panel.push_back(static_cast<int>(flux_.panels.size()));
    flux_.first_line.push_back(static_cast<int>(flux_.lines.size()));
    const auto& shapes = data_table("solar_components.csv");
    for (std::size_t row = 0; row < shapes.rows(); ++row) {
      if (shapes.text(row, "component") != name) continue;
      const auto& kind = shapes.text(row, "kind");
      const double energy = shapes.number(row, "energy_MeV");
      if (kind == "line") {
        flux_.lines.push_back({energy, total * shapes.number(row, "fraction"), component_});
        flux_.end_energy.back() = std::max(flux_.end_energy.back(), energy);
      } else if (kind == "beta") {
        add_beta({energy, static_cast<int>(shapes.number(row, "daughter_z")),
                  static_cast<int>(shapes.number(row, "daughter_a"))},
                 total);
      } else {
        add_table(name + "_spectrum_" + flux_.settings.b8_spectrum + ".csv", total);
      }
    }
  }

  void add_panel(double lower, double upper, const std::vector<double>& coefficients,
                 double ratio) {
    flux_.panels.push_back({lower, upper, 1, 2 / (upper - lower), 0, component_,
                            static_cast<int>(flux_.coefficients.size()),
                            static_cast<int>(coefficients.size()),
                            gauss_nodes_for(ellipse_of_ratio(ratio), flux_gauss_accuracy), 0});
    flux_.coefficients.insert(flux_.coefficients.end(), coefficients.begin(), coefficients.end());
  }

  /// Panels grow geometrically away from zero and shrink towards the end point.
  void add_beta(const BetaDecay& decay, double total) {
    const BetaEnd beta_end(decay);
    const double end = decay.end_energy, middle = end / 2;
    auto edges = geometric_edges(lowest_neutrino_energy, middle, ratio_);
    const auto distances = beta_end.distances(
        middle, ratio_, exponential_step(flux_.settings.accuracy / 10, fit_nodes));
    for (std::size_t i = 1; i < distances.size(); ++i) edges.push_back(end - distances[i]);

    // From the edges as they were rounded: their distances from the end are exact.
    const auto spectrum = [&](double distance) { return beta_spectrum_below_end(decay, distance); };
    double norm = integrate(spectrum, end - lowest_neutrino_energy, end, beta_terms);
    for (std::size_t i = 1; i < edges.size(); ++i)
      norm += integrate(spectrum, end - edges[i], end - edges[i - 1], beta_terms);

    static const auto nodes = chebyshev_nodes(beta_terms);
    static const auto transform = chebyshev_transform(beta_terms);
    for (std::size_t i = 1; i < edges.size(); ++i) {
      const double half = 0.5 * (edges[i] - edges[i - 1]), centre = (end - edges[i]) + half;
      std::vector<double> coefficients(beta_terms);
      for (int j = 0; j < beta_terms; ++j) {
        const double value = spectrum(centre - half * nodes[j]) * total / norm;
        for (int m = 0; m < beta_terms; ++m)
          coefficients[m] += transform[m * beta_terms + j] * value;
      }
      add_panel(edges[i - 1], edges[i], coefficients, ratio_);
    }
    flux_.end_energy.back() = end;
    flux_.beta_ends.push_back(beta_end);
  }

  /// Linear between the table's nodes and normalised over the table; panels end on nodes.
  void add_table(const std::string& file, double total) {
    const auto& table = data_table(file);
    const auto energy = table.numbers("neutrino_energy_MeV");
    const auto value = table.numbers("probability_per_MeV");
    double norm = 0;
    for (std::size_t i = 1; i < energy.size(); ++i)
      norm += 0.5 * (energy[i] - energy[i - 1]) * (value[i] + value[i - 1]);
    const auto at = [&](std::size_t i, double e) {  // from above: exact where it ends at zero
      const double slope = (value[i] - value[i - 1]) / (energy[i] - energy[i - 1]);
      return total / norm * (value[i] - slope * (energy[i] - e));
    };
    for (std::size_t i = 1; i < energy.size(); ++i) {
      if (energy[i] <= lowest_neutrino_energy) continue;
      if (value[i] == 0 && value[i - 1] == 0) continue;  // tables end in rows of zeros
      const double lower = std::max(energy[i - 1], lowest_neutrino_energy);
      auto edges = geometric_edges(lower, energy[i], ratio_);
      if (value[i] == 0) cut_towards(edges);
      for (std::size_t p = 1; p < edges.size(); ++p) {
        const double left = at(i, edges[p - 1]), right = at(i, edges[p]);
        add_panel(edges[p - 1], edges[p], {0.5 * (left + right), 0.5 * (right - left)},
                  edges[p] / edges[p - 1]);
      }
    }
    flux_.end_energy.back() = energy.back();
    flux_.table_nodes = energy;
  }

  /// Cuts the last panel of a spectrum that ends at zero, each piece an eighth of the one before:
  /// what is left above an energy is small against a piece, not against the panel, so it keeps its
  /// digits. The last piece holds 1e-18 of the panel.
  static void cut_towards(std::vector<double>& edges) {
    const double end = edges.back(), width = end - edges[edges.size() - 2];
    edges.pop_back();
    for (int k = 1; k <= 10; ++k) edges.push_back(end - std::ldexp(width, -3 * k));
    edges.push_back(end);
  }

  void add_production() {
    const auto& models = data_table("solar_models.csv");
    std::string production;
    for (std::size_t row = 0; row < models.rows(); ++row)
      if (models.text(row, "model") == flux_.settings.solar_model)
        production = models.text(row, "production");
    const auto& table = data_table("production_" + production + ".csv");
    const auto padded = [](std::vector<double> values) {  // for whole vectors
      values.resize((values.size() + shell_multiple - 1) / shell_multiple * shell_multiple);
      return values;
    };
    flux_.shell_density = padded(table.numbers("electron_density"));
    for (const auto& name : flux_.components) {
      const auto fraction = padded(table.numbers(name));
      const double sum = std::accumulate(fraction.begin(), fraction.end(), 0.0);
      for (const double f : fraction) flux_.shell_fraction.push_back(f / sum);
    }
  }

  SolarFlux flux_;
  double ratio_;
  int component_ = 0;
};

template <class T>
View<const T> view_of(const std::vector<T>& values) {
  return {values.data(), values.size()};
}

}  // namespace

FluxView SolarFlux::view() const {
  return {view_of(panels),
          view_of(coefficients),
          view_of(first_panel),
          view_of(lines),
          view_of(first_line),
          view_of(segment_end),
          view_of(segment_panel),
          view_of(survival_panels),
          view_of(shell_density),
          view_of(shell_fraction),
          SurvivalProbability(settings.oscillation)};
}

std::vector<double> SolarFlux::break_energies() const {
  auto energies = end_energy;
  for (const auto& line : lines) energies.push_back(line.energy);
  energies.insert(energies.end(), table_nodes.begin(), table_nodes.end());
  std::sort(energies.begin(), energies.end());
  energies.erase(std::unique(energies.begin(), energies.end()), energies.end());
  return energies;
}

SolarFlux make_solar_flux(const FluxSettings& settings, std::span<const Oscillation> covered) {
  // Whoever sweeps the oscillation gets the spectra of the last flux again, and a thread its last
  // layout where that is the same. The lock is held for looking, not for laying.
  static std::mutex mutex;
  static std::shared_ptr<const SolarFlux> last;
  auto unoscillated = settings;
  unoscillated.oscillation = {};
  std::shared_ptr<const SolarFlux> spectra;
  {
    const std::lock_guard lock(mutex);
    if (!last || !(last->settings == unoscillated))
      last = std::make_shared<const SolarFlux>(Builder(unoscillated).build());
    spectra = last;
  }
  const double densest =
      *std::max_element(spectra->shell_density.begin(), spectra->shell_density.end());
  SingularRays rays;
  rays.add(settings.oscillation, densest);
  for (const auto& parameters : covered) rays.add(parameters, densest);
  struct Laid {
    std::shared_ptr<const SolarFlux> spectra;
    SolarFlux flux;
  };
  thread_local Laid laid;
  if (laid.spectra != spectra || !(laid.flux.rays == rays)) {
    laid.spectra.reset();
    laid.flux = *spectra;
    laid.flux.rays = rays;
    lay_survival(laid.flux);
    laid.spectra = spectra;
  }
  auto flux = laid.flux;
  flux.settings = settings;
  return flux;
}

double flux_uncertainty(const std::string& solar_model, const std::string& component) {
  const auto& table = data_table("solar_fluxes.csv");
  const bool own = solar_model.starts_with("b16");
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (table.text(row, "component") == component)
      return table.number(row, (own ? solar_model : "b16gs98") + "_sigma");
  throw InputError({"", 0, "components", component}, "no uncertainty is known of its flux",
                   "known: those of data/solar_fluxes.csv");
}

std::vector<std::string> solar_models() {
  const auto& table = data_table("solar_models.csv");
  std::vector<std::string> names;
  for (std::size_t row = 0; row < table.rows(); ++row) names.push_back(table.text(row, "model"));
  return names;
}

std::vector<std::string> b8_spectra() {
  return data_names("b8_spectrum_");
}

std::vector<std::string> solar_components() {
  const auto& table = data_table("solar_fluxes.csv");
  std::vector<std::string> names;
  for (std::size_t row = 0; row < table.rows(); ++row)
    names.push_back(table.text(row, "component"));
  return names;
}

std::vector<double> flux_ends(const std::string& component, const std::string& b8_spectrum) {
  const auto& shapes = data_table("solar_components.csv");
  std::vector<double> energies;
  for (std::size_t row = 0; row < shapes.rows(); ++row) {
    if (shapes.text(row, "component") != component) continue;
    if (shapes.text(row, "kind") != "table") {
      energies.push_back(shapes.number(row, "energy_MeV"));
      continue;
    }
    const auto& table = data_table(component + "_spectrum_" + b8_spectrum + ".csv");
    const auto energy = table.numbers("neutrino_energy_MeV");
    const auto value = table.numbers("probability_per_MeV");
    std::size_t last = energy.size() - 1;
    while (last > 0 && value[last - 1] == 0) --last;
    energies.push_back(energy[last]);
  }
  return energies;
}

}  // namespace magnu
