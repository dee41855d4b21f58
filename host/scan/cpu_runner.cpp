#include "magnu/scan/cpu_runner.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif
#include <sched.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <span>

#include "magnu/scan/cpu_loop.hpp"
#include "magnu/scan/cpu_toys.hpp"
#include "magnu/scan/host_memory.hpp"
#include "magnu/scan/pipeline.hpp"

namespace magnu {
namespace {

#ifndef _OPENMP  // a build for the fuzz targets
bool omp_in_parallel() {
  return true;
}
int omp_get_num_procs() {
  return 1;
}
#endif

/// OpenMP over blocks of indices, each a loop compiled for the chosen instruction set.
class CpuExecutor : public HostMemory {
 public:
  static constexpr bool row_by_row = true;

  CpuExecutor(int threads, InstructionSet isa) : threads_(threads), isa_(isa) {}

  std::string name() const { return "cpu"; }
  std::string device() const { return processor_name(); }
  std::string instruction_set() const { return to_string(isa_); }
  int threads() const { return threads_; }
  int concurrent_calls() const { return threads_; }
  std::size_t parts(std::size_t) const { return 1; }
  /// Rows enough for threads to share them evenly; the cells of one stay in its cache.
  std::size_t working_bytes() const { return std::size_t{16} << 20; }

  /// The vector registers hold the squares of these values, two sums for each, and a cell: five
  /// vectors of AVX2, four of SSE2, of sixteen registers, and eight of the 32 of AVX-512. Ten sums
  /// in flight hide four cycles of latency of two fma units with some to spare.
  template <class F>
  auto with_lanes(F&& f) const {
    return isa_ == InstructionSet::v4   ? f(std::integral_constant<int, 64>{})
           : isa_ == InstructionSet::v3 ? f(std::integral_constant<int, 20>{})
                                        : f(std::integral_constant<int, 8>{});
  }

  template <class Body>
  void for_each(std::size_t n, const Body& body, std::size_t work,
                const Meanwhile& meanwhile = {}) const {
    const bool alone = threads_ == 1 || omp_in_parallel() || n * work < worth_waking_threads;
    if (alone) {
      if (meanwhile) meanwhile();
      loop(body, 0, n);
      return;
    }
    const std::size_t block =
        std::max<std::size_t>(1, n / (64 * static_cast<std::size_t>(threads_)));
    const auto blocks = static_cast<std::ptrdiff_t>((n + block - 1) / block);
    std::exception_ptr problem;
#pragma omp parallel num_threads(threads_)
    {
#pragma omp single nowait
      if (meanwhile) problem = thrown_by(meanwhile);
#pragma omp for schedule(dynamic)
      for (std::ptrdiff_t b = 0; b < blocks; ++b)
        loop(body, b * block, std::min(n, (b + 1) * block));
    }
    if (problem) std::rethrow_exception(problem);
  }

  template <class Term>
  std::vector<double> sum_segments(std::size_t count, std::size_t length, const Term& term) const {
    std::vector<double> sums(count);
    const View<double> out{sums.data(), sums.size()};
    for_each(
        count,
        [=](std::size_t s) {
          double sum = 0;
          for (std::size_t j = 0; j < length; ++j) sum += term(s * length + j);
          out[s] = sum;
        },
        4 * length);
    return sums;
  }

 private:
  static std::exception_ptr thrown_by(const Meanwhile& task) {
    try {
      task();
    } catch (...) {
      return std::current_exception();
    }
    return nullptr;
  }

  template <class Body>
  void loop(const Body& body, std::size_t from, std::size_t to) const {
#ifdef MAGNU_ISA_DISPATCH
    if (isa_ == InstructionSet::v4) return loop_v4(body, from, to);
    if (isa_ == InstructionSet::v3) return loop_v3(body, from, to);
#endif
    loop_baseline(body, from, to);
  }

  // About 0.1 ms of work: below it, waking the other threads costs more than it saves.
  static constexpr std::size_t worth_waking_threads = 400'000;

  int threads_;
  InstructionSet isa_;
};

class CpuRunner : public Pipeline<CpuExecutor> {
 public:
  CpuRunner(int threads, InstructionSet isa)
      : Pipeline(CpuExecutor(threads, isa)), threads_(threads), isa_(isa) {}

  void fit_toys(const ToyTask& task, std::size_t toys) const override {
    fit_toys_on_cpu(task, toys, threads_, isa_);
  }

 private:
  int threads_;
  InstructionSet isa_;
};

}  // namespace

bool supported(InstructionSet isa) {
#ifdef MAGNU_ISA_DISPATCH
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("bmi");
  if (isa == InstructionSet::v3) return v3;
  if (isa == InstructionSet::v4)
    return v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#endif
  return isa == InstructionSet::baseline;
}

InstructionSet best_instruction_set() {
  if (supported(InstructionSet::v4)) return InstructionSet::v4;
  return supported(InstructionSet::v3) ? InstructionSet::v3 : InstructionSet::baseline;
}

std::string to_string(InstructionSet isa) {
  return isa == InstructionSet::v4 ? "v4" : isa == InstructionSet::v3 ? "v3" : "default";
}

int available_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, omp_get_num_procs());
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown processor";
}

std::unique_ptr<Runner> make_cpu_runner(int threads, InstructionSet isa) {
  return std::make_unique<CpuRunner>(threads, isa);
}

}  // namespace magnu
