#pragma once

#include <cmath>

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

/// limits[i] = mu_eff at which delta chi^2 reaches the goal, for detector first + i of rows times a
/// product of amplitude axes (the last runs fastest). chi^2 = exposure mu^4/scale^2 sum_b M_b^2/v_b
/// with the variance v_b per tonne and year, so the root is closed.
struct CombineBins {
  View<const std::size_t> first_bin;           ///< [rows + 1]
  View<const double> signal, magnetic, width;  ///< [bins of all rows]: per tonne and year; keV
                                               ///< (density: 1)
  View<const double> background;               ///< row by row [shapes][bins], per tonne and year
  int shapes;
  std::size_t per_row;  ///< the product of the axes
  View<const AmplitudeAxis> axes;
  Amplitude base;
  std::size_t first;
  View<double> limits;

  MAGNU_HD void operator()(std::size_t i) const {
    const std::size_t row = (first + i) / per_row;
    const Amplitude a = amplitude((first + i) % per_row);
    const std::size_t from = first_bin[row], to = first_bin[row + 1];
    const double* other = background.data + from * shapes + a.shape * (to - from);
    const double on_signal = a.fraction_in_error ? 1 : 1 + a.fraction;
    const double on_all = a.fraction_in_error ? (1 + a.fraction) * (1 + a.fraction) : 1;
    double sum = 0;
    for (std::size_t b = from; b < to; ++b) {
      const double variance = on_signal * signal[b] + other[b - from] + a.flat * width[b];
      if (variance > 0) sum += magnetic[b] * magnetic[b] / variance;
    }
    const double goal = a.goal * a.sigma_scale * a.sigma_scale * on_all / (a.exposure * sum);
    limits[i] = sum > 0 ? std::sqrt(std::sqrt(goal)) : static_cast<double>(INFINITY);
  }

  MAGNU_HD Amplitude amplitude(std::size_t i) const {
    Amplitude a = base;
    int given = 0;  // a part of the background, a later axis, wins over the list it is part of
    for (std::size_t k = axes.size; k-- > 0;) {
      const AmplitudeAxis& axis = axes[k];
      const Amplitude& value = axis.values[i % axis.values.size];
      i /= axis.values.size;
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

}  // namespace magnu
