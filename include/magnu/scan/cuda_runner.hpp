#pragma once

#include <memory>

#include "magnu/scan/cuda_status.hpp"
#include "magnu/scan/runner.hpp"

namespace magnu {

/// Asked once; later calls give the same.
const CudaStatus& cuda_status();

/// A runner on the device of `cuda_status`; DeviceError where there is none.
std::unique_ptr<Runner> make_cuda_runner();

}  // namespace magnu
