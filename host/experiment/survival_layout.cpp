#include "magnu/experiment/survival_layout.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "magnu/core/quadrature.hpp"

namespace magnu {

void SingularRays::add(const Oscillation& parameters, double densest) {
  const SurvivalProbability probability(parameters);
  // Without mixing the rays are the real axis, and panels would have no width.
  cosine = std::max(cosine, std::min(probability.singular_cosine(), 1 - sharpest_resonance));
  energy = std::min(energy, probability.singular_energy(densest));
}

double SingularRays::ellipse(double lower, double upper) const {
  const double size = std::max(energy, 2 * lower * upper * cosine / (lower + upper));
  const auto distance = [&](double end) {
    return std::sqrt((size - end) * (size - end) + 2 * size * end * (1 - cosine));
  };
  const double sum = (distance(lower) + distance(upper)) / (upper - lower);
  return sum + std::sqrt(std::max(0.0, sum * sum - 1));
}

double SingularRays::reach(double lower, double limit, double rho) const {
  if (ellipse(lower, limit) >= rho) return limit;
  double good = lower;
  for (double bad = limit; bad - good > 1e-3 * (good - lower);) {
    const double middle = 0.5 * (good + bad);
    (ellipse(lower, middle) >= rho ? good : bad) = middle;
  }
  return good;
}

namespace {

constexpr double survival_accuracy = 1e-14;

class SurvivalLayout {
 public:
  explicit SurvivalLayout(SolarFlux& flux)
      : flux_(flux),
        rays_(flux.rays),
        fit_ellipse_(ellipse_for(flux.settings.accuracy / 10, fit_nodes)) {
    const auto whole = std::exchange(flux.panels, {});
    flux.panels.reserve(2 * whole.size());
    const auto first = std::exchange(flux.first_panel, {});
    for (std::size_t c = 0; c + 1 < first.size(); ++c) {
      flux.first_panel.push_back(static_cast<int>(flux.panels.size()));
      if (first[c] < first[c + 1])
        add_component({whole.data() + first[c], whole.data() + first[c + 1]});
    }
    flux.first_panel.push_back(static_cast<int>(flux.panels.size()));
    for (const auto& line : flux.lines)
      flux.survival_nodes.push_back({line.energy, line.component});
    add_segments();
  }

 private:
  void add_component(std::span<const FluxPanel> panels) {
    static const double ellipse = ellipse_for(survival_accuracy, survival_terms);
    const double end = panels.back().upper;
    double upper = panels.front().lower;
    for (const auto& whole : panels) {
      for (auto panel = whole; panel.lower < whole.upper; panel.lower = panel.upper) {
        if (panel.lower >= upper) {
          upper = rays_.reach(panel.lower, end, ellipse);
          add_survival(panel.lower, upper, panel.component);
        }
        const double lower = panel.lower;
        panel = whole;
        panel.lower = lower;
        panel.end_at(std::min(whole.upper, upper));
        panel.survival = static_cast<int>(flux_.survival_panels.size()) - 1;
        add_pieces(panel);
      }
    }
  }

  void add_survival(double lower, double upper, int component) {
    static const auto nodes = chebyshev_nodes(survival_terms);
    const double centre = 0.5 * (lower + upper), half = 0.5 * (upper - lower);
    flux_.survival_panels.push_back({centre, 1 / half});
    for (const double x : nodes) flux_.survival_nodes.push_back({centre + half * x, component});
  }

  void add_pieces(FluxPanel panel) {
    const double ellipse = rays_.ellipse(panel.lower, panel.upper);
    if (ellipse < fit_ellipse_) {
      auto left = panel;
      left.end_at(0.5 * (panel.lower + panel.upper));
      add_pieces(left);
      panel.lower = left.upper;
      add_pieces(panel);
      return;
    }
    panel.inverse_width = 1 / (panel.upper - panel.lower);
    panel.gauss_nodes = std::max(panel.gauss_nodes, gauss_nodes_for(ellipse, flux_gauss_accuracy));
    flux_.panels.push_back(panel);
  }

  /// Merges the panels' edges.
  void add_segments() {
    const std::size_t components = flux_.components.size();
    std::vector<int> current(components, -1);
    std::vector<double> upper(components, std::numeric_limits<double>::infinity());
    const auto use = [&](std::size_t c, int panel) {
      const bool any = panel < flux_.first_panel[c + 1];
      current[c] = any ? panel : -1;
      upper[c] = any ? flux_.panels[panel].upper : std::numeric_limits<double>::infinity();
    };
    for (std::size_t c = 0; c < components; ++c) use(c, flux_.first_panel[c]);
    flux_.segment_end.reserve(flux_.panels.size());
    flux_.segment_panel.reserve((flux_.panels.size() + 1) * components);
    for (;;) {
      flux_.segment_panel.insert(flux_.segment_panel.end(), current.begin(), current.end());
      const double end = *std::min_element(upper.begin(), upper.end());
      if (std::isinf(end)) return;
      flux_.segment_end.push_back(end);
      for (std::size_t c = 0; c < components; ++c)
        if (upper[c] == end) use(c, current[c] + 1);
    }
  }

  SolarFlux& flux_;
  const SingularRays& rays_;
  double fit_ellipse_;
};

}  // namespace

void lay_survival(SolarFlux& flux) {
  const SurvivalLayout laid(flux);
}

}  // namespace magnu
