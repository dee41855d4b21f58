#pragma once

#include <span>
#include <utility>
#include <vector>

#include "magnu/experiment/solar_flux.hpp"
#include "magnu/scan/convolution_bodies.hpp"

/// What the evaluations put into an executor's memory.
namespace magnu {

template <class Executor, class T>
auto uploaded(const Executor& executor, const std::vector<T>& values) {
  return executor.upload(std::span<const T>(values));
}

/// For as long as they live.
template <class Executor, class T>
auto lent(const Executor& executor, const std::vector<T>& values) {
  return executor.lend(std::span<const T>(values));
}

template <class Buffer>
auto const_view(const Buffer& buffer) {
  return buffer.view();
}

template <class T>
View<T> part(View<T> view, std::size_t from, std::size_t size) {
  return {view.data + from, size};
}

/// Squares, padded with zeros to a multiple of `multiple`.
inline std::vector<double> squared(std::span<const double> mu_eff, std::size_t multiple) {
  std::vector<double> squares((mu_eff.size() + multiple - 1) / multiple * multiple);
  for (std::size_t i = 0; i < mu_eff.size(); ++i) squares[i] = mu_eff[i] * mu_eff[i];
  return squares;
}

/// A flux in an executor's memory, for as long as it lives on the host.
template <class Executor>
struct FluxBuffers {
  template <class T>
  using Lent = decltype(lent(std::declval<const Executor&>(), std::vector<T>()));

  FluxBuffers(const Executor& executor, const SolarFlux& flux)
      : panels(lent(executor, flux.panels)),
        coefficients(lent(executor, flux.coefficients)),
        first_panel(lent(executor, flux.first_panel)),
        lines(lent(executor, flux.lines)),
        first_line(lent(executor, flux.first_line)),
        segment_end(lent(executor, flux.segment_end)),
        segment_panel(lent(executor, flux.segment_panel)),
        survival_panels(lent(executor, flux.survival_panels)),
        shell_density(lent(executor, flux.shell_density)),
        shell_fraction(lent(executor, flux.shell_fraction)),
        survival(flux.settings.oscillation) {}

  FluxView view() const {
    return {panels.view(),
            coefficients.view(),
            first_panel.view(),
            lines.view(),
            first_line.view(),
            segment_end.view(),
            segment_panel.view(),
            survival_panels.view(),
            shell_density.view(),
            shell_fraction.view(),
            survival};
  }

  Lent<FluxPanel> panels;
  Lent<double> coefficients;
  Lent<int> first_panel;
  Lent<FluxLine> lines;
  Lent<int> first_line;
  Lent<double> segment_end;
  Lent<int> segment_panel;
  Lent<SurvivalPanel> survival_panels;
  Lent<double> shell_density, shell_fraction;
  SurvivalProbability survival;
};

}  // namespace magnu
