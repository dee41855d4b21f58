#pragma once

#include <cstddef>

namespace magnu {

// One loop per instruction set. `flatten` pulls the whole body into the loop, so that it is
// compiled for the loop's instruction set; naming features, not an architecture, is what lets g++
// inline code of the baseline there. The sanitizer build keeps the baseline alone.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(MAGNU_BASELINE_ONLY)
#define MAGNU_ISA_DISPATCH
#define MAGNU_FLATTEN __attribute__((flatten))
#define MAGNU_TARGET_V3 __attribute__((target("avx2,fma,bmi,bmi2,lzcnt,movbe,f16c"), flatten))
#define MAGNU_TARGET_V4                                                                          \
  __attribute__((target("avx2,fma,bmi,bmi2,lzcnt,movbe,f16c,avx512f,avx512bw,avx512cd,avx512dq," \
                        "avx512vl,prefer-vector-width=512"),                                     \
                 flatten))
#else
#define MAGNU_FLATTEN
#endif

template <class Body>
MAGNU_FLATTEN void loop_baseline(const Body& body, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) body(i);
}

#ifdef MAGNU_ISA_DISPATCH
template <class Body>
MAGNU_TARGET_V3 void loop_v3(const Body& body, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) body(i);
}

template <class Body>
MAGNU_TARGET_V4 void loop_v4(const Body& body, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) body(i);
}
#endif

}  // namespace magnu
