#pragma once

#include <string>
#include <vector>

namespace magnu {

/// What the CUDA runtime says of a device.
struct CudaDeviceFacts {
  std::string name;
  int major = 0, minor = 0;   ///< compute capability
  std::size_t bytes = 0;      ///< of memory
  bool code_missing = false;  ///< a kernel's attributes: no code for this device
  std::string kernel_error;   ///< what else stands against a kernel there; empty for nothing
};

/// What the CUDA runtime says of a machine.
struct CudaFacts {
  int driver = 0, runtime = 0;  ///< as 13000 for 13.0; driver 0: there is none
  std::string count_error;      ///< why devices could not be counted; empty if they could
  std::vector<CudaDeviceFacts> devices;
};

/// What this program and machine offer in CUDA. The same with and without nvcc.
struct CudaStatus {
  bool built_in = false;
  std::vector<std::string> devices;  ///< name, compute capability, memory, and why not, if so
  int device = -1;                   ///< the first that runs this program's kernels; -1: none
  std::string reason;                ///< why there is none

  bool usable() const { return device >= 0; }
};

/// `architectures`: those of the build, such as "80, 90", for the message.
CudaStatus judge_cuda(const CudaFacts& facts, const std::string& architectures);

}  // namespace magnu
