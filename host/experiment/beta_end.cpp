#include "magnu/experiment/beta_end.hpp"

#include <algorithm>
#include <cmath>

#include "magnu/core/quadrature.hpp"

namespace magnu {

BetaEnd::BetaEnd(const BetaDecay& decay) : decay_(decay) {
  const double negligible = 1e-16 * beta_spectrum(decay, decay.end_energy / 2);
  double above = decay.end_energy / 2;
  last_ = decay.end_energy * 0x1p-60;
  while (above > 1.01 * last_) {
    const double middle = std::sqrt(above * last_);
    (beta_spectrum_below_end(decay, middle) > negligible ? above : last_) = middle;
  }
}

std::vector<double> BetaEnd::distances(double from, double ratio, double step) const {
  std::vector<double> list{from};
  while (list.back() > last_) {
    const double steep = coulomb_distance(decay_, coulomb_exponent(decay_, list.back()) + step);
    list.push_back(std::max({list.back() / ratio, steep, last_}));
  }
  return list;
}

}  // namespace magnu
