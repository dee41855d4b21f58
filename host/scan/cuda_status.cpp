#include "magnu/scan/cuda_status.hpp"

namespace magnu {
namespace {

std::string cuda_version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string capability(const CudaDeviceFacts& device) {
  return std::to_string(device.major) + "." + std::to_string(device.minor);
}

/// Within a major version of CUDA any driver serves; an older one does not.
bool too_old(const CudaFacts& facts) {
  return facts.driver / 1000 < facts.runtime / 1000;
}

std::string old_driver(const CudaFacts& facts) {
  return "the driver is for CUDA " + cuda_version(facts.driver) + ", this program needs one for " +
         cuda_version(facts.runtime / 1000 * 1000) + " or later";
}

/// Why a device does not run the kernels of this program; empty if it does.
std::string objection(const CudaDeviceFacts& device, const CudaFacts& facts,
                      const std::string& architectures) {
  if (!device.code_missing) return device.kernel_error;
  return too_old(facts) ? old_driver(facts)
                        : "no code for compute capability " + capability(device) +
                              " in this program (built for " + architectures + ")";
}

}  // namespace

CudaStatus judge_cuda(const CudaFacts& facts, const std::string& architectures) {
  CudaStatus status;
  status.built_in = true;
  if (!facts.count_error.empty()) {
    status.reason = facts.driver == 0 ? "no NVIDIA driver"
                    : too_old(facts)  ? old_driver(facts)
                                      : facts.count_error;
    return status;
  }
  if (facts.devices.empty()) status.reason = "the driver knows none";
  for (std::size_t i = 0; i < facts.devices.size(); ++i) {
    const auto& device = facts.devices[i];
    const auto why = objection(device, facts, architectures);
    status.devices.push_back(device.name + ", compute capability " + capability(device) + ", " +
                             std::to_string(device.bytes >> 20) + " MiB" +
                             (why.empty() ? "" : "; not usable: " + why));
    if (why.empty() && status.device < 0) status.device = static_cast<int>(i);
    if (!why.empty() && status.reason.empty()) status.reason = device.name + ": " + why;
  }
  if (status.usable()) status.reason.clear();
  return status;
}

}  // namespace magnu
