#include "magnu/core/error.hpp"
#include "magnu/scan/cuda_runner.hpp"

// Stands in for kernels/cuda_runner.cu where there is no nvcc.
namespace magnu {

const CudaStatus& cuda_status() {
  static const CudaStatus status{false, {}, -1, "this program was built without CUDA"};
  return status;
}

std::unique_ptr<Runner> make_cuda_runner() {
  throw DeviceError(cuda_status().reason);
}

}  // namespace magnu
