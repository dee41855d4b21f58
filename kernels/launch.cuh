#pragma once

#include <cuda_runtime.h>

#include <string>

#include "magnu/core/error.hpp"
#include "magnu/core/launch.hpp"

namespace magnu {

/// Throws DeviceError for anything but success, and clears the error so that the next call is
/// judged by itself.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  throw DeviceError(std::string("CUDA, ") + what + ": " + cudaGetErrorString(status));
}

inline constexpr int threads_per_block = 128;

template <class Body>
__global__ void __launch_bounds__(threads_per_block) run_body(const Body body, std::size_t n) {
  run_thread(body, n, blockIdx.x, threads_per_block, threadIdx.x);
}

/// For bodies that say `large`: they get all the registers that they ask for. Left alone, the
/// assembler spills to keep more threads than such bodies find cache for.
template <class Body>
__global__ void __launch_bounds__(threads_per_block, 1)
    run_large_body(const Body body, std::size_t n) {
  run_thread(body, n, blockIdx.x, threads_per_block, threadIdx.x);
}

/// body(i) for every i < n, one thread each.
template <class Body>
void launch_1d(std::size_t n, const Body& body) {
  if (n == 0) return;
  const std::size_t blocks = (n + threads_per_block - 1) / threads_per_block;
  if (blocks > 0x7fffffff) throw DeviceError("a launch of more than 2^31 blocks");
  if constexpr (requires { Body::large; }) {
    run_large_body<<<static_cast<unsigned>(blocks), threads_per_block>>>(body, n);
  } else {
    run_body<<<static_cast<unsigned>(blocks), threads_per_block>>>(body, n);
  }
  check(cudaGetLastError(), "launch");
}

}  // namespace magnu
