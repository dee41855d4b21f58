#include "magnu/scan/cuda_status.hpp"

#include <gtest/gtest.h>

namespace magnu {
namespace {

CudaDeviceFacts hopper() {
  return {"NVIDIA H100", 9, 0, std::size_t{80} << 30, false, ""};
}
CudaDeviceFacts volta() {
  return {"Tesla V100", 7, 0, std::size_t{16} << 30, true, ""};
}

CudaStatus judged(const CudaFacts& facts) {
  return judge_cuda(facts, "80, 90");
}

TEST(CudaStatus, ADeviceWithCodeIsUsed) {
  const auto status = judged({13000, 13000, "", {hopper()}});
  EXPECT_TRUE(status.built_in);
  EXPECT_TRUE(status.usable());
  EXPECT_EQ(status.device, 0);
  EXPECT_EQ(status.reason, "");
  EXPECT_EQ(status.devices,
            std::vector<std::string>{"NVIDIA H100, compute capability 9.0, 81920 MiB"});
}

TEST(CudaStatus, WithoutADriverOrADevice) {
  const auto driverless = judged({0, 13000, "CUDA driver version is insufficient", {}});
  EXPECT_FALSE(driverless.usable());
  EXPECT_EQ(driverless.reason, "no NVIDIA driver");
  EXPECT_EQ(judged({13000, 13000, "", {}}).reason, "the driver knows none");
  EXPECT_EQ(judged({13000, 13000, "no CUDA-capable device is detected", {}}).reason,
            "no CUDA-capable device is detected");
}

TEST(CudaStatus, AnOldDriverIsNamedWithBothVersions) {
  const auto counted = judged({12040, 13020, "CUDA driver version is insufficient", {}});
  EXPECT_FALSE(counted.usable());
  EXPECT_EQ(counted.reason,
            "the driver is for CUDA 12.4, this program needs one for 13.0 or later");
  // Found only when a kernel is asked for.
  auto device = hopper();
  device.code_missing = true;
  const auto status = judged({12040, 13020, "", {device}});
  EXPECT_FALSE(status.usable());
  EXPECT_EQ(status.reason,
            "NVIDIA H100: the driver is for CUDA 12.4, this program needs one for 13.0 or later");
  // An older one of the same major version serves.
  EXPECT_TRUE(judged({13000, 13020, "", {hopper()}}).usable());
}

TEST(CudaStatus, ADeviceWithoutCodeIsPassedOver) {
  const auto alone = judged({13000, 13000, "", {volta()}});
  EXPECT_FALSE(alone.usable());
  EXPECT_EQ(alone.reason,
            "Tesla V100: no code for compute capability 7.0 in this program (built for 80, 90)");
  EXPECT_EQ(alone.devices[0],
            "Tesla V100, compute capability 7.0, 16384 MiB; not usable: no code for compute "
            "capability 7.0 in this program (built for 80, 90)");
  const auto second = judged({13000, 13000, "", {volta(), hopper()}});
  EXPECT_EQ(second.device, 1);
  EXPECT_EQ(second.reason, "");
  EXPECT_EQ(second.devices.size(), 2u);
}

TEST(CudaStatus, AnotherErrorOfAKernelIsSaidAsItIs) {
  auto device = hopper();
  device.kernel_error = "out of memory";
  const auto status = judged({13000, 13000, "", {device}});
  EXPECT_FALSE(status.usable());
  EXPECT_EQ(status.reason, "NVIDIA H100: out of memory");
}

}  // namespace
}  // namespace magnu
