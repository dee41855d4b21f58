#include "magnu/statistics/conditional_fit.hpp"

namespace magnu {

// Compiled for each instruction set, all that it calls with it; the one to use is looked up when
// the program starts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(MAGNU_BASELINE_ONLY)
__attribute__((target_clones("default", "arch=haswell", "arch=skylake-avx512"), flatten))
#endif
ConditionalMinimum
ConditionalFit::operator()(const DataView& data, double s, View<double> theta) {
  return fit(data, s, theta);
}

}  // namespace magnu
