#pragma once

#include <memory>
#include <string>
#include <vector>

#include "magnu/scan/runner.hpp"

namespace magnu {

/// What this program and machine offer in CUDA. The same interface with and without nvcc.
struct CudaStatus {
  bool built_in = false;
  std::vector<std::string> devices;  ///< name, compute capability, memory
  std::string reason;                ///< why there is no device, if there is none
};

CudaStatus cuda_status();

/// A runner on the current device; DeviceError where there is none.
std::unique_ptr<Runner> make_cuda_runner();

}  // namespace magnu
