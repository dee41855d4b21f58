#pragma once

#include <cmath>

#include "magnu/core/divide.hpp"
#include "magnu/core/view.hpp"

/// Limits of many detectors that share their binned spectra.
namespace magnu {

/// Bits of what an amplitude axis sets.
enum AmplitudeField : int {
  sets_exposure = 1,
  sets_sigma_scale = 2,
  sets_goal = 4,
  sets_fraction = 8,
  sets_flat = 16,
  sets_shape = 32,
  sets_fraction_in = 64,
};

/// The settings of a detector that cost a few multiply-adds per bin.
struct Amplitude {
  double exposure = 1;  ///< tonne year
  double sigma_scale = 1;
  double goal = 1;      ///< delta chi^2 of the confidence level
  double fraction = 0;  ///< background as a fraction of the signal
  double flat = 0;      ///< 1/(t yr keV)
  int shape = 0;        ///< which of the backgrounds of no adjustable size
  int fraction_in_error = 0;
};

/// One axis of amplitudes: `values`, of which the fields in `sets` count.
struct AmplitudeAxis {
  View<const Amplitude> values;
  int sets = 0;
};

/// Detectors as bodies see them: rows that share binned spectra, times a product of amplitude axes
/// of which the last runs fastest.
struct Detectors {
  View<const std::size_t> first_bin;           ///< [rows + 1]
  View<const double> signal, magnetic, width;  ///< [bins of all rows]: per tonne and year; keV
                                               ///< (density: 1)
  View<const double> background;               ///< row by row [shapes][bins], per tonne and year
  int shapes;
  std::size_t per_row;  ///< the product of the axes
  View<const AmplitudeAxis> axes;
  Amplitude base;

  /// A sum over bins and its slope against the size of a part of the variance.
  struct Sum {
    double value = 0, slope = 0;
  };

  MAGNU_HD std::size_t row(std::size_t i) const { return divide(i, per_row).quotient; }

  /// sum_b M_b^2/v_b of a row, v_b = c s_b + other_b + flat w_b the variance per tonne and year:
  /// then chi^2 = exposure mu^4/scale^2 times it. The slope is against `flat`, or against c.
  MAGNU_HD Sum sum(std::size_t row, const Amplitude& a, double on_signal, bool against_flat) const {
    const std::size_t from = first_bin[row], to = first_bin[row + 1];
    const double* other = background.data + from * shapes + a.shape * (to - from);
    Sum sum;
    for (std::size_t b = from; b < to; ++b) {
      const double variance = on_signal * signal[b] + other[b - from] + a.flat * width[b];
      if (!(variance > 0)) continue;
      const double term = magnetic[b] * magnetic[b] / variance;
      sum.value += term;
      sum.slope -= term / variance * (against_flat ? width[b] : signal[b]);
    }
    return sum;
  }

  MAGNU_HD Amplitude amplitude(std::size_t detector) const {
    std::size_t i = divide(detector, per_row).remainder;
    Amplitude a = base;
    int given = 0;  // a part of the background, a later axis, wins over the list it is part of
    for (std::size_t k = axes.size; k-- > 0;) {
      const AmplitudeAxis& axis = axes[k];
      const auto [rest, place] = divide(i, axis.values.size);
      const Amplitude& value = axis.values[place];
      i = rest;
      const int sets = axis.sets & ~given;
      given |= axis.sets;
      if (sets & sets_exposure) a.exposure = value.exposure;
      if (sets & sets_sigma_scale) a.sigma_scale = value.sigma_scale;
      if (sets & sets_goal) a.goal = value.goal;
      if (sets & sets_fraction) a.fraction = value.fraction;
      if (sets & sets_flat) a.flat = value.flat;
      if (sets & sets_shape) a.shape = value.shape;
      if (sets & sets_fraction_in) a.fraction_in_error = value.fraction_in_error;
    }
    return a;
  }
};

/// limits[i] = mu_eff at which delta chi^2 of detector first + i reaches the goal. chi^2 is a
/// quartic, so the root is closed.
struct SolveLimit {
  Detectors detectors;
  std::size_t first;
  View<double> limits;

  MAGNU_HD void operator()(std::size_t i) const {
    const Amplitude a = detectors.amplitude(first + i);
    const double on_signal = a.fraction_in_error ? 1 : 1 + a.fraction;
    const double on_all = a.fraction_in_error ? (1 + a.fraction) * (1 + a.fraction) : 1;
    const double sum = detectors.sum(detectors.row(first + i), a, on_signal, true).value;
    const double goal = a.goal * a.sigma_scale * a.sigma_scale * on_all / (a.exposure * sum);
    limits[i] = sum > 0 ? std::sqrt(std::sqrt(goal)) : static_cast<double>(INFINITY);
  }
};

/// The inverse question: which amplitude, between two ends, makes the limit `mu_eff`.
struct AmplitudeReach {
  int by = 0;         ///< sets_exposure, sets_flat or sets_fraction; 0 for limits
  double mu_eff = 0;  ///< mu_B
  double from = 0, to = 0;
};

/// values[i] = the least exposure, or the largest background, with which detector first + i has a
/// limit of `mu_eff` or below; NaN where nothing between `from` and `to` does.
struct SolveReach {
  Detectors detectors;
  AmplitudeReach reach;
  std::size_t first;
  View<double> values;

  MAGNU_HD void operator()(std::size_t i) const {
    values[i] = solve(detectors.row(first + i), detectors.amplitude(first + i));
  }

  MAGNU_HD double solve(std::size_t row, Amplitude a) const {
    const double none = static_cast<double>(NAN);
    const double mu4 = reach.mu_eff * reach.mu_eff * reach.mu_eff * reach.mu_eff;
    const double needed = a.goal * a.sigma_scale * a.sigma_scale / (a.exposure * mu4);
    if (a.fraction_in_error && reach.by == sets_fraction) {  // sum >= needed (1 + x)^2
      const double x = std::sqrt(detectors.sum(row, a, 1, true).value / needed) - 1;
      return x >= reach.from ? (x < reach.to ? x : reach.to) : none;
    }
    const double on_signal = a.fraction_in_error ? 1 : 1 + a.fraction;
    const double on_all = a.fraction_in_error ? (1 + a.fraction) * (1 + a.fraction) : 1;
    if (reach.by == sets_exposure) {
      const double x = a.exposure * needed * on_all / detectors.sum(row, a, on_signal, true).value;
      return x <= reach.to ? (x > reach.from ? x : reach.from) : none;
    }
    return largest_background(row, a, needed * on_all);
  }

  /// Where sum(x) falls to `needed`. 1/sum is concave and close to a line in x, so Newton's steps
  /// for it come from the left, never beyond the root.
  MAGNU_HD double largest_background(std::size_t row, Amplitude a, double needed) const {
    const auto sum_at = [&](double x) {
      const bool flat = reach.by == sets_flat;
      if (flat) a.flat = x;
      return detectors.sum(row, a, flat ? (a.fraction_in_error ? 1 : 1 + a.fraction) : 1 + x, flat);
    };
    if (sum_at(reach.to).value >= needed) return reach.to;
    if (!(sum_at(reach.from).value >= needed)) return static_cast<double>(NAN);
    double x = reach.from;
    for (int step = 0; step < 100; ++step) {
      const auto sum = sum_at(x);
      const double move = sum.value * (1 - sum.value / needed) / sum.slope;
      if (!(move > 1e-16 * x)) break;
      x += move;
    }
    return x < reach.to ? x : reach.to;
  }
};

}  // namespace magnu
