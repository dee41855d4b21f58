#pragma once

#include "magnu/core/divide.hpp"
#include "magnu/core/view.hpp"

namespace magnu {

/// Term (signal/sigma)^2 of arXiv:2008.05080 eq. (3.1) from binned extra signals. Index: mu times
/// bins plus bin. A bin with nothing expected has inverse variance 0 and adds nothing.
struct DirectTerm {
  View<const double> extra;             ///< [mu][bins], per tonne and year
  View<const double> inverse_variance;  ///< [bins]
  double exposure;

  MAGNU_HD double operator()(std::size_t i) const {
    const double signal = exposure * extra[i];
    return signal * signal * inverse_variance[divide(i, inverse_variance.size).remainder];
  }
};

/// The same from the template: the extra signal is mu^2 times the magnetic one.
struct TemplateTerm {
  View<const double> magnetic;          ///< [bins], per tonne and year, at 1 mu_B
  View<const double> inverse_variance;  ///< [bins]
  View<const double> mu_squared;        ///< [mu]
  double exposure;

  MAGNU_HD double operator()(std::size_t i) const {
    const auto [mu, bin] = divide(i, magnetic.size);
    const double signal = exposure * mu_squared[mu] * magnetic[bin];
    return signal * signal * inverse_variance[bin];
  }
};

}  // namespace magnu
