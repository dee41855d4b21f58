#pragma once

// Functions marked so run on the host and, where nvcc compiles them, on the device.
#ifdef __CUDACC__
#define MAGNU_HD __host__ __device__
#define MAGNU_SIMD_SUM(variable)
#define MAGNU_SIMD_SUM4(a, b, c, d)
#define MAGNU_SIMD
#define MAGNU_UNROLL
#else
#define MAGNU_HD
#define MAGNU_PRAGMA(text) _Pragma(#text)
// A loop over lanes kept in vector registers: without this it is unrolled before it is vectorised.
#define MAGNU_SIMD MAGNU_PRAGMA(omp simd)
// A short loop inside one over lanes.
#define MAGNU_UNROLL MAGNU_PRAGMA(GCC unroll 16)
// g++ vectorises a reduction only when told to.
#define MAGNU_SIMD_SUM(variable) MAGNU_PRAGMA(omp simd reduction(+ : variable))
#define MAGNU_SIMD_SUM4(a, b, c, d) MAGNU_PRAGMA(omp simd reduction(+ : a, b, c, d))
#endif
