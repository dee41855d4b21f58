#include <thrust/allocate_unique.h>
#include <thrust/device_ptr.h>

#include <cub/device/device_segmented_reduce.cuh>
#include <string>
#include <vector>

#include "launch.cuh"
#include "magnu/scan/cuda_runner.hpp"
#include "magnu/scan/pipeline.hpp"
#include "thrust_executor.cuh"

namespace magnu {
namespace {

/// Its attributes tell whether this program holds code for a device, as those of any kernel would.
struct Nothing {
  MAGNU_HD void operator()(std::size_t) const {}
};

/// A kernel is asked for where `wanted`: that starts the device.
CudaDeviceFacts device_facts(int index, bool wanted) {
  CudaDeviceFacts facts;
  facts.name = "device " + std::to_string(index);
  cudaDeviceProp properties{};
  auto status = cudaGetDeviceProperties(&properties, index);
  if (status == cudaSuccess) {
    facts.name = properties.name;
    facts.major = properties.major;
    facts.minor = properties.minor;
    facts.bytes = properties.totalGlobalMem;
    cudaFuncAttributes attributes{};
    if (wanted) status = cudaSetDevice(index);
    if (wanted && status == cudaSuccess)
      status = cudaFuncGetAttributes(&attributes, run_body<Nothing>);
  }
  cudaGetLastError();
  facts.code_missing =
      status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction ||
      status == cudaErrorUnsupportedPtxVersion || status == cudaErrorInsufficientDriver;
  if (status != cudaSuccess) facts.kernel_error = cudaGetErrorString(status);
  return facts;
}

CudaFacts cuda_facts() {
  CudaFacts facts;
  if (cudaDriverGetVersion(&facts.driver) != cudaSuccess) facts.driver = 0;
  if (cudaRuntimeGetVersion(&facts.runtime) != cudaSuccess) facts.runtime = CUDART_VERSION;
  int count = 0;  // left alone where there is no driver
  const auto status = cudaGetDeviceCount(&count);
  cudaGetLastError();
  if (status != cudaSuccess) {
    facts.count_error = cudaGetErrorString(status);
    return facts;
  }
  bool wanted = true;  // until one serves
  for (int i = 0; i < count; ++i) {
    facts.devices.push_back(device_facts(i, wanted));
    if (facts.devices.back().kernel_error.empty()) wanted = false;
  }
  return facts;
}

/// Memory that is taken and given back in the order of launches, from a pool that keeps some: a
/// plain cudaMalloc waits for the device, and so does cudaFree, for every buffer of every launch.
template <class T>
struct PoolAllocator {
  using value_type = T;
  using pointer = thrust::device_ptr<T>;
  using const_pointer = thrust::device_ptr<const T>;
  using reference = thrust::device_reference<T>;
  using const_reference = thrust::device_reference<const T>;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  template <class U>
  struct rebind {
    using other = PoolAllocator<U>;
  };

  pointer allocate(std::size_t n) const {
    void* memory = nullptr;
    if (n > 0) check(cudaMallocAsync(&memory, n * sizeof(T), nullptr), "memory");
    return pointer(static_cast<T*>(memory));
  }
  void deallocate(pointer memory, std::size_t) const noexcept {
    if (memory.get()) cudaFreeAsync(memory.get(), nullptr);
  }
};

/// What the pool of the current device keeps when nothing is in use; the rest others may have.
void keep_pool(std::uint64_t bytes) {
  int index = 0, pools = 0;
  check(cudaGetDevice(&index), "device");
  check(cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, index), "memory pools");
  if (pools == 0) throw DeviceError("the device has no memory pools: a newer driver may help");
  cudaMemPool_t pool{};
  check(cudaDeviceGetDefaultMemPool(&pool, index), "memory pool");
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &bytes), "memory pool");
}

/// Copies to the host, in a stream of their own: each waits for what was launched before it, not
/// for what comes after.
class CudaCopies {
 public:
  CudaCopies() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream"); }
  ~CudaCopies() {
    cudaStreamSynchronize(stream_);  // an error is seen by `finish`, or thrown already
    for (const auto& copy : copies_) cudaEventDestroy(copy.written);
    cudaStreamDestroy(stream_);
  }
  CudaCopies(const CudaCopies&) = delete;

  void after_launches(void* to, const void* from, std::size_t bytes) {
    cudaEvent_t written{};
    check(cudaEventCreateWithFlags(&written, cudaEventDisableTiming), "event");
    copies_.push_back({written, to, from, bytes});
    check(cudaEventRecord(written, nullptr), "event");
  }

  /// Not before all is launched: a copy to pageable memory holds up the thread that asks for it.
  void finish() {
    for (const auto& copy : copies_) {
      check(cudaStreamWaitEvent(stream_, copy.written, 0), "event");
      check(cudaMemcpyAsync(copy.to, copy.from, copy.bytes, cudaMemcpyDeviceToHost, stream_),
            "copy to the host");
    }
    check(cudaStreamSynchronize(stream_), "copy to the host");
  }

 private:
  struct Copy {
    cudaEvent_t written;
    void* to;
    const void* from;
    std::size_t bytes;
  };

  cudaStream_t stream_{};
  std::vector<Copy> copies_;
};

/// Memory and launches on the current device.
class CudaSpace {
 public:
  using Copies = CudaCopies;
  /// Twice the threads that the largest device runs at once, and 4 MiB.
  static constexpr std::size_t part = std::size_t{1} << 19;

  // Four mu_eff values a thread: eight sums in flight hide the latency of the FP64 pipe while
  // thousands of threads remain.
  static constexpr int lanes = 4;

  template <class T>
  using Allocator = PoolAllocator<T>;

  CudaSpace() { keep_pool(std::uint64_t{256} << 20); }

  std::string name() const { return "cuda"; }

  std::string device() const {
    int index = 0, driver = 0;
    cudaDeviceProp properties{};
    check(cudaGetDevice(&index), "device");
    check(cudaGetDeviceProperties(&properties, index), "device properties");
    check(cudaDriverGetVersion(&driver), "driver version");
    return std::string(properties.name) + ", driver for CUDA " + std::to_string(driver / 1000) +
           "." + std::to_string(driver % 1000 / 10);
  }

  std::string instruction_set() const {
    int index = 0, major = 0, minor = 0;
    check(cudaGetDevice(&index), "device");
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index), "capability");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index), "capability");
    return "sm_" + std::to_string(major) + std::to_string(minor);
  }

  /// A quarter of what is free: a block is as many threads as a device can have, one launch instead
  /// of many with a thin end each, and other processes and the bins find room.
  std::size_t working_bytes() const {
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "free memory");
    return free / 4;
  }

  template <class Body>
  void for_each(std::size_t n, const Body& body) const {
    launch_1d(n, body);
  }

  /// One CUB block per segment: a fixed order of summation for a device model.
  template <class Iterator>
  void sum_segments(std::size_t count, std::size_t length, Iterator terms, double* sums) const {
    const auto begin = thrust::make_transform_iterator(
        thrust::make_counting_iterator(std::size_t{0}), SegmentBegin{length});
    std::size_t bytes = 0;
    check(cub::DeviceSegmentedReduce::Sum(nullptr, bytes, terms, sums, count, begin, begin + 1),
          "segmented sum");
    const auto scratch =
        thrust::uninitialized_allocate_unique_n<char>(PoolAllocator<char>{}, bytes);
    check(cub::DeviceSegmentedReduce::Sum(thrust::raw_pointer_cast(scratch.get()), bytes, terms,
                                          sums, count, begin, begin + 1),
          "segmented sum");
  }
};

}  // namespace

const CudaStatus& cuda_status() {
  static const CudaStatus status = judge_cuda(cuda_facts(), MAGNU_CUDA_ARCHITECTURES);
  return status;
}

std::unique_ptr<Runner> make_cuda_runner() {
  const auto& status = cuda_status();
  if (!status.usable()) throw DeviceError("no usable CUDA device: " + status.reason);
  check(cudaSetDevice(status.device), "device");
  return std::make_unique<Pipeline<ThrustExecutor<CudaSpace>>>(
      ThrustExecutor<CudaSpace>(CudaSpace{}));
}

}  // namespace magnu
