#include "magnu/core/error.hpp"
#include "magnu/scan/cuda_runner.hpp"

// Stands in for kernels/cuda_runner.cu where there is no nvcc.
namespace magnu {

CudaStatus cuda_status() {
  return {false, {}, "this program was built without CUDA"};
}

std::unique_ptr<Runner> make_cuda_runner() {
  throw DeviceError(cuda_status().reason);
}

}  // namespace magnu
